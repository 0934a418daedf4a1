"""Rewriting the store's files a while after documents were removed or replaced, so that no byte of them is left."""

from __future__ import annotations

import logging
import time

import anyio

from api.problems import ProblemError
from api.service.uploading.fairness import FairGate
from index.errors import SpanqaError
from index.store.store import Store

# So much longer than it took is waited for the next time: a large store is not rewritten all day.
REST = 20
# In whose name it waits among uploads.
_CLIENT = "purging"
logger = logging.getLogger("spanqa.http")


class Purging:
    """Purges a store once for all that was removed within `after_s` seconds, while no upload is at work.

    A database server's files are its own: then this does nothing.
    """

    def __init__(self, store: Store, gate: FairGate, after_s: float) -> None:
        self._store = store
        self._gate = gate
        self._wait_s = self._after_s = after_s
        self._due = anyio.Event()
        self._at_work = False
        self._possible = store.catalogue.can_purge

    @property
    def due(self) -> bool:
        """Whether bytes of what was removed may still be in the store's files."""
        return self._at_work or self._due.is_set()

    def note(self) -> None:
        """Something was removed or replaced. To be called from the event loop."""
        if self._possible:
            self._due.set()

    async def run(self) -> None:
        """Purge whenever it is due, until cancelled."""
        if not self.due:
            # An event belongs to the loop that first waited for it, and an application may be started again in another.
            self._due = anyio.Event()
        while True:
            await self._due.wait()
            await anyio.sleep(self._wait_s)
            await self.finish()

    async def finish(self) -> None:
        """Purge now if it is due; a failure is logged, and it stays due."""
        if not self._due.is_set():
            return
        # What is removed while this runs is due again.
        self._due = anyio.Event()
        self._at_work = True
        begun = time.monotonic()
        try:
            await self._gate.run(_CLIENT, self._store.purge, alone=True)
        except (SpanqaError, ProblemError) as error:
            logger.warning("bytes of removed documents are still in the store's files: %s", error)
            self._due.set()
        finally:
            self._at_work = False
        self._wait_s = max(self._after_s, REST * (time.monotonic() - begun))
