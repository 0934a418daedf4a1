"""Noting in the store's log what a door has changed."""

from __future__ import annotations

import logging

from index.audit_log import record
from index.errors import StoreError
from index.keyring import changing_own_rows
from index.store import Store

logger = logging.getLogger("spanqa.audit")


def note_change(store: Store, actor: str, operation: str, subject: str | None = None, *, count: int = 1) -> None:
    """Note a change that was made, see `index.audit_log`. What is done stays done: where it cannot be noted, the
    process's own log says so."""
    try:
        with changing_own_rows(store) as connection:
            record(connection, actor, operation, subject, count=count)
    except StoreError as error:
        logger.error("%s of %s by %s is not in the store's log: %s", operation, subject or count, actor, error)
