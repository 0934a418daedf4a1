"""The reader on the shipped runtime beside torch in fp32: the same answers, and how far the numbers are apart."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from eval.gold.questions import GoldQuestion
from eval.measures.basic import mean
from eval.measures.squad import exact_match, f1
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
    `same_decision`: whether that span beats "no answer" is the same. EM and F1 of the best span over the answerable
    questions (`forced_*`), and over all of them, answered where a span beats "no answer"."""

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


@dataclass(slots=True)
class _Tally:
    """What is added up of a runtime."""

    seconds: float = 0.0
    same: int = 0
    decided: int = 0
    largest: float = 0.0
    scores: dict[str, list[float]] = field(default_factory=lambda: {"fem": [], "ff1": [], "em": [], "f1": []})


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
    measured = {name: _measured(tally, len(asked)) for name, tally in tallies.items()}
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
    given = words if ranked and ranked[0].margin > 0 else ""
    tally.same += [_place(span) for span in ranked] == [_place(span) for span in expected]
    tally.decided += [span.margin > 0 for span in ranked] == [span.margin > 0 for span in expected]
    if question.answerable:
        tally.scores["fem"].append(exact_match(words, golds))
        tally.scores["ff1"].append(f1(words, golds))
    tally.scores["em"].append(exact_match(given, golds))
    tally.scores["f1"].append(f1(given, golds))


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


def _measured(tally: _Tally, questions: int) -> Measured:
    scores = {name: mean(values) for name, values in tally.scores.items()}
    return Measured(
        forced_em=scores["fem"],
        forced_f1=scores["ff1"],
        em=scores["em"] or 0.0,
        f1=scores["f1"] or 0.0,
        questions_a_second=questions / tally.seconds,
        same_answer=tally.same / questions,
        same_decision=tally.decided / questions,
        largest_logit_difference=tally.largest,
    )
