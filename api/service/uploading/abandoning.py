"""Work that is given up when whoever asked for it goes away."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from starlette.requests import Request

from index.errors import AbandonedError

_T = TypeVar("_T")


class Abandonment:
    """Whether whoever asked for work has gone: told once in the event loop, looked at from any thread."""

    def __init__(self) -> None:
        self._gone = threading.Event()
        self._listeners: list[Callable[[], None]] = []

    @property
    def gone(self) -> bool:
        return self._gone.is_set()

    def abandon(self) -> None:
        """Give the work up. To be called from the event loop; after the work's end it does nothing."""
        self._gone.set()
        for listener in self._listeners:
            listener()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call this from the event loop when the work is given up."""
        self._listeners.append(listener)

    def require(self) -> None:
        """Raise AbandonedError where the work was given up."""
        if self.gone:
            raise AbandonedError


async def while_awaited(request: Request, task: asyncio.Task[_T], abandonment: Abandonment) -> _T:
    """The result of a task that is given up when the client of the request, whose body is read, goes away."""
    gone = asyncio.create_task(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            abandonment.abandon()
        return await task
    finally:
        gone.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
