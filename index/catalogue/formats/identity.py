"""Whether a file is a catalogue of spanqa, found out without changing it or anything beside it."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

from index.errors import DamageError, StoreError

# "spqa": SQLite keeps it in the header of the file, for whoever wants to know what a database is (PRAGMA
# application_id). Catalogues of before have none, and are known by their tables and settings.
APPLICATION_ID = 0x73707161
_MAGIC = b"SQLite format 3\x00"
_HEADER_BYTES, _ID_AT = 100, 68
_TABLES = {"settings", "documents", "passages"}
_SETTINGS = ("format_version", "store_id", "generation")

Identity = Literal["marked", "unmarked"]


def require_catalogue(path: Path) -> Identity:
    """Whether the catalogue carries our mark. Raises StoreError for a file that is none, which says what it is."""
    beside = f"nothing was written to it; restore a backup (qa store restore BACKUP --store {path.parent} --replace)"
    elsewhere = "name another --store, or move that file away"
    try:
        if path.is_symlink() and not path.exists():
            raise StoreError(f"{path} is a link to nowhere: is the disk of the store mounted?")
        if not path.is_file():
            raise StoreError(f"{path} is not a file, so it is no catalogue of spanqa; {elsewhere}")
        if path.stat().st_size == 0:
            raise DamageError(f"{path} is empty: what the catalogue held is lost; {beside}, or {elsewhere}")
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
        if not header.startswith(_MAGIC):
            raise StoreError(
                f"{path} is not a sound catalogue (it is no SQLite database): {beside} once it is moved away, or name "
                "another --store"
            )
        number = int.from_bytes(header[_ID_AT : _ID_AT + 4], "big")
        if number == APPLICATION_ID:
            return "marked"
        if number == 0 and _looks_like_ours(path):
            return "unmarked"
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    except sqlite3.Error as error:
        raise StoreError(f"{path} is not a sound catalogue ({error}): {beside}, or {elsewhere}") from error
    raise StoreError(
        f"{path} is a database of something else and no catalogue of spanqa; nothing was written to it: {elsewhere}"
    )


def is_spoiled(path: Path) -> bool:
    """Whether a file that is no sound catalogue was one: it is empty, or carries our mark."""
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    return not header or (
        header.startswith(_MAGIC) and int.from_bytes(header[_ID_AT : _ID_AT + 4], "big") == APPLICATION_ID
    )


@contextmanager
def read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that reads a database and leaves it, its log and their folder as they are.

    Raises sqlite3.Error where it is none, OSError where it cannot be read.
    """
    file = path.resolve()
    log = file.with_name(f"{file.name}-wal")
    if not log.is_file() or not log.stat().st_size:
        # SQLite would make a log and its index beside the file otherwise, only to read it.
        with closing(_connect(file, "mode=ro&immutable=1")) as connection:
            yield connection
    elif file.with_name(f"{file.name}-shm").is_file():
        with closing(_connect(file, "mode=ro")) as connection:
            yield connection
    else:
        with tempfile.TemporaryDirectory(prefix="spanqa-") as folder:
            copy = Path(folder) / file.name
            shutil.copyfile(file, copy)
            shutil.copyfile(log, copy.with_name(log.name))
            with closing(_connect(copy, "mode=rw")) as connection:
                yield connection


def _connect(file: Path, how: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.as_uri()}?{how}", uri=True, isolation_level=None)


def _looks_like_ours(path: Path) -> bool:
    with read_only(path) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables >= _TABLES:
            return False
        columns = {row[1] for row in connection.execute("PRAGMA table_info(settings)")}
        if columns != {"name", "value"}:
            return False
        known = dict(connection.execute("SELECT name, value FROM settings"))
    return all(known.get(name) for name in _SETTINGS)
