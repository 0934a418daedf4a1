"""Server-sent events (WHATWG HTML, section 9.2): the progress of work that goes on while a client listens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

MEDIA_TYPE = "text/event-stream"
# How often progress is looked at. Only the last of it is kept, so that no client, however slow, fills any buffer.
LOOK_S = 0.25
KEEP_ALIVE_S = 10.0


def wanted(accept: str) -> bool:
    """Whether an Accept header asks for events rather than JSON."""
    return any(part.partition(";")[0].strip().lower() == MEDIA_TYPE for part in accept.split(","))


def event(name: str, data: Any) -> str:
    """One event, its data as JSON on one line."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=True)}\n\n"


def read(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The events of a stream's lines, each by its name and with its data; one that is not whole is none."""
    name, data = "message", ""
    for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield name, data
            name, data = "message", ""
        elif field == "event":
            name = value
        elif field == "data":
            data += value if not data else f"\n{value}"


async def progress_of(task: asyncio.Future[Any], latest: Callable[[], Any]) -> AsyncIterator[str]:
    """A `progress` event whenever `latest()` has changed, until the task is done; comments where it stands still.

    The task is not cancelled when nobody listens any more.
    """
    loop = asyncio.get_running_loop()
    shown, said = None, loop.time()
    while True:
        await asyncio.wait({task}, timeout=LOOK_S)
        now = latest()
        if now is not None and now != shown:
            shown, said = now, loop.time()
            yield event("progress", now)
        elif loop.time() - said > KEEP_ALIVE_S:
            said = loop.time()
            yield ": still at work\n\n"
        if task.done():
            return


class _Events(StreamingResponse):
    def __init__(self, events: AsyncIterator[str], ended: Callable[[], None]) -> None:
        super().__init__(events, media_type=MEDIA_TYPE, headers={"cache-control": "no-store"})
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._ended()


def streaming(events: AsyncIterator[str], ended: Callable[[], None]) -> StreamingResponse:
    """The response that sends events as they come, past any cache; `ended` is called when they have all been sent, or
    nobody listens any more."""
    return _Events(events, ended)
