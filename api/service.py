"""What the routes share: the engine, the gates to its work, and the state of the server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Annotated, Any, TypeVar
from urllib.parse import unquote_to_bytes

from fastapi import Depends, Request

from api.metrics import Metrics
from api.problems import (
    MALFORMED_HEAD,
    MEDIA_TYPE_UNSUPPORTED,
    MODEL_UNAVAILABLE,
    OTHER_EMBEDDER,
    Kind,
    ProblemError,
)
from api.purging import Purging
from api.settings import ServerSettings
from api.stopping import Acceptance
from api.uploads import is_json
from api.warmup import Warmup
from api.work import Gate
from index.errors import ModelError
from qa.engine import Engine

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
        self.metrics.watch(
            "spanqa_requests_at_work",
            "gauge",
            "Requests and uploads that were accepted and are not finished.",
            lambda: self.acceptance.at_work,
        )
        self.warmup = Warmup(engine, settings.retry_after_s)
        self.questions = Gate(settings.workers, settings.max_waiting, settings.retry_after_s)
        # The store has one writer at a time; a second worker would only wait for it.
        self.uploads = Gate(1, settings.max_waiting_uploads, settings.retry_after_s)
        self.purging = Purging(engine.store, self.uploads, settings.purge_after_s)
        self.metrics.watch(
            "spanqa_purge_due",
            "gauge",
            "Whether bytes of removed documents may still be in the store's files, 1 or 0.",
            lambda: float(self.purging.due),
        )
        self.lookups = Gate(LOOKUP_WORKERS, LOOKUPS_WAITING, settings.retry_after_s)
        for kind, gate in (("questions", self.questions), ("uploads", self.uploads), ("lookups", self.lookups)):
            text = f"The {kind} at work or waiting for their turn."
            self.metrics.watch(f"spanqa_{kind}_at_work", "gauge", text, partial(getattr, gate, "inside"))
        self._started: set[asyncio.Task[Any]] = set()

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

        def told_apart() -> _T:
            try:
                return work()
            except ModelError as error:
                raise ProblemError(self._kind_of(), str(error)) from error

        return await gate.run(told_apart)

    def _kind_of(self) -> Kind:
        try:
            self.engine.store.check_embedder()
        except ModelError:
            return OTHER_EMBEDDER
        return MODEL_UNAVAILABLE


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


ServiceDep = Annotated[Service, Depends(_service)]


def require_unicode_query(request: Request) -> None:
    """Raise ProblemError 400 for a query that is not UTF-8: two different names in it could come to mean the same."""
    try:
        unquote_to_bytes(request.scope["query_string"]).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProblemError(MALFORMED_HEAD, "the query is not UTF-8") from error


def require_json(request: Request) -> None:
    """Raise ProblemError 415 for a body of another type, which would otherwise be called an invalid object."""
    content_type = request.headers.get("content-type", "")
    if not is_json(content_type):
        raise ProblemError(MEDIA_TYPE_UNSUPPORTED, f"send application/json, not {content_type[:100]!r}")
