"""Questions that come at the same time are asked together: they share the models' batches."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from api.service.gate import Gate
from qa.types import Question, Response

# How long a question waits for companions where others are at work already, in seconds.
WAIT_S = 0.003
MAX_BATCH = 4

_Entry = tuple[Question, "asyncio.Future[Response]"]


class Batcher:
    """Gathers questions before `ask_many`, at most `max_batch` together. To be used from one event loop.

    A question that comes when nothing is at work is asked at once, alone. One that comes while others are at work waits
    `wait_s` for companions where a worker is free, else until one is. Where a batch fails each of its questions is
    asked again alone, so that none fails for what another one did. The gate bounds how many are at work or waiting.
    """

    def __init__(
        self,
        ask_many: Callable[[Sequence[Question]], list[Response]],
        gate: Gate,
        *,
        max_batch: int = MAX_BATCH,
        wait_s: float = WAIT_S,
    ) -> None:
        self._ask_many = ask_many
        self._gate = gate
        self._max_batch = max_batch
        self._wait_s = wait_s
        self._waiting: deque[_Entry] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._running: set[asyncio.Task[None]] = set()
        self.batches = 0
        self.questions = 0

    @property
    def waiting(self) -> int:
        """How many questions wait for a batch."""
        return len(self._waiting)

    async def ask(self, question: Question) -> Response:
        """The response to a question; raises what `ask_many` raises for it alone, and ProblemError 503 where there is
        no room."""
        with self._gate.entered():
            future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
            entry = question, future
            self._waiting.append(entry)
            self._look()
            try:
                return await future
            finally:
                # Whoever goes away leaves no entry behind, or those who come and go would fill the queue.
                if future.cancelled() and entry in self._waiting:
                    self._waiting.remove(entry)

    def _look(self) -> None:
        """Begin a batch where one is due, or see to it that one will be."""
        if not self._waiting or len(self._running) >= self._gate.workers:
            return
        if not self._running or len(self._waiting) >= self._max_batch:
            self._begin()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._wait_s, self._waited)

    def _waited(self) -> None:
        self._timer = None
        if self._waiting and len(self._running) < self._gate.workers:
            self._begin()

    def _begin(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batch: list[_Entry] = []
        while self._waiting and len(batch) < self._max_batch:
            entry = self._waiting.popleft()
            # Whoever went away just now is not read for.
            if not entry[1].done():
                batch.append(entry)
        if not batch:
            return
        task = asyncio.get_running_loop().create_task(self._run(batch))
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        # Those who wait have waited long enough.
        if self._waiting and not task.cancelled():
            self._begin()
            self._look()

    async def _run(self, batch: list[_Entry]) -> None:
        self.batches += 1
        self.questions += len(batch)
        try:
            if len(batch) > 1 and await self._answered(batch):
                return
            for entry in batch:
                await self._alone(entry)
        finally:
            for _, future in batch:
                future.cancel()

    async def _answered(self, batch: list[_Entry]) -> bool:
        """Answer a batch together; False where that fails, for whichever reason: alone each will meet its own."""
        questions = [question for question, _ in batch]
        try:
            responses = await self._gate.in_thread(lambda: self._ask_many(questions))
        except Exception:  # noqa: BLE001 - it is raised again to whom it belongs
            return False
        for (_, future), response in zip(batch, responses, strict=True):
            if not future.done():
                future.set_result(response)
        return True

    async def _alone(self, entry: _Entry) -> None:
        question, future = entry
        if future.done():
            return
        try:
            response = (await self._gate.in_thread(lambda: self._ask_many([question])))[0]
        except Exception as error:  # noqa: BLE001 - whoever asked raises it
            if not future.done():
                future.set_exception(error)
        else:
            if not future.done():
                future.set_result(response)
