"""Which windows bf16 cannot decide, by chosen logits; and that they are read again in fp32."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pytest

from index.errors import ModelError
from index.models import hardware, openvino
from qa.reading import exact_on_ties
from qa.reading.exact_on_ties import NEAR, ExactOnTies, near_ties
from qa.reading.logits import Logits
from qa.reading.reader import openvino_reader, torch_reader
from qa.reading.spans import BEHIND
from qa.reading.windows import Window

pytestmark = pytest.mark.slow

TOKENS = 4
BEFORE = 3


def window(question: int) -> Window:
    """A window of four words of a letter each."""
    starts = np.arange(0, 2 * TOKENS, 2, dtype=np.int32)
    ids = np.array([101, question, 102, *range(1_000, 1_000 + TOKENS), 102], dtype=np.int32)
    return Window(ids, BEFORE, starts, starts + 1, np.zeros_like(starts))


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


def test_a_window_that_cannot_give_an_answer_is_left() -> None:
    # The tests' logits are sums in fp32: on either side of the border, not upon it.
    assert near_ties([window(7)], [scored(-BEHIND * 1.1, -BEHIND * 1.1)]) == []
    assert near_ties([window(7)], [scored(-BEHIND * 0.9, -BEHIND * 0.9)]) == [0]


def test_a_window_is_judged_by_itself() -> None:
    sure, tied = scored(9.0, 2.0), scored(1.0, 1.0)
    for other in (7, 8):
        assert near_ties([window(other), window(7), window(other)], [sure, tied, sure]) == [1]


def test_nothing_and_windows_without_spans() -> None:
    nothing = np.full(BEFORE + TOKENS + 1, np.nan, dtype=np.float32)
    assert near_ties([], []) == []
    assert near_ties([window(7)], [(nothing, nothing)]) == []


class GivenModel:
    """Gives each window the logits of its question, and keeps what it read."""

    runtime: Literal["openvino"] = "openvino"

    def __init__(self, by_question: dict[int, Logits], *, is_exact: bool) -> None:
        self.by_question = by_question
        self.is_exact = is_exact
        self.read: list[int] = []
        self.loaded = False

    def load(self) -> None:
        self.loaded = True

    def logits(self, windows: Sequence[Window]) -> list[Logits]:
        questions = [int(window.ids[1]) for window in windows]
        self.read.extend(questions)
        return [self.by_question[question] for question in questions]


@pytest.mark.parametrize("fast_is_exact", [False, True])
def test_only_undecided_windows_are_read_again_and_none_where_the_first_is_exact(fast_is_exact: bool) -> None:
    tied, decided = scored(3.0, 3.0), scored(3.0, 2.99)
    fast = GivenModel({7: scored(9.0, 1.0), 8: tied, 9: scored(-2 * BEHIND, -2 * BEHIND)}, is_exact=fast_is_exact)
    exact = GivenModel({8: decided}, is_exact=True)
    model = ExactOnTies(fast, exact)
    found = model.logits([window(7), window(8), window(9), window(8)])
    assert exact.read == ([] if fast_is_exact else [8, 8])
    assert found[1] is found[3] is (tied if fast_is_exact else decided)
    assert (found[0], found[2]) == (fast.by_question[7], fast.by_question[9])


def test_the_exact_model_is_not_loaded_ahead() -> None:
    fast, exact = GivenModel({}, is_exact=False), GivenModel({}, is_exact=True)
    ExactOnTies(fast, exact).load()
    assert (fast.loaded, exact.loaded) == (True, False)


@pytest.mark.parametrize("precision", ["bf16", "f32"])
def test_undecided_windows_are_read_in_fp32(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "precision", lambda: precision)
    questions, passages = ["When do the drills run?"], ["The drills run from August 9 to 13.", "Nobody sings here."]
    exact, shipped = openvino_reader(exact=True), openvino_reader()
    windows = [own for cut in shipped.cut(questions * 2, passages) for own in cut]
    plain = shipped.logits(windows)

    def second(_windows: Sequence[Window], _logits: Sequence[Logits]) -> list[int]:
        return [1]

    monkeypatch.setattr(exact_on_ties, "near_ties", second)
    found, wanted = shipped.logits(windows), exact.logits(windows)
    for number, expected in ((0, plain[0]), (1, wanted[1] if precision == "bf16" else plain[1])):
        for one, other in zip(found[number], expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-4)


def test_torch_decides_where_openvino_cannot_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    real = openvino.load

    def only_bf16(*args: Any, exact: bool, **options: Any) -> openvino.CompiledModel:
        if exact:
            raise ModelError("no memory left")
        return real(*args, exact=exact, **options)

    def first(_windows: Sequence[Window], _logits: Sequence[Logits]) -> list[int]:
        return [0]

    monkeypatch.setattr(hardware, "precision", lambda: "bf16")
    monkeypatch.setattr(openvino, "load", only_bf16)
    monkeypatch.setattr(exact_on_ties, "near_ties", first)
    shipped = openvino_reader(fall_back=True)
    windows = shipped.cut(["When do the drills run?"], ["The drills run from August 9 to 13."])[0]
    (found,), (wanted,) = shipped.logits(windows), torch_reader(exact=True).logits(windows)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
