"""Asking a store: batches ahead of the harness, and the ranks and texts that judge what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from eval.corpus import context_uri
from eval.gold import GoldQuestion
from eval.measures import first_overlap
from index.documents import document_id
from index.errors import SpanqaError
from qa.engine import Engine, Retrieved
from qa.types import Question, Response

BATCH = 16


class StoreAsker:
    """Answers gold questions from an engine, a batch ahead of what is asked.

    Fulfils the harness's `Asker`, `Retrieves` and `SourceTexts`. A question whose batch fails is asked alone, so that
    only the one at fault fails.
    """

    def __init__(self, engine: Engine, gold: Sequence[GoldQuestion], gold_file: Path) -> None:
        self._engine = engine
        self._ahead = [question.question for question in gold]
        self._folder = gold_file.resolve().parent
        self._ready: dict[str, tuple[Retrieved, Response]] = {}
        self._texts: dict[str, str | None] = {}
        self._documents: dict[str, str | None] = {}

    def ask(self, question: Question) -> Response:
        if question.question not in self._ready:
            self._ask_batch(question)
        return self._ready[question.question][1]

    def gold_rank(self, gold: GoldQuestion, k: int) -> int | None:
        found = self._ready.get(gold.question)
        wanted = self._document_of(gold)
        if found is None or wanted is None:
            return None
        passages = [
            (entry.passage.document_id, entry.passage.start, entry.passage.end) for entry in found[0].passages[:k]
        ]
        spans = [(a.start, a.end) for a in gold.answers if a.start is not None and a.end is not None]
        return first_overlap(passages, wanted, spans)

    def text(self, document_id: str) -> str | None:
        if document_id not in self._texts:
            document = self._engine.store.catalogue.document(document_id)
            self._texts[document_id] = document.text if document else None
        return self._texts[document_id]

    def _ask_batch(self, question: Question) -> None:
        at = self._ahead.index(question.question)
        batch = [question.model_copy(update={"question": text}) for text in dict.fromkeys(self._ahead[at : at + BATCH])]
        try:
            answered = self._engine.ask_inspected(batch)
        except SpanqaError:
            batch = [question]
            answered = self._engine.ask_inspected(batch)
        # Only the newest batch is kept: a run of thousands must not hold every text that it read.
        self._ready = {asked.question: result for asked, result in zip(batch, answered, strict=True)}

    def _document_of(self, gold: GoldQuestion) -> str | None:
        if gold.document is None:
            return document_id(context_uri(gold.context)) if gold.context else None
        if gold.document not in self._documents:
            self._documents[gold.document] = self._stored(gold.document)
        return self._documents[gold.document]

    def _stored(self, name: str) -> str | None:
        """The id of the stored document that a gold file names: by its path beside that file, or by its file name."""
        catalogue = self._engine.store.catalogue
        own = document_id((self._folder / name).as_uri())
        if catalogue.version_of(own) is not None:
            return own
        named = [record.id for record in catalogue.records() if record.uri.rsplit("/", 1)[-1] == Path(name).name]
        return named[0] if len(named) == 1 else None
