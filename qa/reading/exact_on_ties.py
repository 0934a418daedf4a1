"""Windows whose best span is decided by less than bf16 can tell apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qa.reading.spans import window_spans
from qa.reading.windows import Window

# Spans that changed places in bf16 led by up to 0.021 in fp32 (`qa runtime compare`).
NEAR = 0.05
# Of a window whose best span is further than this behind "no answer here", none is given by a threshold that anyone
# would set, tie or not.
BEHIND = 1.0


def near_ties(
    windows: Sequence[Window], logits: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]]
) -> list[int]:
    """Which windows have two best spans that score within `NEAR` of each other and may give an answer. `logits` are
    those of each window, as `window_spans` takes them.

    Each window is judged by itself: what the windows beside it hold must not decide how it is read.
    """
    undecided = []
    for number, (window, own) in enumerate(zip(windows, logits, strict=True)):
        margins = [span.margin for span in window_spans(window, *own, count=2)]
        if len(margins) == 2 and margins[0] - margins[1] < NEAR and margins[0] > -BEHIND:
            undecided.append(number)
    return undecided
