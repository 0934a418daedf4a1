"""How questions are asked for a calibration: each is retrieved and read for, and what was read is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.gold.corpus import context_uri
from eval.gold.places import StorePlaces
from eval.gold.questions import GoldQuestion
from index.documents import document_id
from index.errors import InputError
from index.store.store import Store
from qa.asking.asked import Asked
from qa.engine import Engine
from qa.reading.legible_reader import ReadPassage
from qa.types import Filters, Question

BATCH = 16

Within = Callable[[GoldQuestion], tuple[str, ...]]
"""The ids of the documents that a question is asked of alone, as in a small store."""


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
    within: Within | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Observation]:
    """Retrieve and read for each question, in its order: of the whole store, or of the documents `within` names.

    progress is called with (questions done, all).
    """
    observations: list[Observation] = []
    for begin in range(0, len(gold), BATCH):
        batch = gold[begin : begin + BATCH]
        asked = [
            Asked(
                Question(
                    question=entry.question,
                    passages=passages,
                    filters=Filters(document_ids=within(entry)) if within else Filters(),
                )
            )
            for entry in batch
        ]
        read = engine.read(asked, engine.retrieve(asked))
        observations.extend(Observation(entry, passages_read) for entry, passages_read in zip(batch, read, strict=True))
        if progress:
            progress(len(observations), len(gold))
    return observations


def in_its_article(everything: Sequence[GoldQuestion]) -> Within:
    """The paragraphs of a question's article; `everything` are the questions that tell which those are."""
    documents_by_article: dict[str, dict[str, None]] = {}
    for question in everything:
        if question.context:
            documents = documents_by_article.setdefault(question.title or "", {})
            documents[document_id(context_uri(question.context))] = None
    return lambda question: tuple(documents_by_article[question.title or ""])


def in_its_document(store: Store, gold_file: Path, gold: Sequence[GoldQuestion]) -> Within:
    """The document that a question of `gold_file` names. Raises InputError, before anything is read, for a question
    that names none and for a document that is not in the store."""
    places = StorePlaces(store, gold_file)
    documents_by_name: dict[str, str] = {}
    for question in gold:
        if question.document is None:
            raise InputError(f"{gold_file}: question {question.id!r} names no document; give the file it was asked of")
        if question.document not in documents_by_name:
            place = places.place(question)
            if place is None:
                raise InputError(
                    f"the store {store.location} lacks {question.document}, which {gold_file} asks of: index the "
                    "documents of the gold file into it"
                )
            documents_by_name[question.document] = place.document
    return lambda question: (documents_by_name[question.document or ""],)
