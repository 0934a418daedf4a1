"""Loading the models before the first question, so that being healthy means being able to answer."""

from __future__ import annotations

import logging
from enum import Enum

import anyio
from anyio import to_thread

from api.problems import STARTING, ProblemError
from index.errors import SpanqaError
from qa.engine import Engine

RETRY_S = 15.0
logger = logging.getLogger("spanqa.http")


class State(Enum):
    """How far the warm-up is."""

    LOADING = "the models are being loaded"
    READY = "ready"
    FAILED = "failed"


class Warmup:
    """Loads an engine's models in the background, again and again until that succeeds."""

    def __init__(self, engine: Engine, retry_after_s: int) -> None:
        self._engine = engine
        self._retry_after_s = retry_after_s
        self._detail = State.LOADING.value
        self.state = State.LOADING
        self.tried = anyio.Event()

    async def run(self) -> None:
        """Return once the engine can answer. What stands in the way is kept for `require_ready`, and logged."""
        while True:
            try:
                # Abandoned when the server stops: loading cannot be interrupted, and nobody needs it then.
                await to_thread.run_sync(warm, self._engine, abandon_on_cancel=True)
            except SpanqaError as error:
                logger.error("questions cannot be answered: %s", error)
                self.state, self._detail = State.FAILED, str(error)
            except Exception:
                logger.exception("the warm-up failed")
                self.state, self._detail = State.FAILED, "the models could not be loaded; the server's log says why"
            else:
                self.state, self._detail = State.READY, State.READY.value
                return
            finally:
                self.tried.set()
            await anyio.sleep(RETRY_S)

    def require_started(self) -> None:
        """Raise ProblemError 503 while loading. After a failure work may be tried: it meets the cause itself."""
        if self.state is State.LOADING:
            raise self._problem()

    def require_ready(self) -> None:
        """Raise ProblemError 503 unless questions can be answered."""
        if self.state is not State.READY:
            raise self._problem()

    def _problem(self) -> ProblemError:
        return ProblemError(STARTING, self._detail, headers={"retry-after": str(self._retry_after_s)})


def warm(engine: Engine) -> None:
    """Load all that a question needs and use it once; raises ModelError or StoreError where it cannot be."""
    engine.store.check_embedder()
    engine.store.embedder.embed(["warm"])
    engine.reader.read(["Is it warm?"], [["It is warm."]])
    # The hashes of the weights are part of every answer, and reading the weights takes its time.
    logger.info("embedder %s, reader %s", engine.store.embedder.sha256[:12], engine.reader.sha256[:12])
    engine.store.sync()
