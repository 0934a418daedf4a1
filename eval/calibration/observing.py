"""How questions are asked for a calibration: each is retrieved and read for, and what was read is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eval.gold.corpus import context_uri
from eval.gold.questions import GoldQuestion
from index.documents import document_id
from qa.asking.asked import Asked
from qa.engine import Engine
from qa.reading.legible_reader import ReadPassage
from qa.types import Filters, Question

BATCH = 16


@dataclass(frozen=True, slots=True)
class Observation:
    """A gold question with the passages that were read for it."""

    gold: GoldQuestion
    read: Sequence[ReadPassage]

    @property
    def asked(self) -> Asked:
        """The gold question as the engine is asked it."""
        return Asked(Question(question=self.gold.question))


def observe(
    engine: Engine,
    gold: Sequence[GoldQuestion],
    *,
    passages: int,
    within_article: bool,
    everything: Sequence[GoldQuestion],
    progress: Callable[[int, int], None] | None = None,
) -> list[Observation]:
    """Retrieve and read for each question, in its order.

    `within_article` asks only the documents of the question's own article, as in a small store; `everything` are the
    questions that tell which those are. progress is called with (questions done, all).
    """
    documents_by_article: dict[str, list[str]] = {}
    for question in everything:
        if question.context:
            documents = documents_by_article.setdefault(question.title or "", [])
            documents.append(document_id(context_uri(question.context)))
    observations: list[Observation] = []
    for begin in range(0, len(gold), BATCH):
        batch = gold[begin : begin + BATCH]
        asked = [
            Asked(
                Question(
                    question=entry.question,
                    passages=passages,
                    filters=Filters(document_ids=tuple(dict.fromkeys(documents_by_article[entry.title or ""])))
                    if within_article
                    else Filters(),
                )
            )
            for entry in batch
        ]
        read = engine.read(asked, engine.retrieve(asked))
        observations.extend(Observation(entry, passages_read) for entry, passages_read in zip(batch, read, strict=True))
        if progress:
            progress(len(observations), len(gold))
    return observations
