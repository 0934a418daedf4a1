"""The parts of a file that is read in this process: whoever waits is told of them, and their work is limited."""

from __future__ import annotations

import time
from collections.abc import Callable

# Telling costs a write to a pipe; parts are often read in milliseconds.
_EVERY_S = 0.5


class TooMuchWorkError(Exception):
    """The parts of a file took more of the processor's time than a file may."""


class Progress:
    """What a loader tells of the parts of a file. Nobody is told, and nothing limited, until `begin_file`."""

    def __init__(self) -> None:
        self._listener: Callable[[], None] | None = None
        self._told = self._ends = 0.0

    def begin_file(self, listener: Callable[[], None], most_seconds: float) -> None:
        """Have `listener` called, now and then, while the parts of a file are read.

        All of them together may take so many seconds of the processor's time.
        """
        self._listener = listener
        self._told, self._ends = time.monotonic(), time.process_time() + most_seconds

    def part_is_read(self) -> None:
        """A loader calls this after each part (a page) of a file with many. Raises TooMuchWorkError."""
        now = time.monotonic()
        if self._listener is None or now - self._told < _EVERY_S:
            return
        if time.process_time() > self._ends:
            raise TooMuchWorkError
        self._told = now
        self._listener()


# Of the file that this process reads.
progress = Progress()
