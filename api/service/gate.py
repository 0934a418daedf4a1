"""Work in threads, a bounded number at once and a bounded number waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from api.problems import BUSY, ProblemError

_T = TypeVar("_T")


class Gate:
    """Runs blocking work in threads, so that the event loop stays free. To be used from one event loop.

    At most `workers` at once; `max_waiting` more wait their turn; any beyond are refused at once, since an answer that
    comes after the asker gave up is work for nothing.
    """

    def __init__(self, workers: int, max_waiting: int, retry_after_s: int) -> None:
        self.workers = workers
        self._limiter = CapacityLimiter(workers)
        self._room = workers + max_waiting
        self._inside = 0
        self._retry_after_s = retry_after_s

    @property
    def inside(self) -> int:
        """How many are at work or waiting."""
        return self._inside

    def require_room(self) -> None:
        """Raise ProblemError 503 with Retry-After where no more work is taken."""
        if self._inside >= self._room:
            raise ProblemError(
                BUSY,
                "too many requests of this kind are at work or waiting; try again later",
                headers={"retry-after": str(self._retry_after_s)},
            )

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Count what is done within as at work or waiting; raises ProblemError as `require_room` does."""
        self.require_room()
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    async def in_thread(self, work: Callable[[], _T]) -> _T:
        """The result of work of those who have entered, when its turn comes."""
        return await to_thread.run_sync(work, limiter=self._limiter)

    async def run(self, work: Callable[[], _T]) -> _T:
        """The result of `work`; raises ProblemError as `require_room` does."""
        with self.entered():
            return await self.in_thread(work)
