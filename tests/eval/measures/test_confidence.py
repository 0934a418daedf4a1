"""Measures of the confidence, by hand."""

from __future__ import annotations

from typing import Any

import pytest
from judged import result, told, value

from eval.measures.basic import calibration_bins
from eval.measures.confidence import risk_coverage

approx: Any = pytest.approx


def test_calibration_by_hand() -> None:
    # Bin (.8, .9]: three at .9, two right; bin (0, .1]: one at .1, wrong.
    pairs = [(0.9, True), (0.9, True), (0.9, False), (0.1, False)]
    assert value("ECE", *(told(*pair) for pair in pairs)) == approx(3 / 4 * abs(2 / 3 - 0.9) + 1 / 4 * 0.1)
    bins = calibration_bins([confidence for confidence, _ in pairs], [right for _, right in pairs])
    assert len(bins) == 10 and sum(one.questions for one in bins) == 4
    assert (bins[8].questions, bins[8].confidence, bins[8].right) == (3, approx(0.9), approx(2 / 3))
    assert bins[3].confidence is None and bins[3].right is None


def test_calibration_extremes() -> None:
    assert value("ECE", *[told(1.0, True)] * 3, *[told(0.0, False)] * 3) == 0
    assert value("ECE", *[told(1.0, False)] * 3, *[told(0.0, True)] * 3) == 1
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            calibration_bins([wrong], [True])


def test_equally_sure_answers_are_let_in_together() -> None:
    results = [result(confidence=0.9, forced_f1=1.0), result(confidence=0.9), result(confidence=0.5, forced_f1=1.0)]
    # Letting in only the right one of the two is no threshold that there is.
    assert value("Coverage@risk=0.4", *results) == approx(1)
    assert value("Coverage@risk=0.3", *results) == 0
    assert value("AURC", *results) == approx((1 / 2 + 1 / 2 + 1 / 3) / 3)
    assert risk_coverage(results) == [(0.9, approx(2 / 3), 0.5), (0.5, 1.0, approx(1 / 3))]


def test_a_question_without_a_span_can_never_be_covered() -> None:
    results = [result(confidence=0.9, forced_f1=1.0), result(status="not_found", answerable=False)]
    assert value("Coverage@risk=1", *results) == 0.5
    assert value("AURC", *results) == approx((0 + 1 / 2) / 2)
