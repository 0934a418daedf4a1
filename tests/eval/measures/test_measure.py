"""What all measures have in common, on results small enough to compute by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from judged import read, result, value

from eval.measures.basic import mean
from eval.measures.names import default_measures, parse_measure

approx: Any = pytest.approx


def test_nothing_measured_is_unknown_and_not_zero() -> None:
    for measure in default_measures(20):
        assert measure.value([]) is None, measure.name
    abstained = result(status="not_found", answerable=False)
    for name in ("HasAnsF1", "ForcedEM", "Risk", "HitRate@5", "MRR@10", "nDCG@10", "CitationValidity", "ECE"):
        assert value(name, abstained) is None, name


def test_measures_by_hand() -> None:
    results = [
        result(em=1, f1=1, right=True, forced_em=1, forced_f1=1, confidence=0.9, citation_valid=True, elapsed_ms=10),
        result(em=0, f1=0.5, forced_f1=0.5, confidence=0.7, citation_valid=False, elapsed_ms=20),
        result(status="not_found", forced_em=1, forced_f1=1, confidence=0.3, elapsed_ms=30),
        result(status="not_found", answerable=False, em=1, f1=1, right=True, confidence=0.1, elapsed_ms=40),
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
            status="answered" if c > 15 else "unsure",
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


def test_contributions_make_up_the_value() -> None:
    results = [
        result(em=1, f1=1, right=True, **read(1)),
        result(f1=0.25, **read(4)),
        result(status="not_found"),
        result(answerable=False, status="not_found", right=True),
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
