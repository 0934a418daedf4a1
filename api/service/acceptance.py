"""What was accepted and is not finished: what a server that is told to stop waits for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Acceptance:
    """Whether requests are still accepted, and how many of the accepted ones are not finished."""

    def __init__(self) -> None:
        self.stopping = False
        self.at_work = 0

    @contextmanager
    def accepted(self) -> Iterator[None]:
        """Count what is done within as accepted work."""
        self.at_work += 1
        try:
            yield
        finally:
            self.at_work -= 1
