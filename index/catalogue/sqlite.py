"""The catalogue in a SQLite file: making and opening it, its locks, its copies, and what its errors mean."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from operator import methodcaller
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import QueuePool

from index.catalogue.formats.identity import APPLICATION_ID, read_only, require_catalogue
from index.catalogue.formats.migrations import migrate
from index.catalogue.integrity.audit import Damage, Problem, pages_problems
from index.catalogue.own_rows import own_rows_unchanged, take_own_rows, without_own_rows
from index.catalogue.queries import setting_of
from index.catalogue.schema import FORMAT_VERSION, metadata
from index.catalogue.sql import BUSY_TIMEOUT_MS, SqlCatalogue, write_first_settings
from index.disk.checksums import flush, room_at
from index.disk.folders import on_frozen_disk
from index.disk.marks import aside, sweep_asides
from index.disk.private import close_to_others, make_file
from index.errors import DamageError, NoStoreError, StoreError

CATALOGUE_FILE = "catalogue.sqlite"
# The kind of folder in which a new catalogue is made.
_NEW = "new"
_LENIENT = methodcaller("decode", "utf-8", "surrogateescape")


class SqliteCatalogue(SqlCatalogue):
    """The catalogue in a SQLite file in WAL mode.

    Raises StoreError for a file that is none of ours, or is damaged; nothing is written to it then.
    """

    can_purge = True

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self._path = path
        self._frozen = on_frozen_disk(path.parent)
        if self._frozen and (wal := path.with_name(f"{path.name}-wal")).exists() and wal.stat().st_size:
            raise StoreError(
                f"the store {path.parent} was not closed when its disk was made read-only, and its log of changes "
                "cannot be taken in there; copy the folder to where it can be written"
            )
        if create and not os.path.lexists(path):
            _make_catalogue(path)
        self._marked = require_catalogue(path) == "marked"
        super().__init__(_engine(path, frozen=self._frozen), str(path.parent))

    def purge(self) -> None:
        """Rewrite the file without what was removed, and empty the log of changes that may still hold it."""
        self._require_writable()
        with self._translated(), self._engine.connect() as fresh:
            # Past SQLAlchemy, which begins a transaction for every statement: neither may stand in one.
            driver: Any = fresh.connection.driver_connection
            driver.execute("VACUUM")
            # A reader of an older moment keeps the log from being emptied; the busy timeout waits for it.
            (busy, _, _) = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise StoreError(
                f"the store {self._path.parent} is being read, so that traces of what was removed stay in its log for "
                f"now; try again later: qa store purge --store {self._path.parent}"
            )

    @contextmanager
    def changing_own_rows(self) -> Iterator[Connection]:
        with own_rows_unchanged(self._path.parent), self.connection(write=True) as connection:
            yield connection

    def copy_to(self, path: Path) -> None:
        """Write a copy of one moment to a new file, without what was removed, while others read and write.

        Raises StoreError where it cannot be written; nothing is left there then.
        """
        try:
            # SQLite takes an empty file for none, and leaves its mode as it is.
            make_file(path)
            with self._translated(), self._engine.connect() as fresh:
                driver: Any = fresh.connection.driver_connection
                driver.execute("VACUUM INTO ?", (str(path),))
            without_own_rows(path)
            flush(path)
        except FileExistsError as error:
            raise StoreError(f"{path} is there already") from error
        except (StoreError, OSError) as error:
            path.unlink(missing_ok=True)
            raise StoreError(f"{path} cannot be written: {error}") from error

    def become(self, path: Path, kept: Path) -> None:
        """Become what the sound catalogue in `path` is, in one transaction that readers see as a whole.

        What it was is kept in the new file `kept` until the new one was checked where it stands; its own keys and log
        stay. Raises StoreError, and is what it was then.
        """
        self._require_writable()
        try:
            make_file(kept)
        except OSError as error:
            raise StoreError(f"{kept} cannot be written: {error.strerror}") from error
        with own_rows_unchanged(self._path.parent):
            self._give_own_rows(path)
            self._put_in_place_of(path, kept)

    def _give_own_rows(self, path: Path) -> None:
        other = _engine(path)
        try:
            with self._translated(), self._engine.connect() as ours, other.connect() as theirs:
                take_own_rows(ours, theirs)
        finally:
            other.dispose()

    def _put_in_place_of(self, path: Path, kept: Path) -> None:
        with self._translated(), self._engine.connect() as ours, closing(sqlite3.connect(kept)) as keeping:
            driver: Any = ours.connection.driver_connection
            driver.backup(keeping)
        self._take(path)
        try:
            # The keys are its own, as they were: damage to them is no reason not to put the documents right.
            if problems := [one for one in self.problems() if one.kind not in (Damage.KEYS, Damage.LOST_KEYS)]:
                raise StoreError(f"what was put in place of the catalogue is not sound: {problems[0].what}")
        except BaseException as failure:
            try:
                self._take(kept)
            except StoreError as error:
                saved = self._path.with_name(f"{self._path.name}.before-restore")
                put_in_place(kept, saved)
                raise StoreError(f"{failure}; what the store held before is in {saved}: {error}") from error
            raise

    def _take(self, path: Path) -> None:
        """Fill the file with what another one holds, in one transaction."""
        with self._translated(), self._engine.connect() as ours, read_only(path) as theirs:
            writing: Any = ours.connection.driver_connection
            theirs.backup(writing)
            # What it was is not kept: it may hold what was removed since.
            writing.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _make_tables(self) -> str:
        raise StoreError(
            f"{self._path} is not a sound catalogue (its tables are missing); restore a backup or index into another "
            "--store"
        )

    def _broken(self, connection: Connection) -> list[Problem]:
        return pages_problems(connection)

    def _migrate(self, version: int) -> None:
        try:
            with self._translated(), self._engine.connect() as fresh:
                # A table that others refer to is made anew, which must not cascade. Past SQLAlchemy, which begins a
                # transaction for every statement: within one this setting does not change.
                driver: Any = fresh.connection.driver_connection
                driver.execute("PRAGMA foreign_keys=OFF")
                connection = fresh.execution_options(immediate=True)
                with connection.begin():
                    # Another process may have done it while this one waited for the write lock.
                    version = int(setting_of(connection, "format_version") or version)
                    migrate(connection, version)
                    self._state_format(connection)
                    if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                        raise StoreError("a passage belongs to no document")
                    self._mark(connection)
                # The connection goes, not back to the pool: it does not enforce foreign keys.
                fresh.invalidate()
        except StoreError as error:
            raise StoreError(
                f"the store {self._path.parent} has format {version} and could not be brought to format "
                f"{FORMAT_VERSION}, which this version of spanqa needs; nothing was changed. {error}. See that the "
                "folder can be written and the disk has room for a second copy, or use the older version of spanqa"
            ) from error

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        self._require_writable()
        with self._translated(), self._engine.connect() as fresh:
            connection = fresh.execution_options(immediate=True)
            with connection.begin():
                if not self._marked:
                    self._mark(connection)
                yield connection
            self._marked = True

    def _mark(self, connection: Connection) -> None:
        """Mark a catalogue of before marks as ours, in the caller's transaction, and close its files to others."""
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        close_to_others(self._path.with_name(f"{self._path.name}{end}") for end in ("", "-wal", "-shm"))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeoutError as error:
            raise StoreError(f"the store {self._path.parent} is too busy; try again later") from error
        # The driver's own errors come from what is done past SQLAlchemy.
        except UnicodeDecodeError as error:
            # Names of tables and columns, and the driver's own messages, are decoded strictly.
            raise DamageError(
                f"{self._path} is not a sound catalogue (names in it are no text); restore a backup or index into "
                "another --store"
            ) from error
        except (DatabaseError, sqlite3.DatabaseError) as error:
            if isinstance(error, (OperationalError, sqlite3.OperationalError)) and not _is_wrong_shape(error):
                raise StoreError(
                    f"the store {self._path.parent} cannot be used: {_reason(error)}{self._why_not()}"
                ) from error
            raise DamageError(
                f"{self._path} is not a sound catalogue ({_reason(error)}); restore a backup or index into another "
                "--store"
            ) from error

    def _require_writable(self) -> None:
        if self._frozen:
            raise StoreError(f"the store {self._path.parent} lies on a read-only disk: it can be asked, not changed")

    def _why_not(self) -> str:
        """What else may tell why the file cannot be used."""
        if not os.access(self._path.parent, os.W_OK):
            return "; its folder cannot be written, which reading needs as well unless the whole disk is read-only"
        return f"; {room_at(self._path.parent)}"


def _make_catalogue(path: Path) -> None:
    """Make an empty catalogue: whole or not at all, and never in the place of anything. Raises StoreError."""
    log = path.with_name(f"{path.name}-wal")
    # SQLite would take the log of the catalogue that was there for the new one's, and fill it with what that held.
    if log.is_file() and log.stat().st_size and not os.path.lexists(path):
        raise NoStoreError(
            f"no store at {path.parent}: the log of one is there ({log.name}), but its catalogue {path.name} is gone; "
            f"put it back, or restore a backup: qa store restore BACKUP --store {path.parent}. To begin anew, remove "
            f"{log}"
        )
    try:
        sweep_asides(path.parent, _NEW, _is_catalogue_file)
        with aside(path.parent, _NEW, _is_catalogue_file) as beside:
            new = beside / CATALOGUE_FILE
            make_file(new)
            engine = _engine(new, new=True)
            try:
                with engine.connect().execution_options(immediate=True) as connection, connection.begin():
                    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
                    metadata.create_all(connection)
                    write_first_settings(connection)
            finally:
                engine.dispose()
            flush(new)
            put_in_place(new, path)
    except (OSError, DatabaseError, sqlite3.Error) as error:
        reason = f"{_reason(error)} ({room_at(path.parent)})"
        raise StoreError(f"the store {path.parent} cannot be created: {reason}") from error


def put_in_place(file: Path, path: Path) -> None:
    """Give a whole file its name, unless something has it already, which stays then.

    Raises OSError, also where the file is not whole: SQLite says nothing where a full disk keeps it from taking in the
    log when a database is closed.
    """
    log = file.with_name(f"{file.name}-wal")
    if log.is_file() and log.stat().st_size:
        raise OSError(errno.ENOSPC, "its log of changes could not be taken in")
    try:
        os.link(file, path)
    except FileExistsError:
        return
    except OSError:
        # A file system without links.
        if not os.path.lexists(path):
            file.rename(path)
    flush(path.parent)


def _is_catalogue_file(name: str) -> bool:
    return name in {f"{CATALOGUE_FILE}{end}" for end in ("", "-wal", "-shm", "-journal")}


def _reason(error: Exception) -> object:
    return getattr(error, "orig", error)


def _is_wrong_shape(error: Exception) -> bool:
    """Whether it is a statement that fails: a table or a column is not there, by damage."""
    return getattr(_reason(error), "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR


_LENIENT = methodcaller("decode", "utf-8", "surrogateescape")


def _engine(path: Path, *, frozen: bool = False, new: bool = False) -> Engine:
    # What nobody can write needs no locks, and none could be had. A file that is gone is never made anew.
    name = f"{path.resolve().as_uri()}?{'mode=ro&immutable=1' if frozen else 'mode=rw'}"
    engine = create_engine(
        URL.create("sqlite", database=name, query={"uri": "true"}),
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=28,
        # Errors are shown, and what a statement was given may be a document's words.
        hide_parameters=True,
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        # The driver's own transaction handling is off, so that BEGIN is ours (see _on_begin).
        connection.isolation_level = None
        # What is no UTF-8 is noticed by its seal, which says where it is; decoding fails with the text in its message.
        connection.text_factory = _LENIENT
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        if not frozen:
            if not new and not cursor.execute("PRAGMA schema_version").fetchone()[0]:
                # Another file has come in its place: it is left as it is.
                raise sqlite3.DatabaseError("it is empty")
            cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        # A removed text is overwritten, not only unlinked.
        cursor.execute("PRAGMA secure_delete=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get("immediate", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine
