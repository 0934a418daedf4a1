"""Asking a store: batches ahead of the harness, and what was read, cited and missed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from eval.gold.places import StorePlaces
from eval.gold.questions import GoldQuestion
from eval.results import Cause, PassageRead
from eval.runs.attribution import Attribution
from eval.runs.harness import Inspected
from eval.runs.run import About, GoldRef, StoreRef, software
from index.errors import InputError, SpanqaError
from index.store.store import Store
from qa.engine import Engine, Trace
from qa.types import ModelRef, Question, Response

BATCH = 16


class StoreAsker:
    """Answers gold questions from an engine, a batch ahead of what is asked.

    Fulfils the harness's `Asker`, `Inside` and `SourceTexts`. Batches are cut at fixed places of the gold set, so that
    a run that was interrupted reads what it has left just as it would have. Questions whose batch fails are asked one
    by one, so that only the one at fault fails.
    """

    def __init__(self, engine: Engine, gold: Sequence[GoldQuestion], gold_file: Path, *, done: int = 0) -> None:
        """`done` questions of `gold` have been asked by an earlier run and will not be asked again."""
        self._engine = engine
        self._texts = [question.question for question in gold]
        self._begin = done // BATCH * BATCH
        self._places = StorePlaces(engine.store, gold_file)
        self._attribution = Attribution(engine, self._places)
        self._ready: dict[str, Trace | SpanqaError] = {}

    def ask(self, question: Question) -> Response:
        if question.question not in self._ready:
            self._ask_batch(question)
        return self._trace(question.question).response

    def inspect(self, gold: GoldQuestion) -> Inspected:
        read = self._trace(gold.question).read
        passages = [
            PassageRead(entry.passage.document_id, entry.passage.start, entry.passage.end, round(entry.hit.score, 6))
            for entry in read
        ]
        return Inspected(self._places.place(gold), passages)

    def cause(self, gold: GoldQuestion, question: Question) -> Cause:
        return self._attribution.cause(gold, question, self._trace(gold.question).read)

    def text(self, document_id: str) -> str | None:
        document = self._places.document(document_id)
        return document.text if document else None

    def _trace(self, text: str) -> Trace:
        trace = self._ready.get(text)
        if trace is None:
            raise InputError(f"the question {text[:80]!r} was not asked last")
        if isinstance(trace, SpanqaError):
            raise trace
        return trace

    def _ask_batch(self, question: Question) -> None:
        # Onwards first: the same words may be asked of many documents.
        later = self._texts[self._begin :]
        onwards = self._begin if question.question in later else 0
        begin = self._texts.index(question.question, onwards) // BATCH * BATCH
        self._begin = begin
        texts = dict.fromkeys(self._texts[begin : begin + BATCH])
        batch = [question.model_copy(update={"question": text}) for text in texts]
        # Only the newest batch is kept: a run of thousands must not hold every text that it read.
        self._ready = {}
        try:
            self._ready.update(zip(texts, self._engine.trace(batch), strict=True))
        except SpanqaError:
            for alone in batch:
                try:
                    (self._ready[alone.question],) = self._engine.trace([alone])
                except SpanqaError as error:
                    self._ready[alone.question] = error


def about_engine(engine: Engine, gold: GoldRef) -> About:
    """What decides a run of these gold questions over an engine."""
    return About(
        software=software(),
        gold=gold,
        store=about_store(engine.store),
        embedder=ModelRef(name=engine.store.embedder.name, sha256=engine.store.embedder.sha256),
        reader=ModelRef(name=engine.reader.name, sha256=engine.reader.sha256),
        calibration_sha256=engine.calibration.sha256,
    )


def about_store(store: Store) -> StoreRef:
    """A store by its content: equal for stores of the same documents, in whatever order they came."""
    generation = store.catalogue.generation()
    records = store.catalogue.records()
    digest = hashlib.sha256()
    for record in sorted(records, key=lambda record: record.id):
        line = f"{record.id} {record.sha256} {record.passages} {record.media_type} {record.title}\n"
        digest.update(line.encode("utf-8", "surrogatepass"))
    return StoreRef(
        sha256=digest.hexdigest(),
        generation=generation,
        documents=len(records),
        passages=sum(record.passages for record in records),
    )
