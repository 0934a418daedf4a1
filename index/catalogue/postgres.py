"""The catalogue in PostgreSQL: the same tables for many machines, several writers and any number of readers."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, text
from sqlalchemy.exc import OperationalError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from index.catalogue.own_rows import LOCK_TIMEOUT_S
from index.catalogue.sql import BUSY_TIMEOUT_MS, SqlCatalogue
from index.errors import DamageError, InputError, NoStoreError, StoreError
from index.location import ServerStore

OLDEST_SERVER = 13
CONNECT_TIMEOUT_S = 10
# The first of the two numbers of our advisory locks, so that they are told from an application's own.
_LOCKS_OF_SPANQA = 0x5350514
_REVISIONS = Path(__file__).with_name("revisions")
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_LOCK_NOT_AVAILABLE = "55P03"


class PostgresCatalogue(SqlCatalogue):
    """The catalogue in one schema of a PostgreSQL database.

    A writer holds an advisory lock until it commits, so that the generation is raised exactly once a change; a
    connection that breaks gives it back. A reader sees one moment (REPEATABLE READ) and waits for nobody.

    Raises StoreError where the server cannot be reached, is too old, or holds no store and `create` is false.
    """

    def __init__(self, store: ServerStore, *, create: bool = True) -> None:
        self._store = store
        self._create = create
        super().__init__(_engine(store.database, store.schema), str(store))

    @contextmanager
    def exclusive(self, subject: str, timeout_s: float) -> Iterator[None]:
        """Hold the lock of that name among all processes that use this store; raises TimeoutError."""
        with self._translated(), self._engine.connect() as fresh:
            connection = fresh.execution_options(isolation_level="AUTOCOMMIT")
            key = {"ours": _LOCKS_OF_SPANQA, "key": _lock_key(f"{self._store.schema} {subject}")}
            try:
                connection.execute(text(f"SET lock_timeout = {int(timeout_s * 1000)}"))
                connection.execute(text("SELECT pg_advisory_lock(:ours, :key)"), key)
            except OperationalError as error:
                if _state_of(error) == _LOCK_NOT_AVAILABLE:
                    raise TimeoutError(f"the lock on {subject} of the store {self._name}") from error
                raise
            try:
                yield
            finally:
                # Ending the session gives the lock back, whatever state the connection is in.
                fresh.invalidate()

    @contextmanager
    def connection(self, *, write: bool = False) -> Iterator[Connection]:
        """A connection to the store's schema, in a transaction of one moment, or in one that may write.

        What is kept beside the catalogue's tables is derived from them. Database errors are StoreErrors.
        """
        if not write:
            with self._reading() as connection:
                yield connection
            return
        with self._translated(), self._engine.connect() as fresh:
            connection = fresh.execution_options(isolation_level="READ COMMITTED")
            with connection.begin():
                yield connection

    @contextmanager
    def changing_own_rows(self) -> Iterator[Connection]:
        with self.connection(write=True) as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_S * 1000}"))
            connection.execute(text("LOCK TABLE keys IN SHARE ROW EXCLUSIVE MODE"))
            yield connection

    def _prepare(self) -> None:
        with self._reading() as connection:
            version = connection.dialect.server_version_info or (0,)
        if int(version[0]) < OLDEST_SERVER:
            raise StoreError(
                f"the server of {self._name} is PostgreSQL {'.'.join(map(str, version))}; it must be {OLDEST_SERVER} "
                "or newer"
            )
        super()._prepare()

    def purge(self) -> None:
        raise StoreError(
            f"the store {self._name} is in PostgreSQL, whose own VACUUM, backups and write-ahead log decide how long "
            "traces of removed rows stay"
        )

    def _create_tables(self, connection: Connection) -> None:
        if not self._create:
            raise NoStoreError(f"no store at {self._name}; create it with: qa index PATH --store {self._name}")
        encoding = connection.scalar(text("SHOW server_encoding"))
        if encoding != "UTF8":
            raise StoreError(f"the database of {self._name} is encoded in {encoding}; make one with ENCODING 'UTF8'")
        quoted = connection.dialect.identifier_preparer.quote(self._store.schema)
        if connection.scalar(text("SELECT to_regnamespace(:name)"), {"name": quoted}) is None:
            connection.execute(text(f"CREATE SCHEMA {quoted}"))
        _upgrade(connection)

    def _migrate(self, version: int) -> None:
        with self._writing() as connection:
            # Another process may have done it while this one waited: then there is nothing to do.
            _upgrade(connection)
            self._state_format(connection)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._translated(), self._engine.connect() as fresh:
            # Each statement must see what was committed before the lock was given.
            connection = fresh.execution_options(isolation_level="READ COMMITTED")
            with connection.begin():
                connection.execute(text(f"SET LOCAL lock_timeout = {BUSY_TIMEOUT_MS}"))
                connection.execute(
                    text("SELECT pg_advisory_xact_lock(:ours, :key)"),
                    {"ours": _LOCKS_OF_SPANQA, "key": _lock_key(self._store.schema)},
                )
                yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeoutError as error:
            raise StoreError(f"the store {self._name} is too busy; try again later") from error
        except UnicodeDecodeError as error:
            raise DamageError(f"the store {self._name} is damaged: what is stored there is no text") from error
        except StatementError as error:
            if isinstance(error.orig, InputError):
                raise error.orig from error
            if _state_of(error) == _LOCK_NOT_AVAILABLE:
                reason = f"another process has been changing it for {BUSY_TIMEOUT_MS // 1000} s; try again later"
            else:
                reason = _reason(error)
            raise StoreError(f"the store {self._name} cannot be used: {reason}") from error


def _engine(database: URL, schema: str) -> Engine:
    try:
        import psycopg  # noqa: F401 - asked for here, where its absence can be explained
    except ImportError as error:
        raise StoreError("a store in PostgreSQL needs more packages: pip install 'spanqa[postgres]'") from error
    return create_engine(
        database.set(drivername="postgresql+psycopg"),
        isolation_level="REPEATABLE READ",
        # Errors are shown, and what a statement was given may be a document's words.
        hide_parameters=True,
        pool_size=4,
        max_overflow=28,
        # A server that was restarted leaves dead connections behind.
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "options": f"-csearch_path={_option(schema)}",
            "application_name": "spanqa",
        },
    )


def _option(schema: str) -> str:
    # Quoted for SQL, and then for the way in which libpq splits its options.
    quoted = '"' + schema.replace('"', '""') + '"'
    return quoted.replace("\\", "\\\\").replace(" ", "\\ ")


def _lock_key(name: str) -> int:
    return zlib.crc32(name.encode("utf-8")) - 2**31


def _reason(error: StatementError) -> str:
    """What the server says, without the details, which quote rows."""
    told = getattr(getattr(error.orig, "diag", None), "message_primary", None)
    return " ".join(str(told or error.orig).split())


def _state_of(error: StatementError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _upgrade(connection: Connection) -> None:
    """Bring the tables to the newest revision, inside of the caller's transaction."""
    from alembic import command
    from alembic.config import Config

    config: Any = Config()
    config.set_main_option("script_location", str(_REVISIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
