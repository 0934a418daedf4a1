"""Windows whose best span is decided by less than bf16 can tell apart are read again in fp32."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from qa.reading.logits import Logits, LogitsModel
from qa.reading.spans import BEHIND, window_spans
from qa.reading.windows import Window

# Spans that changed places in bf16 led by up to 0.021 in fp32 (`qa runtime compare`).
NEAR = 0.05


class ExactOnTies:
    """A fast model, with the exact one for the windows that the fast one cannot decide."""

    def __init__(self, fast: LogitsModel, exact: LogitsModel) -> None:
        self._fast = fast
        self._exact = exact

    @property
    def runtime(self) -> Literal["openvino", "torch"]:
        return self._fast.runtime

    @property
    def is_exact(self) -> bool:
        return self._fast.is_exact

    def load(self) -> None:
        # The exact one is seldom needed, and takes as much memory again.
        self._fast.load()

    def logits(self, windows: Sequence[Window]) -> list[Logits]:
        logits = self._fast.logits(windows)
        undecided = [] if self._fast.is_exact else near_ties(windows, logits)
        if undecided:
            exactly = self._exact.logits([windows[number] for number in undecided])
            for number, pair in zip(undecided, exactly, strict=True):
                logits[number] = pair
        return logits


def near_ties(windows: Sequence[Window], logits: Sequence[Logits]) -> list[int]:
    """Which windows have two best spans that score within `NEAR` of each other and may give an answer. `logits` are
    those of each window, as `window_spans` takes them.

    Each window is judged by itself: what the windows beside it hold must not decide how it is read.
    """
    undecided = []
    for number, (window, pair) in enumerate(zip(windows, logits, strict=True)):
        margins = [span.margin for span in window_spans(window, *pair, count=2)]
        if len(margins) == 2 and margins[0] - margins[1] < NEAR and margins[0] > -BEHIND:
            undecided.append(number)
    return undecided
