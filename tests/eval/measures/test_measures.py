"""Measures on results small enough to compute by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eval.measures import (
    KNOWN,
    QuestionResult,
    calibration_bins,
    default_measures,
    first_overlap,
    hit_rate,
    mean,
    parse_bound,
    parse_measure,
    percentile,
    risk_coverage,
)
from eval.results import GoldPlace, PassageRead
from index.errors import InputError

approx: Any = pytest.approx


def result(**fields: Any) -> QuestionResult:
    usual: dict[str, Any] = {"id": "1", "question": "q", "answerable": True, "golds": (), "status": "answered"}
    return QuestionResult(**(usual | fields))


def value(name: str, *results: QuestionResult) -> float | None:
    return parse_measure(name).value(results)


def read(*ranks: int, of: int = 10, relevant: int = 1, answer: str = "d") -> dict[str, Any]:
    """A judged question: `of` passages read, those at `ranks` relevant, and so many relevant ones in the store."""
    found = [(number, number + 1) for number in range(relevant)]
    passages = [PassageRead("other", number, number + 1, 0.5) for number in range(of)]
    for rank, (start, end) in zip(ranks, found, strict=False):
        passages[rank - 1] = PassageRead("d", start, end, 0.5)
    place = GoldPlace(document=answer, uri="file:///d", spans=((0, relevant),), passages=tuple(found))
    return {"retrieval_judged": True, "place": place, "passages": tuple(passages)}


def test_nothing_measured_is_unknown_and_not_zero() -> None:
    for measure in default_measures(20):
        assert measure.value([]) is None, measure.name
    abstained = result(status="abstained", answerable=False)
    for name in ("HasAnsF1", "ForcedEM", "Risk", "HitRate@5", "MRR@10", "nDCG@10", "CitationValidity", "ECE"):
        assert value(name, abstained) is None, name


def test_measures_by_hand() -> None:
    results = [
        result(em=1, f1=1, right=True, forced_em=1, forced_f1=1, confidence=0.9, citation_valid=True, elapsed_ms=10),
        result(em=0, f1=0.5, forced_f1=0.5, confidence=0.7, citation_valid=False, elapsed_ms=20),
        result(status="abstained", forced_em=1, forced_f1=1, confidence=0.3, elapsed_ms=30),
        result(status="abstained", answerable=False, em=1, f1=1, right=True, confidence=0.1, elapsed_ms=40),
        result(answerable=False, confidence=0.8, citation_valid=True, elapsed_ms=50),
        result(status="failed", error="boom", citation_valid=False),
        result(status="failed", answerable=False, error="boom", citation_valid=False),
    ]
    expected = {
        "Right": 2 / 7,
        "Coverage": 3 / 7,
        "EM": 2 / 7,
        "F1": 2.5 / 7,
        "HasAnsEM": 1 / 4,
        "HasAnsF1": 1.5 / 4,
        "NoAnsF1": 1 / 3,
        "ForcedEM": 0.5,
        "ForcedF1": 2.5 / 4,
        "CitationValidity": 2 / 5,
        # Two of three answered are wrong, and the two that failed.
        "Risk": 4 / 5,
        # Abstained on two, one of them rightly, and wrongly on the answerable one that failed; three were to be.
        "AbstentionPrecision": 1 / 3,
        "AbstentionRecall": 1 / 3,
        "AbstentionF1": 2 / 6,
        # Right are those at .9 and .3; every confidence is alone in its bin; the failed count as sure and wrong.
        "ECE": (0.1 + 0.7 + 0.7 + 0.1 + 0.8 + 1 + 1) / 7,
        # By confidence: the failed, then right, wrong, wrong, right, wrong.
        "AURC": (1 + 2 / 2 + 2 / 3 + 3 / 4 + 4 / 5 + 4 / 6 + 5 / 7) / 7,
        "Coverage@risk=0.1": 0,
        "Coverage@risk=0.7": 6 / 7,
        # The failed ones are not timed.
        "Latency@50": 30,
        "Latency@95": 50,
    }
    for name, wanted in expected.items():
        assert value(name, *results) == approx(wanted), name
    assert parse_measure("HasAnsF1").over(results) == 4 and parse_measure("Latency@50").over(results) == 5


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=30), st.integers(0, 29))
# In one bin, the second answer's modesty and the failure's sureness would cancel each other out.
@example([27, 28], 0)
def test_a_question_that_fails_never_improves_a_measure(confidences: list[int], number: int) -> None:
    results = [
        result(
            id=str(n),
            answerable=n % 3 != 0,
            confidence=c / 30,
            status="answered" if c > 15 else "abstained",
            right=(c > 15) == (n % 3 != 0),
            em=float(n % 2),
            f1=1.0,
            forced_f1=float(n % 2),
            citation_valid=c > 15,
            citation_precise=True,
            **read(1 + c % 10),
        )
        for n, c in enumerate(confidences)
    ]
    failing = min(number, len(results) - 1)
    asked = results[failing].answerable
    failed = result(
        id=str(failing),
        answerable=asked,
        status="failed",
        citation_valid=False,
        citation_precise=False,
        retrieval_judged=True,
    )
    broken = [*results[:failing], failed, *results[failing + 1 :]]
    for measure in default_measures(10):
        before, after = measure.value(results), measure.value(broken)
        if not measure.timed and before is not None and after is not None:
            better = after - before if measure.higher_is_better else before - after
            assert better <= 1e-9, measure.name


def test_retrieval_by_hand() -> None:
    results = [
        result(**read(1)),
        result(**read(3)),
        result(**read()),
        # Both of two relevant passages, second and third.
        result(**read(2, 3, relevant=2)),
        result(status="failed", retrieval_judged=True),
        result(answerable=False),
    ]
    assert value("HitRate@1", *results) == approx(1 / 5)
    assert value("HitRate@2", *results) == approx(2 / 5)
    assert value("HitRate@10", *results) == approx(3 / 5)
    assert value("MRR@10", *results) == approx((1 + 1 / 3 + 1 / 2) / 5)
    assert value("MRR@2", *results) == approx((1 + 1 / 2) / 5)
    # Gain 1 a relevant passage, discounted by log2(rank + 1), by the best that could be.
    ideal = 1 + 1 / math.log2(3)
    ndcg = (1 + 1 / math.log2(4) + (1 / math.log2(3) + 1 / math.log2(4)) / ideal) / 5
    assert value("nDCG@10", *results) == approx(ndcg)
    assert parse_measure("HitRate@2").contributions(results) == [1, 0, 0, 1, 0, None]
    assert parse_measure("HitRate@2").over(results) == 5


def test_a_gold_document_that_is_not_stored_is_a_miss() -> None:
    nowhere = result(**(read(1) | {"place": None}))
    assert value("HitRate@10", nowhere) == 0 and value("nDCG@10", nowhere) == 0


def test_contributions_make_up_the_value() -> None:
    results = [
        result(em=1, f1=1, right=True, **read(1)),
        result(f1=0.25, **read(4)),
        result(status="abstained"),
        result(answerable=False, status="abstained", right=True),
        result(status="failed", citation_valid=False),
    ]
    for measure in default_measures(10):
        parts = measure.contributions(results)
        if parts is not None:
            assert len(parts) == len(results)
            assert mean(part for part in parts if part is not None) == approx(measure.value(results)), measure.name
    assert parse_measure("AURC").contributions(results) is None


@settings(max_examples=60, deadline=None)
@given(st.permutations(range(12)))
def test_the_order_of_questions_does_not_matter(order: list[int]) -> None:
    # Only three different confidences: among equals no order may count.
    results = [result(id=str(n), confidence=n % 3 / 2, forced_f1=float(n % 4 == 0)) for n in range(12)]
    shuffled = [results[n] for n in order]
    for name in ("ECE", "AURC", "Coverage@risk=0.1", "Coverage@risk=0.7", "F1"):
        assert value(name, *shuffled) == approx(value(name, *results)), name


def test_equally_sure_answers_are_let_in_together() -> None:
    results = [result(confidence=0.9, forced_f1=1.0), result(confidence=0.9), result(confidence=0.5, forced_f1=1.0)]
    # Letting in only the right one of the two is no threshold that there is.
    assert value("Coverage@risk=0.4", *results) == approx(1)
    assert value("Coverage@risk=0.3", *results) == 0
    assert value("AURC", *results) == approx((1 / 2 + 1 / 2 + 1 / 3) / 3)
    assert risk_coverage(results) == [(0.9, approx(2 / 3), 0.5), (0.5, 1.0, approx(1 / 3))]


def test_a_question_without_a_span_can_never_be_covered() -> None:
    results = [result(confidence=0.9, forced_f1=1.0), result(status="abstained", answerable=False)]
    assert value("Coverage@risk=1", *results) == 0.5
    assert value("AURC", *results) == approx((0 + 1 / 2) / 2)


@pytest.mark.parametrize(
    ("text", "name", "better"),
    [
        ("F1", "F1", True),
        (" ECE ", "ECE", False),
        ("HitRate@5", "HitRate@5", True),
        ("MRR@010", "MRR@10", True),
        ("nDCG@10", "nDCG@10", True),
        ("Coverage@risk=0.10", "Coverage@risk=0.1", True),
        ("Risk", "Risk", False),
        ("Coverage", "Coverage", True),
        ("AURC", "AURC", False),
        ("Latency@95", "Latency@95", False),
    ],
)
def test_names(text: str, name: str, better: bool) -> None:
    measure = parse_measure(text)
    assert (measure.name, measure.higher_is_better) == (name, better)
    # Values: what has the same name is the same.
    assert measure == parse_measure(name) and len({measure, parse_measure(name)}) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "f1",
        "Accuracy",
        "HitRate",
        "HitRate@",
        "HitRate@0",
        "HitRate@-1",
        "HitRate@5.0",
        "HitRate@201",
        "F1@5",
        "HitRate@٣",
        "Coverage@0.1",
        "Coverage@risk=",
        "Coverage@risk=1.5",
        "Coverage@risk=nan",
        "Coverage@risk=x",
        "Latency",
        "Latency@0",
        "Latency@101",
        "ECE@10",
    ],
)
def test_an_unknown_name_lists_the_known(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_measure(text)
    assert repr(text) in str(caught.value)
    assert all(known in str(caught.value) for known in KNOWN)


def test_bounds() -> None:
    measure, bound = parse_bound("Coverage@risk=0.1=0.5")
    assert (measure.name, bound) == ("Coverage@risk=0.1", 0.5)
    assert parse_bound("F1=0.7")[1] == 0.7
    for text in ("F1", "F1=", "F1=high", "=0.7", "F1=nan", "Coverage@risk=0.1"):
        with pytest.raises(InputError):
            parse_bound(text)


def test_default_measures_look_no_deeper_than_was_read() -> None:
    for passages in (1, 3, 5, 20, 200):
        chosen = default_measures(passages)
        assert max(measure.depth for measure in chosen) <= passages
        assert len({measure.name for measure in chosen}) == len(chosen)


def test_best_span_of_an_unanswerable_question_is_never_right() -> None:
    assert not result(answerable=False, forced_f1=1.0).forced_right
    assert result(forced_f1=0.8).forced_right
    assert not result(forced_f1=0.79).forced_right


def test_hit_rate_of_ranks() -> None:
    ranks = [1, 3, None, 20]
    assert [hit_rate(ranks, k) for k in (1, 2, 3, 5, 20)] == [0.25, 0.25, 0.5, 0.5, 0.75]
    assert hit_rate([], 5) is None


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
    names = ("AbstentionPrecision", "AbstentionRecall", "AbstentionF1")
    never = [result(answerable=False), result()]
    assert [value(name, *never) for name in names] == [None, 0.0, 0.0]
    needless = [result(status="abstained"), result()]
    assert [value(name, *needless) for name in names] == [0.0, None, 0.0]
    assert [value(name, result()) for name in names] == [None, None, None]


def told(confidence: float, right: bool) -> QuestionResult:
    return result(confidence=confidence, forced_f1=float(right))


def test_calibration_by_hand() -> None:
    # Bin (.8, .9]: three at .9, two right; bin (0, .1]: one at .1, wrong.
    pairs = [(0.9, True), (0.9, True), (0.9, False), (0.1, False)]
    assert value("ECE", *(told(*pair) for pair in pairs)) == approx(3 / 4 * abs(2 / 3 - 0.9) + 1 / 4 * 0.1)
    bins = calibration_bins([confidence for confidence, _ in pairs], [right for _, right in pairs])
    assert len(bins) == 10 and sum(one.questions for one in bins) == 4
    assert (bins[8].questions, bins[8].confidence, bins[8].right) == (3, approx(0.9), approx(2 / 3))
    assert bins[3].confidence is None and bins[3].right is None


@pytest.mark.parametrize(
    ("confidence", "number"), [(0.0, 0), (0.1, 0), (0.1000001, 1), (0.3, 2), (0.7, 6), (0.95, 9), (1.0, 9)]
)
def test_bins_are_closed_above(confidence: float, number: int) -> None:
    assert [one.questions for one in calibration_bins([confidence], [True])].index(1) == number
    assert value("ECE", told(confidence, True)) == approx(1 - confidence)


def test_calibration_extremes() -> None:
    assert value("ECE", *[told(1.0, True)] * 3, *[told(0.0, False)] * 3) == 0
    assert value("ECE", *[told(1.0, False)] * 3, *[told(0.0, True)] * 3) == 1
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            calibration_bins([wrong], [True])


def test_percentile_is_a_value_that_occurred() -> None:
    values = [float(number) for number in range(20, 0, -1)]
    assert [percentile(values, percent) for percent in (0, 50, 95, 100)] == [1, 10, 19, 20]
    assert percentile([7.0], 50) == 7 and percentile([], 50) is None


def test_mean_of_nothing() -> None:
    assert mean([]) is None and mean(iter([True, False])) == 0.5
