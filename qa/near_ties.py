"""Windows whose best span is decided by less than bf16 can tell apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qa.spans import window_spans
from qa.windows import Window

# Spans that changed places in bf16 led by up to 0.021 in fp32 (`qa runtime compare`).
NEAR = 0.05
# A window whose best span is further than this behind another window's cannot give the answer, tie or not.
BEHIND = 1.0


def near_ties(
    windows: Sequence[Window], logits: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]]
) -> list[int]:
    """Which windows have two best spans that score within `NEAR` of each other, of those whose best span may be the
    best of its question. `logits` are those of each window, as `window_spans` takes them."""
    tops = [
        [span.margin for span in window_spans(window, *own, count=2)]
        for window, own in zip(windows, logits, strict=True)
    ]
    questions = [window.ids[: window.question_end].tobytes() for window in windows]
    best: dict[bytes, float] = {}
    for question, top in zip(questions, tops, strict=True):
        if top:
            best[question] = max(top[0], best.get(question, top[0]))
    return [
        number
        for number, (question, top) in enumerate(zip(questions, tops, strict=True))
        if len(top) == 2 and top[0] - top[1] < NEAR and top[0] > best[question] - BEHIND
    ]
