"""Answering: retrieve, read, judge, cite."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from index.errors import ChangingError
from index.store.store import Store
from qa.asking.asked import Asked
from qa.calibration.promise import valid_promise
from qa.citing.answers import cited_answer, cited_documents
from qa.citing.provenance import provenance
from qa.explaining.explain import explain
from qa.explanation import ThresholdSource
from qa.judging.also_found import also_found
from qa.judging.choice import choose
from qa.judging.confidence import Calibration
from qa.judging.judge import Judge, Judged
from qa.reading.legible_reader import ReadPassage, read_retrieved
from qa.reading.reader import Reader
from qa.retrieval.retriever import Retrieved, Retriever
from qa.types import Answer, Elapsed, Promise, Question, Response

# How often a question is asked again whose cited document changed while it was read.
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Trace:
    """A response with what it was made from: the passages retrieved, and the spans found in them."""

    retrieved: Retrieved
    read: Sequence[ReadPassage]
    response: Response


class Engine:
    """Answers questions from a store with a reader. Safe to share between threads."""

    def __init__(self, store: Store, reader: Reader, calibration: Calibration) -> None:
        self.store = store
        self.reader = reader
        self.calibration = calibration
        self._retriever = Retriever(store, calibration.fusion)
        self._judge = Judge(reader, calibration)

    @property
    def calibrated(self) -> bool:
        """Whether the calibration was fitted with these very models."""
        fitted_with = (self.calibration.reader_sha256, self.calibration.embedder_sha256)
        return fitted_with == (self.reader.sha256, self.store.embedder.sha256)

    def promise(self) -> tuple[Promise | None, str | None]:
        """The store's promise where it holds for these models, else None; and why one that is kept is ignored."""
        hashes = (self.reader.sha256, self.store.embedder.sha256, self._calibration_sha256)
        return valid_promise(self.store.catalogue, *hashes)

    def threshold(self, question: Question) -> float:
        """The least confidence at which a question is answered: its own, else the promise's, else the calibration's."""
        return self._threshold(question, self.promise()[0])

    def ask(self, question: Question) -> Response:
        """Answer one question, or say why it is not answered."""
        return self.ask_many([question])[0]

    def ask_many(self, questions: Sequence[Question]) -> list[Response]:
        """Answer questions together: their passages share the reader's batches. `elapsed_ms` counts an even share."""
        return [trace.response for trace in self.trace(questions)]

    def trace(self, questions: Sequence[Question]) -> list[Trace]:
        """As `ask_many`, each response with what it was made from.

        A question whose cited document was changed or removed while it was read is asked again. Raises ChangingError
        where that happens again and again.
        """
        asked = [Asked(question) for question in questions]
        traces: dict[int, Trace] = {}
        for _ in range(1 + ATTEMPTS):
            unanswered = [number for number in range(len(asked)) if number not in traces]
            answered = self._answer([asked[number] for number in unanswered])
            traces |= {number: trace for number, trace in zip(unanswered, answered, strict=True) if trace is not None}
        if len(traces) < len(asked):
            raise ChangingError(f"the store {self.store.folder} changes faster than it can be read; try again later")
        return [traces[number] for number in range(len(asked))]

    def retrieve(self, asked: Sequence[Asked]) -> list[Retrieved]:
        """The passages of each question, best first, at most `question.passages`; none of them stale."""
        return self._retriever.retrieve(asked)

    def read(self, asked: Sequence[Asked], retrieved: Sequence[Retrieved]) -> list[list[ReadPassage]]:
        """The retrieved passages with their spans."""
        return read_retrieved(self.reader, asked, retrieved)

    def judge(self, asked: Sequence[Asked], read: Sequence[Sequence[ReadPassage]]) -> list[list[Judged]]:
        """The distinct answers of each question's passages, best first, each with its confidence."""
        return self._judge.judge(asked, read)

    def _answer(self, asked: Sequence[Asked]) -> list[Trace | None]:
        """Answer each question once; None where a cited document is no longer the one that was read."""
        if not asked:
            return []
        begun = time.perf_counter()
        retrieved = self.retrieve(asked)
        reading = time.perf_counter()
        read = self.read(asked, retrieved)
        judged = self.judge(asked, read)
        ended = time.perf_counter()
        share = 1000.0 / len(asked)
        # Looked up every time: a promise may be made, or withdrawn, while a server runs.
        promise, _ = self.promise()
        traces: list[Trace | None] = []
        for entry, hits, passages, answers in zip(asked, retrieved, read, judged, strict=True):
            elapsed = Elapsed(
                embed=round(hits.embed_ms, 2),
                retrieve=round(hits.retrieve_ms, 2),
                read=round((ended - reading) * share, 2),
                total=round((time.perf_counter() - begun) * share, 2),
            )
            response = self._respond(entry, hits, answers, elapsed, promise)
            if response is not None and entry.question.explain:
                explanation = explain(
                    entry,
                    hits,
                    passages,
                    answers,
                    calibration=self.calibration,
                    threshold=response.threshold,
                    threshold_from=self._threshold_source(entry.question, promise),
                    catalogue=self.store.catalogue,
                )
                response = response.model_copy(update={"explanation": explanation})
            traces.append(None if response is None else Trace(hits, passages, response))
        return traces

    def _respond(
        self, asked: Asked, retrieved: Retrieved, judged: Sequence[Judged], elapsed: Elapsed, promise: Promise | None
    ) -> Response | None:
        question, snapshot = asked.question, retrieved.snapshot
        threshold = self._threshold(question, promise)
        choice = choose(asked, judged, threshold, retrieved.reason)
        documents = cited_documents(self.store.catalogue, choice.cited, snapshot)
        if documents is None:
            return None

        def cite(entries: Sequence[Judged]) -> tuple[Answer, ...]:
            return tuple(cited_answer(asked, entry, documents, snapshot) for entry in entries)

        return Response(
            question=asked.text,
            status=choice.status,
            reason=choice.reason,
            hint=choice.hint,
            answers=cite(choice.answers),
            candidates=cite(choice.candidates),
            also_found=also_found(cite(choice.contenders)),
            threshold=threshold,
            promise=promise if promise and promise.covers(question, threshold) else None,
            elapsed_ms=elapsed,
            provenance=provenance(self.store.embedder, self.reader, snapshot.generation),
        )

    def _threshold(self, question: Question, promise: Promise | None) -> float:
        if question.threshold is not None:
            return question.threshold
        return promise.threshold if promise else self.calibration.threshold

    def _threshold_source(self, question: Question, promise: Promise | None) -> ThresholdSource:
        if question.threshold is not None:
            return "question"
        return "promise" if promise else "calibration"

    @cached_property
    def _calibration_sha256(self) -> str:
        return self.calibration.sha256
