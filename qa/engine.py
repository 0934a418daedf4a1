"""Answering: retrieve, read, decide, cite."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from index.catalogue import Snapshot
from index.documents import Document
from index.errors import ChangingError
from index.store import Store
from qa.candidates import Candidate, Place, ReadPassage, candidates
from qa.cite import cite
from qa.closely import read_closely
from qa.confidence import Calibration, Evidence, answer_features
from qa.enumeration import items
from qa.forms import question_form
from qa.fusion import fuse
from qa.legibly import Readable, read_legibly
from qa.promise import kept
from qa.reader import Reader
from qa.rivals import is_similar, rivals
from qa.types import (
    MAX_ANSWERS,
    Answer,
    Citation,
    Elapsed,
    Filters,
    ModelRef,
    Normalized,
    Promise,
    Provenance,
    Question,
    Reason,
    Response,
)
from qa.values import normalize

# How deep each list is searched for each passage that is read: fusion needs to see past the cut.
DEPTH_FACTOR = 3
MIN_DEPTH = 60
SPARE_HITS = 10
MAX_SUPPORTING = 10
# Among how many answers rivals are looked for: each is cited first.
MAX_CONTENDERS = 8
# How often a question is asked again whose cited document changed while it was read.
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The passages to read for a question, best first, and the snapshot that they were read from."""

    snapshot: Snapshot
    passages: list[ReadPassage]
    reason: Literal["empty_index", "nothing_retrieved"] | None
    embed_ms: float
    retrieve_ms: float


@dataclass(frozen=True, slots=True)
class Judged:
    """A candidate with its features and its confidence."""

    candidate: Candidate
    features: NDArray[np.float64]
    confidence: float


class Engine:
    """Answers questions from a store with a reader. Safe to share between threads."""

    def __init__(self, store: Store, reader: Reader, calibration: Calibration) -> None:
        self.store = store
        self.reader = reader
        self.calibration = calibration

    @property
    def calibrated(self) -> bool:
        """Whether the calibration was fitted with these very models."""
        own = (self.reader.sha256, self.store.embedder.sha256)
        return own == (self.calibration.reader_sha256, self.calibration.embedder_sha256)

    def promise(self) -> tuple[Promise | None, str | None]:
        """The store's promise where it holds for these models, else None; and why one that is kept is ignored."""
        try:
            found = kept(self.store.catalogue)
        except ValueError as error:
            return None, str(error)
        if found is None:
            return None, None
        obstacle = found.obstacle(self.reader.sha256, self.store.embedder.sha256, self._calibration_sha256)
        return (None, obstacle) if obstacle else (found.promise, None)

    def ask(self, question: Question) -> Response:
        """Answer one question, or abstain with the reason."""
        return self.ask_many([question])[0]

    def ask_many(self, questions: Sequence[Question]) -> list[Response]:
        """Answer questions together: their passages share the reader's batches. `elapsed_ms` counts an even share."""
        return [response for _, response in self.ask_inspected(questions)]

    def ask_inspected(self, questions: Sequence[Question]) -> list[tuple[Retrieved, Response]]:
        """As `ask_many`, each response with the passages that it was read from and the spans found in them.

        A question whose cited document was changed or removed while it was read is asked again. Raises ChangingError
        where that happens again and again.
        """
        answered = self._ask(questions)
        for _ in range(ATTEMPTS):
            changed = [number for number, (_, response) in enumerate(answered) if response is None]
            for number, again in zip(changed, self._ask([questions[number] for number in changed]), strict=True):
                answered[number] = again
        sure = [(retrieved, response) for retrieved, response in answered if response is not None]
        if len(sure) < len(answered):
            raise ChangingError(f"the store {self.store.folder} changes faster than it can be read; try again later")
        return sure

    def _ask(self, questions: Sequence[Question]) -> list[tuple[Retrieved, Response | None]]:
        """`ask_inspected` once; None where a cited document is no longer the one that was read."""
        if not questions:
            return []
        begun = time.perf_counter()
        found = self.retrieve_many(questions)
        reading = time.perf_counter()
        read = self.read_many(questions, found)
        judged = self.judge_many(questions, read)
        ended = time.perf_counter()
        share = 1000.0 / max(1, len(questions))
        # Looked up every time: a promise may be made, or withdrawn, while a server runs.
        promise, _ = self.promise()
        responses: list[tuple[Retrieved, Response | None]] = []
        for question, retrieved, passages, own in zip(questions, found, read, judged, strict=True):
            elapsed = Elapsed(
                embed=round(retrieved.embed_ms, 2),
                retrieve=round(retrieved.retrieve_ms, 2),
                read=round((ended - reading) * share, 2),
                total=round((time.perf_counter() - begun) * share, 2),
            )
            response = self._respond(question, retrieved, own, elapsed, promise)
            responses.append((replace(retrieved, passages=passages), response))
        return responses

    def retrieve_many(self, questions: Sequence[Question]) -> list[Retrieved]:
        """The passages of each question, best first, at most `question.passages`; none of them stale."""
        self.store.check_embedder()
        begun = time.perf_counter()
        if self.store.catalogue.is_empty():
            snapshot = self.store.catalogue.snapshot([])
            return [Retrieved(snapshot, [], "empty_index", 0.0, 0.0) for _ in questions]
        vectors = self.store.embedder.embed([question.question for question in questions])
        embed_ms = (time.perf_counter() - begun) * 1000 / max(1, len(questions))
        return [self._retrieve(q, vector, embed_ms) for q, vector in zip(questions, vectors, strict=True)]

    def read_many(self, questions: Sequence[Question], found: Sequence[Retrieved]) -> list[list[ReadPassage]]:
        """The retrieved passages with their spans."""
        texts = [[Readable.of(entry.passage) for entry in retrieved.passages] for retrieved in found]
        spans = read_legibly(self.reader, [question.question for question in questions], texts)
        return [
            [replace(entry, spans=own) for entry, own in zip(retrieved.passages, per_passage, strict=True)]
            for retrieved, per_passage in zip(found, spans, strict=True)
        ]

    def judge(self, question: Question, read: Sequence[ReadPassage]) -> list[Judged]:
        """`judge_many` for one question."""
        return self.judge_many([question], [read])[0]

    def judge_many(self, questions: Sequence[Question], read: Sequence[Sequence[ReadPassage]]) -> list[list[Judged]]:
        """The distinct answers of each question's passages, best first, each with its confidence.

        Yes or no is for whoever asked to say: such a question gets the sentence that settles it.
        """
        ranked = [
            candidates(
                own,
                self.calibration.rank_weights,
                whole_sentences=_is_polar(question),
                whole_lists=_wants_list(question),
            )
            for question, own in zip(questions, read, strict=True)
        ]
        return self._judge(questions, ranked, read)

    def judge_candidates(
        self, question: Question, ranked: Sequence[Candidate], read: Sequence[ReadPassage]
    ) -> list[Judged]:
        """As `judge`, of candidates that were made elsewhere from the passages read."""
        return self._judge([question], [ranked], [read])[0]

    def _judge(
        self,
        questions: Sequence[Question],
        ranked: Sequence[Sequence[Candidate]],
        read: Sequence[Sequence[ReadPassage]],
    ) -> list[list[Judged]]:
        found = [own[:MAX_ANSWERS] for own in ranked]
        if self.calibration.reads_closely:
            # A whole sentence is no span that the reader could find again.
            again = [number for number, question in enumerate(questions) if not _is_polar(question)]
            asked = [questions[number].question for number in again]
            closer = read_closely(self.reader, asked, [found[number] for number in again])
            for number, own in zip(again, closer, strict=True):
                found[number] = own
        return [
            self._weigh(question, own, passages) for question, own, passages in zip(questions, found, read, strict=True)
        ]

    def _weigh(self, question: Question, found: Sequence[Candidate], read: Sequence[ReadPassage]) -> list[Judged]:
        evidence = Evidence.of(question.question, read)
        judged = []
        for number, candidate in enumerate(found):
            features = answer_features(found, number, evidence)
            # Rounded before it is compared, so that what is shown and what decided are the same number.
            confidence = round(self.calibration.probability(features), 4)
            judged.append(Judged(candidate, features, confidence))
        # Best first by what is promised: a reader of the list must not meet a higher confidence further down.
        return sorted(judged, key=lambda entry: -entry.confidence)

    def _retrieve(self, question: Question, vector: NDArray[np.float32], embed_ms: float) -> Retrieved:
        begun = time.perf_counter()
        depth = max(MIN_DEPTH, DEPTH_FACTOR * question.passages)
        filters = question.filters
        allowed = None
        selection = filters.selection()
        if filters != Filters():
            allowed = self.store.catalogue.allowed_documents(selection)
        for _ in range(1 + ATTEMPTS):
            result = self.store.search(question.question, vector, depth, allowed, selection)
            # A few more than are read, in place of hits that turn out to be stale.
            hits = fuse(result.dense, result.lexical, self.calibration.fusion)[: question.passages + SPARE_HITS]
            snapshot = self.store.catalogue.snapshot([hit.passage_id for hit in hits])
            # Where documents were replaced since the search, it cannot have found what stands in their place.
            if all(hit.passage_id in snapshot.passages for hit in hits):
                break
        passages = [
            ReadPassage(snapshot.passages[hit.passage_id], hit, result.similarity.get(hit.passage_id, 0.0), ())
            for hit in hits
            if hit.passage_id in snapshot.passages
            and (allowed is None or snapshot.passages[hit.passage_id].document_id in allowed)
        ][: question.passages]
        ms = (time.perf_counter() - begun) * 1000
        return Retrieved(snapshot, passages, None if passages else "nothing_retrieved", embed_ms, ms)

    def _respond(
        self,
        question: Question,
        retrieved: Retrieved,
        judged: Sequence[Judged],
        elapsed: Elapsed,
        promise: Promise | None,
    ) -> Response | None:
        threshold = question.threshold
        if threshold is None:
            threshold = promise.threshold if promise else self.calibration.threshold
        sure = [entry for entry in judged if entry.confidence >= threshold]
        reason: Reason | None = None
        if not sure:
            reason = retrieved.reason or _why_not(judged)
        shown = judged if question.candidates else sure
        wanted = _wanted(question, shown)
        contenders = _contenders(question, sure)
        cited = self._cited([*wanted, *contenders], retrieved.snapshot)
        if cited is None:
            return None

        def answer(entry: Judged) -> Answer:
            return _answer(question, entry, cited, retrieved.snapshot)

        return Response(
            question=question.question,
            status="answered" if sure else "abstained",
            reason=reason,
            answers=tuple(answer(entry) for entry in wanted),
            rivals=rivals([answer(entry) for entry in contenders]),
            threshold=threshold,
            promise=promise if promise and promise.covers(question, threshold) else None,
            elapsed_ms=elapsed,
            provenance=self._provenance(retrieved.snapshot.generation),
        )

    def _cited(self, wanted: Sequence[Judged], snapshot: Snapshot) -> dict[str, Document] | None:
        """The documents that these answers cite, None where one is no longer the version that was read."""
        ids = list(dict.fromkeys(place.document_id for entry in wanted for place in _places(entry.candidate)))
        found = self.store.catalogue.documents(ids) if ids else {}
        same = all(key in found and found[key].sha256 == snapshot.documents[key].sha256 for key in ids)
        return found if same else None

    def _provenance(self, generation: int) -> Provenance:
        return Provenance(
            version=self._version, store_generation=generation, embedder=self._embedder_ref, reader=self._reader_ref
        )

    @cached_property
    def _calibration_sha256(self) -> str:
        return self.calibration.sha256

    @cached_property
    def _version(self) -> str:
        try:
            return version("spanqa")
        except PackageNotFoundError:
            return "uninstalled"

    @cached_property
    def _embedder_ref(self) -> ModelRef:
        return ModelRef(name=self.store.embedder.name, sha256=self.store.embedder.sha256)

    @cached_property
    def _reader_ref(self) -> ModelRef:
        return ModelRef(name=self.reader.name, sha256=self.reader.sha256)


def _wants_list(question: Question) -> bool:
    return question.answers != 1 and question_form(question.question) == "list"


def _is_polar(question: Question) -> bool:
    return question_form(question.question) == "polar"


def _why_not(judged: Sequence[Judged]) -> Reason:
    # The best span against the null of its own window tells whether the reader found nothing, or was not sure.
    found = any(entry.candidate.best.margin > 0 for entry in judged)
    return "below_threshold" if found else "not_in_passages"


def _wanted(question: Question, judged: Sequence[Judged]) -> Sequence[Judged]:
    """As many answers as were asked for. A question for a list, of which not one answer alone is wanted, gets the items
    of enumerations one by one, in the order of the text."""
    if not _wants_list(question):
        return judged[: question.answers or 1]
    separate: list[Judged] = []
    known: set[str] = set()
    for entry in judged:
        best = entry.candidate.best
        for start, end in items(best.text):
            text = best.text[start:end]
            if text.casefold() in known:
                continue
            known.add(text.casefold())
            whole = (start, end) == (0, len(best.text))
            place = replace(best, start=best.start + start, end=best.start + end, text=text)
            # Other places say the whole of it, not this item.
            others = entry.candidate.others if whole else ()
            separate.append(replace(entry, candidate=Candidate(place, others)))
    return separate[: question.answers or MAX_ANSWERS]


def _contenders(question: Question, sure: Sequence[Judged]) -> Sequence[Judged]:
    """The answers among which rivals may be, best first: none where one answer does not exclude another."""
    if question_form(question.question) != "span":
        return []
    similar = [entry for entry in sure if is_similar(entry.confidence, sure[0].confidence)]
    return similar[:MAX_CONTENDERS] if len(similar) > 1 else []


def _places(candidate: Candidate) -> list[Place]:
    """Where a candidate is cited: its best place, then the supporting ones."""
    return [candidate.best, *(place for place in candidate.others[:MAX_SUPPORTING] if place.margin > 0)]


def _answer(question: Question, entry: Judged, documents: Mapping[str, Document], snapshot: Snapshot) -> Answer:
    citation, *supporting = (
        _citation(place, documents[place.document_id], snapshot.documents[place.document_id].sha256)
        for place in _places(entry.candidate)
    )
    best = entry.candidate.best
    return Answer(
        text=best.text,
        confidence=entry.confidence,
        citation=citation,
        supporting=tuple(supporting),
        normalized=_normalized(question, best.text, documents[best.document_id]),
    )


def _normalized(question: Question, text: str, document: Document) -> Normalized | None:
    return normalize(text, question=question.question, written=document.date, language=document.language)


def _citation(place: Place, document: Document, sha256: str) -> Citation:
    around = (place.passage.start, place.passage.end)
    citation = cite(document, place.start, place.end, around=around, sha256=sha256)
    if citation.quote != place.text:
        # The one promise that must not break: better no answer than one that its source does not hold.
        raise AssertionError(f"span [{place.start}, {place.end}) of {document.uri} is not {place.text!r}")
    return citation
