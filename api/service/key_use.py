"""What keys are used for, added up in memory and written to the store's log now and then, so that no question waits for
a write."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime

import anyio
from anyio import to_thread

from index.catalogue.audit_log import Outcome, Use, add_uses, moment
from index.errors import StoreError
from index.store.store import Store

FLUSH_EVERY_S = 30.0
# More combinations of key, operation and outcome than come up between two writes.
MAX_PENDING = 10_000
logger = logging.getLogger("spanqa.http")


class KeyUse:
    """Counts of what keys did. Safe between threads. A process that is killed loses those of the last half minute."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._pending: dict[tuple[str, str, str, Outcome], Use] = {}

    def note(self, key_id: str, operation: str, status: int) -> None:
        """A key was used for an operation, which ended with an HTTP status."""
        now = datetime.now(UTC)
        outcome: Outcome = "done" if status < 400 else "refused" if status < 500 else "failed"
        day, at = now.date().isoformat(), moment(now)
        use = Use(day=day, key_id=key_id, operation=operation, outcome=outcome, first_at=at, last_at=at, count=1)
        with self._lock:
            self._add(use)

    def flush(self) -> None:
        """Write what has come together; where that fails it is kept for the next time, and the log says why."""
        with self._lock:
            pending, self._pending = self._pending, {}
        if not pending:
            return
        try:
            with self._store.catalogue.changing_own_rows() as connection:
                add_uses(connection, pending.values())
        except StoreError as error:
            logger.warning("the use of keys is not in the store's log yet: %s", error)
            with self._lock:
                later, self._pending = self._pending, pending
                for use in later.values():
                    self._add(use)

    async def run(self) -> None:
        """Write every while, until cancelled."""
        while True:
            await anyio.sleep(FLUSH_EVERY_S)
            await to_thread.run_sync(self.flush)

    def _add(self, use: Use) -> None:
        key = use.day, use.key_id, use.operation, use.outcome
        known = self._pending.get(key)
        if known is not None:
            update = {"last_at": use.last_at, "count": known.count + use.count}
            self._pending[key] = known.model_copy(update=update)
        elif len(self._pending) < MAX_PENDING:
            self._pending[key] = use
