"""What a list of judged questions says about the system: every figure that `qa eval` reports.

A share whose denominator is empty is None: neither a perfect score nor a failure. A failed question stays in every
denominator that it belongs to and never counts as right.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from qa.types import Reason

RIGHT_F1 = 0.8
"""The least best F1 at which an answer is right (the contract's definition)."""
HIT_RATE_AT = (1, 5, 20)
CALIBRATION_BINS = 10

Share = Annotated[float, Field(ge=0, le=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class QuestionResult(_Frozen):
    """One question, what came back and how it was judged.

    `predicted` is the given answer, "" when none was given; `best` the best span whatever was decided, None when the
    system named none, with its `confidence`. `em` and `f1` score `predicted`, `forced_em` and `forced_f1` score `best`
    (SQuAD 2.0, 0..1); all four are 0 for a failed question. `right` asks besides that the decision to answer or to
    abstain was right. `retrieval_judged`: the place of an answer is known and a rank was asked for; `rank` counts from
    1, None when not retrieved. `citation_valid` is None when no answer was given or no sources to check against.
    `elapsed_ms` is the time that the answer states, in a batch its even share; 0 for a question that failed. `source`
    is the document or paragraph that the gold question belongs to, as the gold file has it.
    """

    id: str
    question: str
    source: str | None = None
    kind: str | None = None
    answerable: bool
    golds: tuple[str, ...]
    status: Literal["answered", "abstained", "failed"]
    reason: Reason | None = None
    predicted: str = ""
    best: str | None = None
    confidence: Share | None = None
    threshold: Share | None = None
    em: Share = 0.0
    f1: Share = 0.0
    right: bool = False
    forced_em: Share = 0.0
    forced_f1: Share = 0.0
    retrieval_judged: bool = False
    rank: int | None = Field(default=None, ge=1)
    citation_valid: bool | None = None
    error: str | None = None
    elapsed_ms: float = Field(default=0.0, ge=0)

    @property
    def forced_right(self) -> bool:
        """Whether the best span is right, whatever was decided: what `confidence` is the probability of."""
        return self.answerable and self.forced_f1 >= RIGHT_F1


class Scores(_Frozen):
    """Mean exact match and F1, 0..1, over so many questions."""

    questions: int
    em: Share | None
    f1: Share | None


class Retrieval(_Frozen):
    """Hit rate at k and mean reciprocal rank over the `judged` questions, looking at `depth` passages each.

    A hit rate beyond the depth is None: what stands below was never looked at.
    """

    judged: int
    depth: int
    hit_rate: dict[int, Share | None]
    mrr: Share | None


class Citations(_Frozen):
    """The share of checked answers whose citation holds."""

    checked: int
    validity: Share | None


class Abstention(_Frozen):
    """Precision, recall and F1 of abstaining as a detector of unanswerable questions."""

    precision: Share | None
    recall: Share | None
    f1: Share | None


class CalibrationBin(_Frozen):
    """The questions with a confidence in `(low, high]`, the first bin with 0: mean confidence and share right."""

    low: float
    high: float
    questions: int
    confidence: Share | None
    right: Share | None


class Calibration(_Frozen):
    """Expected calibration error of the best span's confidence over the questions that have one."""

    questions: int
    ece: Share | None
    bins: tuple[CalibrationBin, ...]


class Latency(_Frozen):
    """Milliseconds a question, over those that did not fail; nearest-rank percentiles."""

    p50_ms: float | None
    p95_ms: float | None


class Summary(_Frozen):
    """All measures of a run.

    `overall`, `has_answer` and `no_answer` are SQuAD 2.0's scores over all, answerable and unanswerable questions;
    `forced` scores the best span of the answerable ones, whatever was decided. `right` is the share of questions with
    the right outcome; `coverage` the share answered; `risk` the share of answered ones that are not right.
    """

    questions: int
    answerable: int
    unanswerable: int
    answered: int
    abstained: int
    failed: int
    right: Share | None
    coverage: Share | None
    risk: Share | None
    overall: Scores
    has_answer: Scores
    no_answer: Scores
    forced: Scores
    retrieval: Retrieval
    citations: Citations
    abstention: Abstention
    calibration: Calibration
    latency: Latency


def summarize(results: Sequence[QuestionResult], *, depth: int) -> Summary:
    """Every measure over the results; `depth` is how many passages were looked at for each rank."""
    answerable = [result for result in results if result.answerable]
    unanswerable = [result for result in results if not result.answerable]
    answered = [result for result in results if result.status == "answered"]
    ranks = [result.rank for result in results if result.retrieval_judged]
    checked = [result.citation_valid for result in results if result.citation_valid is not None]
    told = [(result.confidence, result.forced_right) for result in results if result.confidence is not None]
    times = [result.elapsed_ms for result in results if result.status != "failed"]
    return Summary(
        questions=len(results),
        answerable=len(answerable),
        unanswerable=len(unanswerable),
        answered=len(answered),
        abstained=sum(result.status == "abstained" for result in results),
        failed=sum(result.status == "failed" for result in results),
        right=mean(result.right for result in results),
        coverage=mean(result.status == "answered" for result in results),
        risk=mean(not result.right for result in answered),
        overall=_scores(results),
        has_answer=_scores(answerable),
        no_answer=_scores(unanswerable),
        forced=Scores(
            questions=len(answerable),
            em=mean(result.forced_em for result in answerable),
            f1=mean(result.forced_f1 for result in answerable),
        ),
        retrieval=Retrieval(
            judged=len(ranks),
            depth=depth,
            hit_rate={k: hit_rate(ranks, k) if k <= depth else None for k in HIT_RATE_AT},
            mrr=mean_reciprocal_rank(ranks),
        ),
        citations=Citations(checked=len(checked), validity=mean(checked)),
        abstention=abstention(
            [result.status == "abstained" for result in results], [not result.answerable for result in results]
        ),
        calibration=calibration([value for value, _ in told], [right for _, right in told]),
        latency=Latency(p50_ms=percentile(times, 50), p95_ms=percentile(times, 95)),
    )


def _scores(results: Sequence[QuestionResult]) -> Scores:
    return Scores(
        questions=len(results), em=mean(result.em for result in results), f1=mean(result.f1 for result in results)
    )


def mean(values: Iterable[float]) -> float | None:
    """The arithmetic mean; None of nothing."""
    found = list(values)
    return math.fsum(found) / len(found) if found else None


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The nearest-rank percentile: the least value that `percent` (0..100) of them do not exceed; None of nothing."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def first_overlap(
    passages: Iterable[tuple[str, int, int]], document_id: str, spans: Sequence[tuple[int, int]]
) -> int | None:
    """The rank, from 1, of the first passage that overlaps a gold span in the gold document; None if none does.

    `passages` are `(document id, start, end)`, best first; `spans` are `[start, end)`, both in code points of the
    document's text. One shared character is an overlap, touching is not.
    """
    for rank, (found_in, start, end) in enumerate(passages, 1):
        if found_in == document_id and any(start < span_end and span_start < end for span_start, span_end in spans):
            return rank
    return None


def hit_rate(ranks: Sequence[int | None], k: int) -> float | None:
    """The share of questions with a passage that holds an answer among the first k (also called success at k)."""
    return mean(rank is not None and rank <= k for rank in ranks)


def mean_reciprocal_rank(ranks: Sequence[int | None]) -> float | None:
    """The mean of 1/rank, 0 where nothing was retrieved (Voorhees, "The TREC-8 Question Answering Track Report")."""
    return mean(0.0 if rank is None else 1 / rank for rank in ranks)


def abstention(abstained: Sequence[bool], unanswerable: Sequence[bool]) -> Abstention:
    """Precision, recall and F1 with "abstained" as the positive call and "unanswerable" as the truth.

    One entry per question, (n,) each. F1 is 2TP / (2TP + FP + FN), so it is 0, not undefined, when a system never
    abstains though it should.
    """
    hits = sum(called and true for called, true in zip(abstained, unanswerable, strict=True))
    called, true = sum(abstained), sum(unanswerable)
    return Abstention(
        precision=hits / called if called else None,
        recall=hits / true if true else None,
        f1=2 * hits / (called + true) if called + true else None,
    )


def calibration(confidences: Sequence[float], right: Sequence[bool], bins: int = CALIBRATION_BINS) -> Calibration:
    """Expected calibration error with bins of equal width: the mean over the questions of |share right - confidence|
    of their bin (Naeini, Cooper, Hauskrecht, AAAI 2015; bins `((m-1)/M, m/M]` as in Guo et al., ICML 2017).

    One entry per question, (n,) each, confidences in 0..1. Raises ValueError for one outside.
    """
    edges = [number / bins for number in range(1, bins + 1)]
    members: list[list[tuple[float, bool]]] = [[] for _ in edges]
    for confidence, was_right in zip(confidences, right, strict=True):
        if not 0 <= confidence <= 1:
            raise ValueError(f"a confidence lies between 0 and 1, not at {confidence}")
        # Against the edges themselves: confidence * bins rounds 0.7 up into the wrong bin.
        members[bisect_left(edges, confidence)].append((confidence, was_right))
    found = tuple(
        CalibrationBin(
            low=number / bins,
            high=high,
            questions=len(inside),
            confidence=mean(confidence for confidence, _ in inside),
            right=mean(was_right for _, was_right in inside),
        )
        for number, (high, inside) in enumerate(zip(edges, members, strict=True))
    )
    gaps = [
        abs(math.fsum(confidence - was_right for confidence, was_right in inside)) / len(confidences)
        for inside in members
        if inside
    ]
    return Calibration(questions=len(confidences), ece=min(1.0, math.fsum(gaps)) if gaps else None, bins=found)
