"""Turns between clients: each has a queue of its own, and whose work begins next goes round."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from api.problems import BUSY, ProblemError
from api.service.uploading.abandoning import Abandonment
from index.errors import AbandonedError

_T = TypeVar("_T")


@dataclass(slots=True, eq=False)
class _Ticket:
    client: str
    alone: bool
    begun: asyncio.Future[None]


class FairGate:
    """Runs blocking work in threads: one piece of a client at a time, of at most `clients` at once. To be used from one
    event loop.

    `waiting_each` more pieces of a client wait, and `waiting_in_all` of all; any beyond are refused at once. Of the
    clients that wait the one whose work began longest ago comes next. Work that must be `alone` begins once nothing
    else is at work, and nothing begins before it that came later.
    """

    def __init__(self, clients: int, waiting_each: int, waiting_in_all: int, retry_after_s: int) -> None:
        self._clients = clients
        self._limiter = CapacityLimiter(clients)
        self._waiting_each = waiting_each
        self._waiting_in_all = waiting_in_all
        self._retry_after_s = retry_after_s
        self._queues: OrderedDict[str, deque[_Ticket]] = OrderedDict()
        self._at_work: set[str] = set()
        self._alone = False

    @property
    def inside(self) -> int:
        """How many are at work or waiting."""
        return len(self._at_work) + self._waiting

    def require_room(self, client: str) -> None:
        """Raise ProblemError 503 with Retry-After where no more work of this client is taken."""
        waiting = len(self._queues.get(client, ()))
        idle = client not in self._at_work and waiting == 0
        free = idle and len(self._at_work) < self._clients and not self._alone
        # No word of how many others there are: that is theirs to know.
        if not free and (waiting >= self._waiting_each or self._waiting >= self._waiting_in_all):
            raise ProblemError(
                BUSY,
                "too many requests of this kind are at work or waiting; try again later",
                headers={"retry-after": str(self._retry_after_s)},
            )

    async def run(
        self, client: str, work: Callable[[], _T], abandonment: Abandonment | None = None, *, alone: bool = False
    ) -> _T:
        """The result of `work` when the client's turn comes.

        Raises ProblemError as `require_room` does, and AbandonedError where it was given up before its turn came.
        """
        self.require_room(client)
        ticket = _Ticket(client, alone, asyncio.get_running_loop().create_future())
        self._queues.setdefault(client, deque()).append(ticket)
        if abandonment is not None:
            abandonment.listen(lambda: self._drop(ticket))
        self._begin()
        try:
            await ticket.begun
        except asyncio.CancelledError:
            self._leave(ticket)
            raise
        try:
            return await to_thread.run_sync(work, limiter=self._limiter)
        finally:
            self._end(ticket)

    @property
    def _waiting(self) -> int:
        return sum(len(queue) for queue in self._queues.values())

    def _begin(self) -> None:
        """Let whoever can begin do so."""
        while not self._alone and len(self._at_work) < self._clients:
            ticket = self._next()
            if ticket is None:
                return
            self._remove(ticket)
            self._at_work.add(ticket.client)
            self._alone = ticket.alone
            ticket.begun.set_result(None)

    def _next(self) -> _Ticket | None:
        for client, queue in self._queues.items():
            if queue[0].alone and self._at_work:
                return None
            if client not in self._at_work:
                return queue[0]
        return None

    def _end(self, ticket: _Ticket) -> None:
        self._at_work.remove(ticket.client)
        self._alone = self._alone and not ticket.alone
        if ticket.client in self._queues:
            self._queues.move_to_end(ticket.client)
        self._begin()

    def _drop(self, ticket: _Ticket) -> None:
        if not ticket.begun.done():
            self._remove(ticket)
            ticket.begun.set_exception(AbandonedError())
            self._begin()

    def _leave(self, ticket: _Ticket) -> None:
        if ticket.begun.done() and not ticket.begun.cancelled():
            self._end(ticket)
        else:
            self._remove(ticket)
            self._begin()

    def _remove(self, ticket: _Ticket) -> None:
        queue = self._queues[ticket.client]
        queue.remove(ticket)
        if not queue:
            del self._queues[ticket.client]


class Turns:
    """Whose batch of passages is embedded next: nobody's while questions are asked, else that of whoever has waited
    longest, one at a time. Safe between threads.

    A batch is small, so that a question that comes meanwhile waits for little; a batch that has waited `patience_s`
    for questions goes all the same.
    """

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._changed = threading.Condition()
        self._questions = 0
        self._at_work = False
        self._waiting: deque[object] = deque()

    @contextmanager
    def question(self) -> Iterator[None]:
        """While a question is asked."""
        with self._changed:
            self._questions += 1
        try:
            yield
        finally:
            with self._changed:
                self._questions -= 1
                self._changed.notify_all()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Wait for the turn of a batch, and hold it."""
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                self._changed.wait_for(lambda: not self._at_work and self._waiting[0] is ticket)
                until = time.monotonic() + self._patience_s
                self._changed.wait_for(lambda: not self._questions, until - time.monotonic())
                self._at_work = True
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._at_work = False
                self._changed.notify_all()


class Taken:
    """Things that one piece of work at a time may change, by name. Safe between threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._names: set[str] = set()

    @contextmanager
    def hold(self, name: str, abandonment: Abandonment) -> Iterator[None]:
        """Wait until nobody holds the name, and hold it; raises AbandonedError where the wait was given up."""
        with self._changed:
            self._changed.wait_for(lambda: name not in self._names or abandonment.gone)
            abandonment.require()
            self._names.add(name)
        try:
            yield
        finally:
            with self._changed:
                self._names.remove(name)
                self._changed.notify_all()

    def look_again(self) -> None:
        """Have those who wait notice that they were given up."""
        with self._changed:
            self._changed.notify_all()
