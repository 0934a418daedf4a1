"""Which windows bf16 cannot decide, by chosen logits; and that they are read again in fp32."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import index.compiled
import qa.reader
from index.errors import ModelError
from qa.near_ties import BEHIND, NEAR, near_ties
from qa.reader import Logits, OpenVinoReader, TransformersReader
from qa.windows import Window

TOKENS = 4
BEFORE = 3


def window(question: int) -> Window:
    """A window of four words of a letter each."""
    starts = np.arange(0, 2 * TOKENS, 2, dtype=np.int32)
    ids = np.array([101, question, 102, *range(1_000, 1_000 + TOKENS), 102], dtype=np.int32)
    return Window(ids, BEFORE, starts, starts + 1, np.zeros_like(starts), BEFORE - 1)


def scored(best: float, second: float) -> Logits:
    """Logits of a window whose two best spans, single words, score so much above the null."""
    start = np.full(BEFORE + TOKENS + 1, -50.0, dtype=np.float32)
    end = start.copy()
    start[0] = end[0] = 0.0
    # Each word's own span: from the later to the earlier is none, the other way is far less.
    start[BEFORE + 2], end[BEFORE + 2] = best / 2 + 30, best / 2 - 30
    start[BEFORE], end[BEFORE] = second / 2 - 30, second / 2 + 30
    return start, end


@pytest.mark.parametrize(("lead", "near"), [(0.0, True), (NEAR / 2, True), (NEAR * 1.5, False), (2.0, False)])
def test_near_is_what_two_spans_of_a_window_are(lead: float, near: bool) -> None:
    assert near_ties([window(7)], [scored(3.0, 3.0 - lead)]) == ([0] if near else [])


def test_a_window_that_cannot_give_the_answer_is_left() -> None:
    sure, tied = scored(9.0, 2.0), scored(9.0 - BEHIND * 1.5, 9.0 - BEHIND * 1.5)
    assert near_ties([window(7), window(7)], [sure, tied]) == []
    assert near_ties([window(7), window(8)], [sure, tied]) == [1], "of another question"


def test_passages_under_different_headings_are_of_one_question() -> None:
    plain, headed = window(7), window(7)
    headed.ids[BEFORE - 1] = 2_000
    sure, tied = scored(9.0, 2.0), scored(9.0 - BEHIND * 1.5, 9.0 - BEHIND * 1.5)
    assert near_ties([plain, headed], [sure, tied]) == []


def test_nothing_and_windows_without_spans() -> None:
    nothing = np.full(BEFORE + TOKENS + 1, np.nan, dtype=np.float32)
    assert near_ties([], []) == []
    assert near_ties([window(7)], [(nothing, nothing)]) == []


@pytest.mark.parametrize("precision", ["bf16", "f32"])
def test_undecided_windows_are_read_in_fp32(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index.compiled, "precision", lambda: precision)
    questions, passages = ["When do the drills run?"], ["The drills run from August 9 to 13.", "Nobody sings here."]
    exact, shipped = OpenVinoReader(exact=True), OpenVinoReader()
    windows = [own for cut in shipped.cut(questions * 2, passages) for own in cut]
    plain = shipped.logits(windows)

    def second(_windows: Sequence[Window], _logits: Sequence[Logits]) -> list[int]:
        return [1]

    monkeypatch.setattr(qa.reader, "near_ties", second)
    found, wanted = shipped.logits(windows), exact.logits(windows)
    for number, expected in ((0, plain[0]), (1, wanted[1] if precision == "bf16" else plain[1])):
        for one, other in zip(found[number], expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-4)


def test_torch_decides_where_openvino_cannot_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    real = index.compiled.load

    def only_bf16(*args: Any, exact: bool, **options: Any) -> index.compiled.CompiledModel:
        if exact:
            raise ModelError("no memory left")
        return real(*args, exact=exact, **options)

    def first(_windows: Sequence[Window], _logits: Sequence[Logits]) -> list[int]:
        return [0]

    monkeypatch.setattr(index.compiled, "precision", lambda: "bf16")
    monkeypatch.setattr(index.compiled, "load", only_bf16)
    monkeypatch.setattr(qa.reader, "near_ties", first)
    shipped = OpenVinoReader()
    windows = shipped.cut(["When do the drills run?"], ["The drills run from August 9 to 13."])[0]
    (found,), (wanted,) = shipped.logits(windows), TransformersReader(exact=True).logits(windows)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
