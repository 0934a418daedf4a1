"""What the doors of the server share: the engine, the gates to its work, and the state of the server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from api.service.acceptance import Acceptance
from api.service.answering import Answering
from api.service.gate import Gate
from api.service.metrics import Metrics
from api.service.model_problems import with_model_problems
from api.service.purging import Purging
from api.service.uploading.abandoning import Abandonment
from api.service.uploading.fairness import FairGate, Taken, Turns
from api.service.warmup import Warmup
from api.settings import ServerSettings
from qa.engine import Engine
from qa.types import Question, Response

_T = TypeVar("_T")
# Together with the other workers these stay below the catalogue's 32 connections: no thread waits for one.
LOOKUP_WORKERS = 8
LOOKUPS_WAITING = 256


class Service:
    """The engine behind three gates, so that neither reading, indexing nor looking up starves the others."""

    def __init__(self, engine: Engine, settings: ServerSettings) -> None:
        self.engine = engine
        self.settings = settings
        self.metrics = Metrics()
        self.acceptance = Acceptance()
        self.warmup = Warmup(engine, settings.retry_after_s)
        self.questions = Gate(settings.workers, settings.max_waiting, settings.retry_after_s)
        self.lookups = Gate(LOOKUP_WORKERS, LOOKUPS_WAITING, settings.retry_after_s)
        self.uploads = FairGate(
            settings.upload_clients,
            settings.max_waiting_uploads,
            settings.max_waiting_uploads_in_all,
            settings.retry_after_s,
        )
        self.turns = Turns(settings.upload_patience_s)
        # Documents that are being stored: between the check of a condition and the change nothing else comes.
        self.taken = Taken()
        self.purging = Purging(engine.store, self.uploads, settings.purge_after_s)
        self._answering = Answering(
            engine, settings, questions=self.questions, lookups=self.lookups, metrics=self.metrics
        )
        self._started: set[asyncio.Task[Any]] = set()
        self._watch()

    def start(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """Begin work that is finished even when whoever asked for it goes away."""

        async def counted() -> _T:
            # A server that stops waits for it as for a request.
            with self.acceptance.accepted():
                return await work

        task = asyncio.create_task(counted())
        self._started.add(task)
        task.add_done_callback(self._started.discard)
        return task

    async def finish(self) -> None:
        """Wait for the work that was begun."""
        if self._started:
            await asyncio.wait(self._started)

    async def with_models(self, gate: Gate, work: Callable[[], _T]) -> _T:
        """The result of work that needs the models.

        Raises ProblemError: 503 where they are not loaded, 409 where the store has another embedder.
        """
        self.warmup.require_started()
        return await gate.run(lambda: with_model_problems(self.engine.store, work))

    async def upload(self, client: str, work: Callable[[], _T], abandonment: Abandonment) -> _T:
        """The result of work that stores something, in the turn of its client.

        Raises ProblemError as `with_models` does, and AbandonedError where it is given up.
        """
        self.warmup.require_started()
        abandonment.listen(self.taken.look_again)
        return await self.uploads.run(client, lambda: with_model_problems(self.engine.store, work), abandonment)

    async def search(self, work: Callable[[], _T]) -> _T:
        """The result of a search; uploads wait for it. Raises ProblemError as `with_models` does."""
        with self.turns.question():
            return await self.with_models(self.questions, work)

    async def ask(self, question: Question, *, keep: bool = True) -> Response:
        """The response to a question whose filters are within what its asker may read.

        Questions at the same time are read together, and uploads wait for them. The same question again, of a store
        that has not changed, gets the response that was kept, with the time that this took; without `keep` none is kept
        nor given. Raises ProblemError as `with_models` does.
        """
        self.warmup.require_started()
        with self.turns.question():
            return await self._answering.ask(question, keep=keep)

    def _watch(self) -> None:
        self.metrics.watch(
            "spanqa_requests_at_work",
            "gauge",
            "Requests and uploads that were accepted and are not finished.",
            lambda: self.acceptance.at_work,
        )
        self.metrics.watch(
            "spanqa_purge_due",
            "gauge",
            "Whether bytes of removed documents may still be in the store's files, 1 or 0.",
            lambda: float(self.purging.due),
        )
        for kind, gate in (("questions", self.questions), ("uploads", self.uploads), ("lookups", self.lookups)):
            text = f"The {kind} at work or waiting for their turn."
            self.metrics.watch(f"spanqa_{kind}_at_work", "gauge", text, partial(getattr, gate, "inside"))
