"""What computes the logits of windows, whatever runs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from qa.reading.windows import Window

Logits = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Of a window's n tokens the logits (n,) to start an answer, and to end it."""


class LogitsModel(Protocol):
    """From windows to logits."""

    @property
    def runtime(self) -> Literal["openvino", "torch"]:
        """What runs it."""
        ...

    @property
    def is_exact(self) -> bool:
        """Whether it computes in fp32."""
        ...

    def load(self) -> None:
        """Load what the first windows would otherwise wait for. Raises ModelError, or ImportError where what runs it is
        not installed."""
        ...

    def logits(self, windows: Sequence[Window]) -> list[Logits]:
        """The logits of every window, in fp32. On a CPU they depend on the window alone, not on those beside it."""
        ...
