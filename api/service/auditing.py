"""Noting in the store's log what a door has changed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from index.catalogue.audit_log import LOCAL_COMMAND, record
from index.errors import StoreError

if TYPE_CHECKING:
    from index.ingest.sync import Report
    from index.store.store import Store

logger = logging.getLogger("spanqa.audit")


def note_change(store: Store, actor: str, operation: str, subject: str | None = None, *, count: int = 1) -> None:
    """Note a change that was made, see `index.catalogue.audit_log`. What is done stays done: where it cannot be noted,
    the process's own log says so."""
    try:
        # Without the lock on keys, for which changes of documents would wait for each other.
        with store.catalogue.connection(write=True) as connection:
            record(connection, actor, operation, subject, count=count)
    except StoreError as error:
        logger.error("%s of %s by %s is not in the store's log: %s", operation, subject or count, actor, error)


def note_indexing(store: Store, report: Report) -> None:
    """Note how many files were added, changed and removed, where there were any."""
    for operation, count in (("add", report.added), ("change", report.changed), ("remove", report.removed)):
        if count:
            note_change(store, LOCAL_COMMAND, f"files {operation}", count=count)
