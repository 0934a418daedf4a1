"""Answers to questions: read together, and kept for the same question to the same store."""

from __future__ import annotations

import time
from collections.abc import Sequence

from api.service.batching import Batcher
from api.service.cache import AnswerCache, Standing
from api.service.gate import Gate
from api.service.metrics import Metrics
from api.service.model_problems import with_model_problems
from api.settings import ServerSettings
from qa.engine import Engine
from qa.types import Elapsed, Question, Response


class Answering:
    """Asks an engine: questions at the same time in one batch, within the gate `questions`, and the same question again
    of a store that has not changed not at all. What the store is then is looked up within the gate `lookups`."""

    def __init__(
        self, engine: Engine, settings: ServerSettings, *, questions: Gate, lookups: Gate, metrics: Metrics
    ) -> None:
        self._engine = engine
        self._lookups = lookups
        self._metrics = metrics
        self._batcher = Batcher(self._ask_many, questions, max_batch=settings.max_batch)
        self._keeps = settings.cached_answers > 0
        self._cache = AnswerCache(settings.cached_answers, settings.cached_answers_bytes)
        self._watch()

    async def ask(self, question: Question, *, keep: bool) -> Response:
        """The response to a question; without `keep` none is kept nor given. Counted in the metrics.

        One that was kept comes with the time that this took. Raises ProblemError where the models cannot be used, or
        no more questions are taken.
        """
        # Where none is kept, nothing is looked up for it either.
        if not keep or not self._keeps:
            response = await self._batcher.ask(question)
            self._metrics.count_answer(response)
            return response
        begun = time.perf_counter()
        standing = await self._lookups.run(self._standing)
        kept = self._cache.get(standing, question)
        if kept is not None:
            total = round((time.perf_counter() - begun) * 1000, 2)
            response = kept.model_copy(update={"elapsed_ms": Elapsed(embed=0, retrieve=0, read=0, total=total)})
            self._metrics.count_answer(response, kept=True)
            return response
        response = await self._batcher.ask(question)
        self._metrics.count_answer(response)
        # What changed while it was read may be in it or not: then it belongs to no standing.
        if await self._lookups.run(self._standing) == standing:
            self._cache.put(standing, question, response)
        return response

    def _standing(self) -> Standing:
        promise, _ = self._engine.promise()
        return Standing(self._engine.store.catalogue.generation(), promise.model_dump_json() if promise else "")

    def _ask_many(self, questions: Sequence[Question]) -> list[Response]:
        return with_model_problems(self._engine.store, lambda: self._engine.ask_many(questions))

    def _watch(self) -> None:
        watch, cache, batcher = self._metrics.watch, self._cache, self._batcher
        watch("spanqa_questions_waiting", "gauge", "Questions that wait for a batch.", lambda: batcher.waiting)
        watch("spanqa_batches_total", "counter", "Batches of questions that were begun.", lambda: batcher.batches)
        watch("spanqa_batched_questions_total", "counter", "Questions in them.", lambda: batcher.questions)
        watch("spanqa_answer_cache_hits_total", "counter", "Questions with a kept answer.", lambda: cache.hits)
        watch("spanqa_answer_cache_misses_total", "counter", "Questions without one.", lambda: cache.misses)
        watch("spanqa_answer_cache_entries", "gauge", "Answers that are kept.", lambda: cache.entries)
        watch("spanqa_answer_cache_bytes", "gauge", "Their size as JSON.", lambda: cache.bytes)
