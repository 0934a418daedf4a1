"""Telling whoever waits for a file that another part of it is read: limits of time hold for each part."""

from __future__ import annotations

import time
from collections.abc import Callable

# Telling costs a write to a pipe; parts are often read in milliseconds.
_EVERY_S = 0.5


class Progress:
    """Calls a listener, now and then, while the parts of a file are read."""

    def __init__(self) -> None:
        self.listener: Callable[[], None] | None = None
        self._told = 0.0

    def part_is_read(self) -> None:
        """A loader calls this after each part of a file (a page) that it could be long busy with."""
        now = time.monotonic()
        if self.listener is not None and now - self._told >= _EVERY_S:
            self._told = now
            self.listener()


# Of the file that this process reads.
progress = Progress()
