"""What the routes share: the engine, the gates to its work, and the state of the server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Annotated, Any, TypeVar
from urllib.parse import unquote_to_bytes

from fastapi import Depends, Request

from api.http.stopping import Acceptance
from api.problems import (
    MALFORMED_HEAD,
    MEDIA_TYPE_UNSUPPORTED,
    MODEL_UNAVAILABLE,
    OTHER_EMBEDDER,
    Kind,
    ProblemError,
)
from api.service.abandoning import Abandonment
from api.service.batching import Batcher
from api.service.cache import AnswerCache, Standing
from api.service.fairness import FairGate, Taken, Turns
from api.service.gate import Gate
from api.service.metrics import Metrics
from api.service.purging import Purging
from api.service.uploads import is_json
from api.service.warmup import Warmup
from api.settings import ServerSettings
from index.errors import ModelError
from qa.engine import Engine
from qa.types import Elapsed, Question, Response

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
        self._batcher = Batcher(self._ask_many, self.questions, max_batch=settings.max_batch)
        # Off with no entry: nothing is then looked up for it either.
        self._answers = AnswerCache(settings.cached_answers, settings.cached_answers_bytes)
        self._watch()
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
        return await gate.run(lambda: self._told_apart(work))

    async def upload(self, client: str, work: Callable[[], _T], abandonment: Abandonment) -> _T:
        """The result of work that stores something, in the turn of its client.

        Raises ProblemError as `with_models` does, and AbandonedError where it is given up.
        """
        self.warmup.require_started()
        abandonment.listen(self.taken.look_again)
        return await self.uploads.run(client, lambda: self._told_apart(work), abandonment)

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
            return await self._ask(question, keep=keep)

    async def _ask(self, question: Question, *, keep: bool) -> Response:
        if not keep or not self.settings.cached_answers:
            response = await self._batcher.ask(question)
            self.metrics.count_answer(response)
            return response
        begun = time.perf_counter()
        standing = await self.lookups.run(self._standing)
        kept = self._answers.get(standing, question)
        if kept is not None:
            total = round((time.perf_counter() - begun) * 1000, 2)
            response = kept.model_copy(update={"elapsed_ms": Elapsed(embed=0, retrieve=0, read=0, total=total)})
            self.metrics.count_answer(response, kept=True)
            return response
        response = await self._batcher.ask(question)
        self.metrics.count_answer(response)
        # What changed while it was read may be in it or not: then it belongs to no standing.
        if await self.lookups.run(self._standing) == standing:
            self._answers.put(standing, question, response)
        return response

    def _standing(self) -> Standing:
        promise, _ = self.engine.promise()
        return Standing(self.engine.store.catalogue.generation(), promise.model_dump_json() if promise else "")

    def _ask_many(self, questions: Sequence[Question]) -> list[Response]:
        return self._told_apart(lambda: self.engine.ask_many(questions))

    def _told_apart(self, work: Callable[[], _T]) -> _T:
        try:
            return work()
        except ModelError as error:
            raise ProblemError(self._kind_of(), str(error)) from error

    def _watch(self) -> None:
        watch, answers, batcher = self.metrics.watch, self._answers, self._batcher
        watch(
            "spanqa_requests_at_work",
            "gauge",
            "Requests and uploads that were accepted and are not finished.",
            lambda: self.acceptance.at_work,
        )
        watch("spanqa_questions_waiting", "gauge", "Questions that wait for a batch.", lambda: batcher.waiting)
        watch("spanqa_batches_total", "counter", "Batches of questions that were begun.", lambda: batcher.batches)
        watch("spanqa_batched_questions_total", "counter", "Questions in them.", lambda: batcher.questions)
        watch("spanqa_answer_cache_hits_total", "counter", "Questions with a kept answer.", lambda: answers.hits)
        watch("spanqa_answer_cache_misses_total", "counter", "Questions without one.", lambda: answers.misses)
        watch("spanqa_answer_cache_entries", "gauge", "Answers that are kept.", lambda: answers.entries)
        watch("spanqa_answer_cache_bytes", "gauge", "Their size as JSON.", lambda: answers.bytes)

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
