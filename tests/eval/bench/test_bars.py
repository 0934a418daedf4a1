"""Bars hold up to their limit or from it on, and say which."""

from __future__ import annotations

from eval.bench.bars import at_least, at_most


def test_the_limit_itself_holds() -> None:
    assert at_most("seconds", 2.0, 2.0).holds and not at_most("seconds", 2.01, 2.0).holds
    assert at_least("speed", 2.0, 2.0).holds and not at_least("speed", 1.99, 2.0).holds


def test_a_line_says_what_is_asked_and_what_came() -> None:
    assert at_most("seconds", 1.234, 2.0).line() == "holds: seconds 1.23, at most 2"
    assert at_least("speed", 1.5, 2.0).line() == "FALLS SHORT: speed 1.50, at least 2"
    assert at_most("memory", 1_600_000_000, 1_500_000_000, "bytes").figures() == "1.60 GB, at most 1.5 GB"
    assert at_most("hit rate lost", 0.015, 0.01, "share").figures() == "1.5 points, at most 1"
