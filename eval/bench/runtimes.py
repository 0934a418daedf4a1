"""The reader on the shipped runtime beside torch in fp32: the same answers, and how far the numbers are apart."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from eval.gold.questions import GoldQuestion
from eval.measures.basic import mean
from eval.measures.squad import best_threshold, exact_match, f1
from eval.results import Frozen
from eval.runs.run import GoldRef, Software, software
from index.errors import InputError
from qa.reading.reader import WindowReader, open_reader, openvino_reader, torch_reader
from qa.reading.spans import Span, window_spans
from qa.types import ModelRef

REFERENCE = "torch fp32"
BATCH = 16
LEAST_SAME = 0.995
# Enough to see what differs; a list of all would hide it.
SHOWN = 50


class Differing(Frozen):
    """A question that a runtime answers with other words: the words and margins (logits) of both, and by how much the
    reference prefers its own to its next best span."""

    question: str
    runtime: str
    reference: str
    other: str
    reference_margin: float
    other_margin: float
    lead: float


class Measured(Frozen):
    """A runtime over all questions. `same_answer`: the share whose best span is the reference's, to the character;
    `same_decision`: whether that span is let through is the same. EM and F1 of the best span over the answerable
    questions (`forced_*`), and over all of them, answered where a span is let through: from the margin on that gives
    the reference its best F1 over these questions."""

    forced_em: float | None
    forced_f1: float | None
    em: float
    f1: float
    questions_a_second: float
    same_answer: float
    same_decision: float
    largest_logit_difference: float


class RuntimeComparison(Frozen):
    """Each question read in its own paragraph, by the reference and by every runtime."""

    runtimes_version: str = "1"
    software: Software
    gold: GoldRef
    reader: ModelRef
    questions: int
    shipped: str
    runtimes: dict[str, Measured]
    differing: tuple[Differing, ...]
    holds: bool


@dataclass(frozen=True, slots=True)
class _Read:
    """The best span of a question: its scores whatever was decided, and its margin, None where there is none."""

    answerable: bool
    em: float
    f1: float
    margin: float | None

    def scored(self, value: float, threshold: float) -> float:
        """A score of the question, answered where the margin is at least `threshold`."""
        return value if self.let_through(threshold) else float(not self.answerable)

    def let_through(self, threshold: float) -> bool:
        return self.margin is not None and self.margin >= threshold


@dataclass(slots=True)
class _Tally:
    """What is added up of a runtime."""

    seconds: float = 0.0
    same: int = 0
    largest: float = 0.0
    reads: list[_Read] = field(default_factory=list)


def compare_runtimes(
    gold: Sequence[GoldQuestion], ref: GoldRef, model: str, progress: Callable[[int, int], None] | None = None
) -> RuntimeComparison:
    """Read every question in its paragraph with torch in fp32, with what is shipped, and, where that computes in bf16,
    with it in fp32. Raises InputError where no question has a paragraph."""
    asked = [question for question in gold if question.context]
    if not asked:
        raise InputError("no question has a paragraph of its own to be read in: take a gold set as SQuAD's")
    readers = _readers(model)
    shipped = list(readers)[1]
    tallies = {name: _Tally() for name in readers}
    differing: list[Differing] = []
    for begin in range(0, len(asked), BATCH):
        _compare_batch(asked[begin : begin + BATCH], readers, tallies, differing)
        if progress:
            progress(min(begin + BATCH, len(asked)), len(asked))
    reference = tallies[REFERENCE]
    threshold = _threshold(reference.reads)
    measured = {name: _measured(tally, reference, threshold) for name, tally in tallies.items()}
    reader = readers[shipped]
    return RuntimeComparison(
        software=software(),
        gold=ref,
        reader=ModelRef(name=reader.name, sha256=reader.sha256),
        questions=len(asked),
        shipped=shipped,
        runtimes=measured,
        differing=tuple(differing[:SHOWN]),
        holds=measured[shipped].same_answer >= LEAST_SAME,
    )


def _readers(model: str) -> dict[str, WindowReader]:
    """The reference first, then what is shipped, by what they are called."""
    readers: dict[str, WindowReader] = {REFERENCE: torch_reader(model, exact=True)}
    shipped = open_reader(model)
    if shipped.runtime == "openvino":
        from index.models.hardware import precision

        readers[f"openvino {precision()}"] = shipped
        if precision() != "f32":
            readers["openvino f32"] = openvino_reader(model, exact=True)
    else:
        readers["torch as shipped"] = shipped
    return readers


def _compare_batch(
    batch: Sequence[GoldQuestion],
    readers: dict[str, WindowReader],
    tallies: dict[str, _Tally],
    differing: list[Differing],
) -> None:
    contexts = [question.context or "" for question in batch]
    cut = readers[REFERENCE].cut([question.question for question in batch], contexts)
    windows = [window for of_question in cut for window in of_question]
    owners = [number for number, of_question in enumerate(cut) for _ in of_question]
    reference = None
    for name, reader in readers.items():
        tally = tallies[name]
        begun = time.perf_counter()
        logits = reader.logits(windows)
        tally.seconds += time.perf_counter() - begun
        spans: list[list[Span]] = [[] for _ in batch]
        for owner, window, pair in zip(owners, windows, logits, strict=True):
            spans[owner].extend(window_spans(window, *pair))
        ranked = [sorted(of_question, key=lambda span: (-span.margin, span.start, span.end)) for of_question in spans]
        if reference is None:
            reference = logits, ranked
        tally.largest = max(
            [tally.largest]
            + [
                float(np.abs(mine - theirs).max())
                for pair, other in zip(logits, reference[0], strict=True)
                for mine, theirs in zip(pair, other, strict=True)
            ]
        )
        for question, of_question, expected in zip(batch, ranked, reference[1], strict=True):
            _score(tally, question, of_question[:1], expected[:1])
            if of_question and expected and _place(of_question[0]) != _place(expected[0]):
                differing.append(_differing(question, name, of_question[0], expected))


def _score(tally: _Tally, question: GoldQuestion, ranked: Sequence[Span], expected: Sequence[Span]) -> None:
    text = question.context or ""
    golds = [answer.text for answer in question.answers]
    words = text[ranked[0].start : ranked[0].end] if ranked else ""
    margin = ranked[0].margin if ranked else None
    tally.same += [_place(span) for span in ranked] == [_place(span) for span in expected]
    em, matched = (exact_match(words, golds), f1(words, golds)) if question.answerable else (0.0, 0.0)
    tally.reads.append(_Read(question.answerable, em, matched, margin))


def _threshold(reads: Sequence[_Read]) -> float:
    """The margin from which on answering gives these reads their best F1: a reader's own zero need not."""
    best = best_threshold(
        [read.f1 for read in reads],
        [math.inf if read.margin is None else -read.margin for read in reads],
        [read.answerable for read in reads],
        [read.margin is not None for read in reads],
    )
    return -best.threshold


def _differing(question: GoldQuestion, runtime: str, answer: Span, expected: Sequence[Span]) -> Differing:
    text = question.context or ""
    best = expected[0]
    others = [span.margin for span in expected if _place(span) != _place(best)]
    return Differing(
        question=question.id,
        runtime=runtime,
        reference=text[best.start : best.end],
        other=text[answer.start : answer.end],
        reference_margin=best.margin,
        other_margin=answer.margin,
        lead=best.margin - max(others, default=best.margin),
    )


def _place(span: Span) -> tuple[int, int]:
    return span.start, span.end


def _measured(tally: _Tally, reference: _Tally, threshold: float) -> Measured:
    reads, answerable = tally.reads, [read for read in tally.reads if read.answerable]
    decided = (
        read.let_through(threshold) == other.let_through(threshold)
        for read, other in zip(reads, reference.reads, strict=True)
    )
    return Measured(
        forced_em=mean(read.em for read in answerable),
        forced_f1=mean(read.f1 for read in answerable),
        em=mean(read.scored(read.em, threshold) for read in reads) or 0.0,
        f1=mean(read.scored(read.f1, threshold) for read in reads) or 0.0,
        questions_a_second=len(reads) / tally.seconds,
        same_answer=tally.same / len(reads),
        same_decision=sum(decided) / len(reads),
        largest_logit_difference=tally.largest,
    )
