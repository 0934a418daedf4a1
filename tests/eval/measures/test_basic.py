"""The arithmetic under the measures, by hand."""

from __future__ import annotations

from typing import Any

import pytest
from judged import told, value

from eval.measures.basic import calibration_bins, first_overlap, hit_rate, mean, percentile

approx: Any = pytest.approx


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


@pytest.mark.parametrize(
    ("confidence", "number"), [(0.0, 0), (0.1, 0), (0.1000001, 1), (0.3, 2), (0.7, 6), (0.95, 9), (1.0, 9)]
)
def test_bins_are_closed_above(confidence: float, number: int) -> None:
    assert [one.questions for one in calibration_bins([confidence], [True])].index(1) == number
    assert value("ECE", told(confidence, True)) == approx(1 - confidence)


def test_percentile_is_a_value_that_occurred() -> None:
    values = [float(number) for number in range(20, 0, -1)]
    assert [percentile(values, percent) for percent in (0, 50, 95, 100)] == [1, 10, 19, 20]
    assert percentile([7.0], 50) == 7 and percentile([], 50) is None


def test_mean_of_nothing() -> None:
    assert mean([]) is None and mean(iter([True, False])) == 0.5
