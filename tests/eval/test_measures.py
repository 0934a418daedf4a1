"""Measures on results small enough to compute by hand."""

from __future__ import annotations

from typing import Any

import pytest

from eval.measures import (
    QuestionResult,
    abstention,
    calibration,
    first_overlap,
    hit_rate,
    mean,
    mean_reciprocal_rank,
    percentile,
    summarize,
)

approx: Any = pytest.approx


def result(**fields: Any) -> QuestionResult:
    usual: dict[str, Any] = {"id": "1", "question": "q", "answerable": True, "golds": (), "status": "answered"}
    return QuestionResult(**(usual | fields))


def test_nothing_measured_is_unknown_and_not_zero() -> None:
    summary = summarize([], depth=20)
    assert summary.questions == 0
    assert (summary.right, summary.coverage, summary.risk) == (None, None, None)
    assert (summary.overall.em, summary.has_answer.f1, summary.no_answer.f1, summary.forced.em) == (None,) * 4
    assert summary.retrieval.hit_rate == {1: None, 5: None, 20: None} and summary.retrieval.mrr is None
    assert summary.citations.validity is None and summary.calibration.ece is None
    assert (summary.abstention.precision, summary.abstention.recall, summary.abstention.f1) == (None, None, None)
    assert summary.latency.p50_ms is None and summary.latency.p95_ms is None


def test_summary_by_hand() -> None:
    results = [
        result(em=1, f1=1, right=True, forced_em=1, forced_f1=1, confidence=0.9, retrieval_judged=True, rank=1,
               citation_valid=True, elapsed_ms=10),
        result(em=0, f1=0.5, forced_f1=0.5, confidence=0.7, retrieval_judged=True, rank=4, citation_valid=False,
               elapsed_ms=20),
        result(status="abstained", forced_em=1, forced_f1=1, confidence=0.3, retrieval_judged=True, elapsed_ms=30),
        result(status="abstained", answerable=False, em=1, f1=1, right=True, confidence=0.1, elapsed_ms=40),
        result(answerable=False, confidence=0.8, citation_valid=True, elapsed_ms=50),
        result(status="failed", retrieval_judged=True, error="boom", elapsed_ms=9999),
        result(status="failed", answerable=False, error="boom", elapsed_ms=9999),
    ]  # fmt: skip
    summary = summarize(results, depth=10)
    counts = (summary.questions, summary.answerable, summary.unanswerable, summary.answered, summary.abstained)
    assert (*counts, summary.failed) == (7, 4, 3, 3, 2, 2)
    assert summary.right == approx(2 / 7)
    assert summary.coverage == approx(3 / 7)
    assert summary.risk == approx(2 / 3)
    assert (summary.overall.em, summary.overall.f1) == (approx(2 / 7), approx(2.5 / 7))
    assert (summary.has_answer.em, summary.has_answer.f1) == (approx(1 / 4), approx(1.5 / 4))
    assert (summary.no_answer.questions, summary.no_answer.f1) == (3, approx(1 / 3))
    assert (summary.forced.questions, summary.forced.em, summary.forced.f1) == (4, 0.5, approx(2.5 / 4))
    assert summary.retrieval.judged == 4
    assert summary.retrieval.hit_rate == {1: 0.25, 5: 0.5, 20: None}
    assert summary.retrieval.mrr == approx((1 + 1 / 4) / 4)
    assert (summary.citations.checked, summary.citations.validity) == (3, approx(2 / 3))
    # Abstained on two, one of them rightly; three were to be abstained on.
    assert (summary.abstention.precision, summary.abstention.recall) == (0.5, approx(1 / 3))
    assert summary.abstention.f1 == approx(2 / 5)
    # Five with a confidence; right are those at .9 and .3; every one is alone in its bin.
    assert summary.calibration.questions == 5
    assert summary.calibration.ece == approx((0.1 + 0.7 + 0.7 + 0.1 + 0.8) / 5)
    # The failed ones are not timed.
    assert (summary.latency.p50_ms, summary.latency.p95_ms) == (30, 50)


def test_best_span_of_an_unanswerable_question_is_never_right() -> None:
    assert not result(answerable=False, forced_f1=1.0).forced_right
    assert result(forced_f1=0.8).forced_right
    assert not result(forced_f1=0.79).forced_right


def test_hit_rate_and_mrr() -> None:
    ranks = [1, 3, None, 20]
    assert [hit_rate(ranks, k) for k in (1, 2, 3, 5, 20)] == [0.25, 0.25, 0.5, 0.5, 0.75]
    assert mean_reciprocal_rank(ranks) == approx((1 + 1 / 3 + 1 / 20) / 4)
    assert hit_rate([], 5) is None and mean_reciprocal_rank([]) is None


def test_first_overlap() -> None:
    passages = [("other", 0, 100), ("d", 0, 10), ("d", 8, 20), ("d", 15, 16)]
    assert first_overlap(passages, "d", [(15, 16)]) == 3
    # Touching is no overlap, one shared character is.
    assert first_overlap(passages, "d", [(20, 30)]) is None
    assert first_overlap([("d", 10, 20)], "d", [(5, 10)]) is None
    assert first_overlap(passages, "d", [(9, 12)]) == 2
    assert first_overlap(passages, "d", [(10, 12)]) == 3
    assert first_overlap(passages, "d", [(90, 95), (0, 1)]) == 2
    assert first_overlap(passages, "absent", [(0, 5)]) is None
    assert first_overlap([], "d", [(0, 5)]) is None


def test_abstention_without_one_side() -> None:
    never = abstention([False, False], [True, False])
    assert (never.precision, never.recall, never.f1) == (None, 0.0, 0.0)
    needless = abstention([True, False], [False, False])
    assert (needless.precision, needless.recall, needless.f1) == (0.0, None, 0.0)
    neither = abstention([False], [False])
    assert (neither.precision, neither.recall, neither.f1) == (None, None, None)


def test_calibration_by_hand() -> None:
    # Bin (.8, .9]: three at .9, two right; bin (0, .1]: one at .1, wrong.
    found = calibration([0.9, 0.9, 0.9, 0.1], [True, True, False, False])
    assert found.ece == approx(3 / 4 * abs(2 / 3 - 0.9) + 1 / 4 * 0.1)
    assert len(found.bins) == 10 and sum(one.questions for one in found.bins) == 4
    assert (found.bins[8].questions, found.bins[8].confidence) == (3, approx(0.9))
    assert found.bins[3].confidence is None and found.bins[3].right is None


@pytest.mark.parametrize(
    ("confidence", "number"), [(0.0, 0), (0.1, 0), (0.1000001, 1), (0.3, 2), (0.7, 6), (0.95, 9), (1.0, 9)]
)
def test_bins_are_closed_above(confidence: float, number: int) -> None:
    found = calibration([confidence], [True])
    assert [one.questions for one in found.bins].index(1) == number
    assert found.ece == approx(1 - confidence)


def test_calibration_extremes() -> None:
    assert calibration([1.0] * 3 + [0.0] * 3, [True] * 3 + [False] * 3).ece == 0
    assert calibration([1.0] * 3 + [0.0] * 3, [False] * 3 + [True] * 3).ece == 1
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            calibration([wrong], [True])


def test_percentile_is_a_value_that_occurred() -> None:
    values = [float(number) for number in range(20, 0, -1)]
    assert [percentile(values, percent) for percent in (0, 50, 95, 100)] == [1, 10, 19, 20]
    assert percentile([7.0], 50) == 7 and percentile([], 50) is None


def test_mean_of_nothing() -> None:
    assert mean([]) is None and mean(iter([True, False])) == 0.5
