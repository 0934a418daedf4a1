"""A judged question."""

from __future__ import annotations

from judged import result


def test_best_span_of_an_unanswerable_question_is_never_right() -> None:
    assert not result(answerable=False, forced_f1=1.0).forced_right
    assert result(forced_f1=0.8).forced_right
    assert not result(forced_f1=0.79).forced_right
