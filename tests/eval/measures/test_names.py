"""Measures by name, bounds, and what a run reports by default."""

from __future__ import annotations

import pytest

from eval.measures.names import KNOWN, default_measures, is_timed, parse_bound, parse_measure
from index.errors import InputError


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


def test_a_measure_of_time_is_told_by_its_name() -> None:
    for measure in default_measures(20):
        assert is_timed(measure.name) == measure.timed
    assert not is_timed("Latency") and not is_timed("Unknown@5")
