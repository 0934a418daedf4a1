"""What of a catalogue is the store's own and in no copy of it: its API keys and its log."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import Connection, delete, insert, select

from index.catalogue.schema import audit, key_tally, key_use, keys
from index.disk.private import FILE_MODE
from index.errors import StoreError

OWN_TABLES = (keys, key_tally, audit, key_use)
LOCK_FILE = "keys.lock"
LOCK_TIMEOUT_S = 30
_ROWS_TOGETHER = 1_000


def without_own_rows(path: Path) -> None:
    """Take them out of a copy in SQLite, so that no byte of them is left in it. Raises StoreError."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            # No journal, which would hold them once more: a copy that is not finished is thrown away.
            connection.execute("PRAGMA journal_mode=MEMORY")
            connection.execute("PRAGMA secure_delete=ON")
            for table in OWN_TABLES:
                connection.execute(f"DELETE FROM {table.name}")
            connection.execute("VACUUM")
    except sqlite3.Error as error:
        raise StoreError(f"keys cannot be taken out of it ({error})") from error


def take_own_rows(ours: Connection, theirs: Connection) -> None:
    """Put the rows of one catalogue in place of another's."""
    for table in OWN_TABLES:
        theirs.execute(delete(table))
        rows = ours.execute(select(table).execution_options(yield_per=_ROWS_TOGETHER)).mappings()
        for batch in rows.partitions(_ROWS_TOGETHER):
            theirs.execute(insert(table), [dict(row) for row in batch])
    theirs.commit()
    ours.rollback()


@contextmanager
def own_rows_unchanged(folder: Path) -> Iterator[None]:
    """Keep others from changing these rows of the store in a folder: SQLite takes a whole file in place of another
    without the lock that holds for single rows, and a key that is revoked meanwhile would come back."""
    lock = FileLock(folder / LOCK_FILE, timeout=LOCK_TIMEOUT_S, mode=FILE_MODE)
    try:
        lock.acquire()
    except Timeout as error:
        raise StoreError(f"another process has been changing the keys of {folder} for {LOCK_TIMEOUT_S} s") from error
    except OSError as error:
        raise StoreError(f"the keys of {folder} cannot be changed: {error.strerror}") from error
    try:
        yield
    finally:
        lock.release()
