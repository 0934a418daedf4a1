"""Measures of answers and abstention, by hand."""

from __future__ import annotations

from judged import result, value


def test_abstention_without_one_side() -> None:
    names = ("AbstentionPrecision", "AbstentionRecall", "AbstentionF1")
    never = [result(answerable=False), result()]
    assert [value(name, *never) for name in names] == [None, 0.0, 0.0]
    needless = [result(status="not_found"), result()]
    assert [value(name, *needless) for name in names] == [0.0, None, 0.0]
    assert [value(name, result()) for name in names] == [None, None, None]
