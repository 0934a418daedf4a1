"""The catalogue: the truth about documents, passages and embeddings, in SQL through SQLAlchemy.

What every database does alike is here, with SQLite, the embedded one; `index.postgres` has the one for many machines.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Engine,
    and_,
    bindparam,
    create_engine,
    delete,
    event,
    func,
    insert,
    inspect,
    literal,
    or_,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import QueuePool

from index.auditing import catalogue_problems
from index.checksums import flush, room_at
from index.clearing import on_frozen_disk
from index.documents import Document, DocumentRecord, DocumentVersion, Passage, StoredPassage
from index.errors import StoreError
from index.legible import legible
from index.migrations import migrate
from index.schema import (
    FORMAT_VERSION,
    Words,
    document_tags,
    documents,
    metadata,
    passages,
    removals,
    settings,
    sources,
)
from index.selection import DAY_LENGTH, EARLIEST, EVERYTHING, LATEST, Selection

BUSY_TIMEOUT_MS = 30_000
_T = TypeVar("_T")
# A document as it is put: with its passages and their (n, dimensions) vectors.
Entry = tuple[Document, Sequence[Passage], NDArray[np.float32]]
# SQLite's default limit on variables in a statement is 32766; staying far below keeps statements cacheable.
ID_BATCH = 500
# How many passages derived indexes are given at once.
FILL_BATCH = 4_000
# Every slice walks its document's text from the beginning: of a document with more of them, one reads it whole.
SLICES_A_DOCUMENT = 4


@dataclass(frozen=True, slots=True)
class Changes:
    """What a derived index must do to get from a generation to `generation`.

    `added` yields (ids (n,) int64, vectors (n, dimensions) float32, passages) in batches; `removed` are passage ids.
    """

    generation: int
    removed: list[int]
    added: Iterator[tuple[NDArray[np.int64], NDArray[np.float32], list[StoredPassage]]]


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was indexed, as it was then: hash of its bytes, what the file system said of it, and which loaders
    made documents of it."""

    uri: str
    sha256: str
    stamp: str
    loaders: str


class Catalogue(Protocol):
    """Where documents, their passages and embeddings are kept. Every change raises the generation by one."""

    def setting(self, name: str) -> str | None: ...

    def set_settings(self, values: dict[str, str]) -> None: ...

    def settings(self) -> dict[str, str]:
        """Every setting by name, the store's own among them."""
        ...

    def generation(self) -> int: ...

    def put(self, document: Document, cut: Sequence[Passage], vectors: NDArray[np.float32]) -> bool:
        """Add or replace a document in one transaction; False where the same version is already there."""
        ...

    def put_all(self, entries: Sequence[Entry]) -> list[bool]:
        """As `put` for each in turn, in one transaction: small documents need not wait for the disk one by one."""
        ...

    def describe(self, document: Document) -> bool:
        """Store what is known of a document beside its text, where its passages stay as they are.

        False, and nothing is stored, where there is no such document or its passages must be cut anew (see `put`).
        """
        ...

    def remove(self, document_id: str) -> bool: ...

    def sources(self, collection: str, prefix: str = "") -> dict[str, Source]:
        """The indexed files of a collection, by URI, whose URI begins with `prefix`."""
        ...

    def keep_sources(self, collection: str, found: Mapping[Source, Collection[str] | None]) -> list[str]:
        """Note that each of these files holds these documents, by id, and no others: any other that was found in it
        before is removed. None stands for whatever was found in it before.

        Returns the ids of those that were removed. All of it in one transaction.
        """
        ...

    def remove_sources(self, collection: str, uris: Collection[str]) -> list[str]:
        """Forget files and remove every document found in them, in one transaction. Returns their ids."""
        ...

    def version_of(self, document_id: str) -> str | None:
        """SHA-256 of the stored text, None for an unknown document."""
        ...

    def document(self, document_id: str) -> Document | None: ...

    def documents(self, document_ids: Sequence[str]) -> dict[str, Document]:
        """Those that exist, by id, read in one transaction."""
        ...

    def entries(self, document_ids: Sequence[str]) -> list[Entry]:
        """Those that exist as they were put, in the order asked for, passages in theirs; read in one transaction."""
        ...

    def document_ids(self, after: str, limit: int) -> list[str]:
        """The first `limit` ids behind `after`, ascending by code point."""
        ...

    def document_order(self, after: int, limit: int) -> tuple[list[str], int]:
        """Whose the next `limit` passages are behind the one with that number, in their order; the last one's number.

        Of the last document more passages may follow.
        """
        ...

    def source_collections(self) -> list[str]:
        """The collections that files were indexed into."""
        ...

    def records(
        self,
        selection: Selection = EVERYTHING,
        *,
        after: tuple[str, str] | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[DocumentRecord]:
        """Selected documents ordered by URI and collection; only those that come after that pair where given."""
        ...

    def count(self, selection: Selection) -> int:
        """How many documents are selected."""
        ...

    def record(self, document_id: str) -> DocumentRecord | None: ...

    def counts(self) -> tuple[int, int]:
        """How many documents and passages."""
        ...

    def is_empty(self) -> bool:
        """Whether there is no document: answered without counting them."""
        ...

    def snapshot(self, passage_ids: Sequence[int]) -> Snapshot:
        """The passages that still exist and the versions of their documents, read in one transaction."""
        ...

    def allowed_documents(self, selection: Selection) -> set[str]:
        """The ids of the selected documents."""
        ...

    def passage_ids(self, document_ids: Iterable[str]) -> NDArray[np.int64]:
        """Ids of all passages of these documents, ascending."""
        ...

    def embedded(self) -> tuple[int, NDArray[np.int64]]:
        """The generation and the ids of all passages, ascending, of one moment."""
        ...

    def embeddings(self, passage_ids: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        """The embeddings of those of these passages that exist, each (dimensions,)."""
        ...

    def problems(self) -> list[str]:
        """What does not fit together in it, a sentence each: everything is read. Empty for a sound one."""
        ...

    def purge(self) -> None:
        """Have nothing left in its files of what was removed.

        Raises StoreError where that is the database's own business, or somebody has it open too long.
        """
        ...

    def changes_since(self, generation: int) -> Changes: ...

    def re_embed(self, embed: Callable[[list[str]], NDArray[np.float32]], values: dict[str, str]) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Passages by id and the versions of their documents by id, of one moment.

    Whole texts are left out: thirty passages may stand in thirty long documents, of which one is cited.
    """

    generation: int
    passages: dict[int, StoredPassage]
    documents: dict[str, DocumentVersion]


class SqlCatalogue:
    """The catalogue in a database: many readers, each of one moment, one writer at a time, a transaction a change.

    A subclass says how its database gives the write lock, makes the tables, and what its errors mean. `name` stands in
    messages for the store.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._name = name
        try:
            self._prepare()
        except StoreError:
            self._engine.dispose()
            raise

    def setting(self, name: str) -> str | None:
        with self._reading() as connection:
            return _setting(connection, name)

    def set_settings(self, values: dict[str, str]) -> None:
        with self._writing() as connection:
            for name, value in values.items():
                _set(connection, name, value)

    def settings(self) -> dict[str, str]:
        with self._reading() as connection:
            return {row.name: row.value for row in connection.execute(select(settings.c.name, settings.c.value))}

    def generation(self) -> int:
        with self._reading() as connection:
            return _generation(connection)

    def put(self, document: Document, cut: Sequence[Passage], vectors: NDArray[np.float32]) -> bool:
        return self.put_all([(document, cut, vectors)])[0]

    def put_all(self, entries: Sequence[Entry]) -> list[bool]:
        for _, cut, vectors in entries:
            if len(cut) != len(vectors):
                raise ValueError(f"{len(cut)} passages but {len(vectors)} vectors")
        with self._writing() as connection:
            return [_put(connection, *entry) for entry in entries]

    def describe(self, document: Document) -> bool:
        with self._writing() as connection:
            known = _documents(connection, [document.id]).get(document.id)
            if known is None or not known.reads_like(document):
                return False
            if known != document:
                _raise_generation(connection)
                row = _document_row(document)
                del row["id"], row["text"]
                connection.execute(update(documents).where(documents.c.id == document.id).values(row))
                connection.execute(delete(document_tags).where(document_tags.c.document_id == document.id))
                _insert_tags(connection, document)
        return True

    def remove(self, document_id: str) -> bool:
        with self._writing() as connection:
            known = _documents(connection, [document_id]).get(document_id)
            if known is None:
                return False
            _remove(connection, [document_id], _raise_generation(connection))
            _forget_sources(connection, known.collection, [known.source] if known.source else [])
        return True

    def sources(self, collection: str, prefix: str = "") -> dict[str, Source]:
        query = select(sources.c.uri, sources.c.sha256, sources.c.stamp, sources.c.loaders).where(
            sources.c.collection == collection, _begins(sources.c.uri, prefix)
        )
        with self._reading() as connection:
            return {row.uri: Source(*row) for row in connection.execute(query)}

    def keep_sources(self, collection: str, found: Mapping[Source, Collection[str] | None]) -> list[str]:
        listed = {source.uri: own for source, own in found.items() if own is not None}
        with self._writing() as connection:
            gone = _found_in(connection, collection, list(listed))
            gone -= {document for own in listed.values() for document in own}
            if gone:
                _remove(connection, sorted(gone), _raise_generation(connection))
            _forget_sources(connection, collection, [source.uri for source in found])
            if found:
                connection.execute(insert(sources), [{"collection": collection, **asdict(source)} for source in found])
        return sorted(gone)

    def remove_sources(self, collection: str, uris: Collection[str]) -> list[str]:
        with self._writing() as connection:
            gone = _found_in(connection, collection, list(uris))
            if gone:
                _remove(connection, sorted(gone), _raise_generation(connection))
            _forget_sources(connection, collection, list(uris))
        return sorted(gone)

    def version_of(self, document_id: str) -> str | None:
        with self._reading() as connection:
            return connection.scalar(select(documents.c.sha256).where(documents.c.id == document_id))

    def document(self, document_id: str) -> Document | None:
        return self.documents([document_id]).get(document_id)

    def documents(self, document_ids: Sequence[str]) -> dict[str, Document]:
        with self._reading() as connection:
            return _documents(connection, document_ids)

    def entries(self, document_ids: Sequence[str]) -> list[Entry]:
        with self._reading() as connection:
            found = _documents(connection, document_ids)
            own: dict[str, list[Any]] = {one: [] for one in found}
            columns = (
                passages.c.document_id,
                passages.c.start,
                passages.c.end,
                passages.c.context,
                passages.c.embedding,
            )
            for batch in _batched(list(found)):
                query = select(*columns).where(passages.c.document_id.in_(batch)).order_by(passages.c.id)
                for row in connection.execute(query):
                    own[row.document_id].append(row)
        return [
            (
                found[one],
                [Passage(start=row.start, end=row.end, context=row.context) for row in rows],
                np.stack([np.frombuffer(row.embedding, dtype="<f4") for row in rows])
                if rows
                else np.empty((0, 0), np.float32),
            )
            for one, rows in ((one, own[one]) for one in dict.fromkeys(document_ids) if one in own)
        ]

    def document_ids(self, after: str, limit: int) -> list[str]:
        query = select(documents.c.id).where(documents.c.id > after).order_by(documents.c.id).limit(limit)
        with self._reading() as connection:
            return list(connection.scalars(query))

    def document_order(self, after: int, limit: int) -> tuple[list[str], int]:
        query = select(passages.c.id, passages.c.document_id).where(passages.c.id > after)
        with self._reading() as connection:
            rows = connection.execute(query.order_by(passages.c.id).limit(limit)).all()
        return list(dict.fromkeys(row.document_id for row in rows)), rows[-1].id if rows else after

    def source_collections(self) -> list[str]:
        with self._reading() as connection:
            return list(connection.scalars(select(sources.c.collection).distinct()))

    def records(
        self,
        selection: Selection = EVERYTHING,
        *,
        after: tuple[str, str] | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[DocumentRecord]:
        query = _record_query().where(or_(*_selected(selection)))
        if after is not None:
            uri, collection = after
            same = and_(documents.c.uri == uri, documents.c.collection > collection)
            query = query.where(or_(documents.c.uri > uri, same))
        query = query.order_by(documents.c.uri, documents.c.collection).limit(limit).offset(offset)
        with self._reading() as connection:
            return [DocumentRecord.model_validate(_unpacked(row)) for row in connection.execute(query)]

    def count(self, selection: Selection) -> int:
        query = select(func.count()).select_from(documents).where(or_(*_selected(selection)))
        with self._reading() as connection:
            return connection.scalar(query) or 0

    def record(self, document_id: str) -> DocumentRecord | None:
        with self._reading() as connection:
            return _record(connection, document_id)

    def counts(self) -> tuple[int, int]:
        with self._reading() as connection:
            of_documents = connection.scalar(select(func.count()).select_from(documents)) or 0
            of_passages = connection.scalar(select(func.count()).select_from(passages)) or 0
            return of_documents, of_passages

    def is_empty(self) -> bool:
        with self._reading() as connection:
            return connection.scalar(select(documents.c.id).limit(1)) is None

    def snapshot(self, passage_ids: Sequence[int]) -> Snapshot:
        with self._reading() as connection:
            generation = _generation(connection)
            rows: list[Any] = []
            for batch in _batched(passage_ids):
                rows.extend(connection.execute(_PLACES.where(passages.c.id.in_(batch)).order_by(passages.c.id)).all())
            found = {row.id: _stored(row, text) for row, text in zip(rows, _slices(connection, rows), strict=True)}
            owners = {
                row.document_id: DocumentVersion(row.document_id, row.uri, row.title, row.sha256, row.date)
                for row in rows
            }
            return Snapshot(generation, found, owners)

    def allowed_documents(self, selection: Selection) -> set[str]:
        with self._reading() as connection:
            allowed: set[str] = set()
            for where in _selected(selection):
                allowed.update(connection.scalars(select(documents.c.id).where(where)))
            return allowed

    def passage_ids(self, document_ids: Iterable[str]) -> NDArray[np.int64]:
        found: list[int] = []
        with self._reading() as connection:
            for batch in _batched(list(document_ids)):
                found.extend(connection.scalars(select(passages.c.id).where(passages.c.document_id.in_(batch))))
        return np.array(sorted(found), dtype=np.int64)

    def embedded(self) -> tuple[int, NDArray[np.int64]]:
        with self._reading() as connection:
            generation = _generation(connection)
            ids = connection.scalars(select(passages.c.id).order_by(passages.c.id)).all()
        return generation, np.array(ids, dtype=np.int64)

    def embeddings(self, passage_ids: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        found: dict[int, NDArray[np.float32]] = {}
        with self._reading() as connection:
            for batch in _batched(passage_ids):
                query = select(passages.c.id, passages.c.embedding).where(passages.c.id.in_(batch))
                found.update((row.id, np.frombuffer(row.embedding, dtype="<f4")) for row in connection.execute(query))
        return found

    def problems(self) -> list[str]:
        with self._reading() as connection:
            broken = self._broken(connection)
            if broken:
                # What a damaged database says of its rows is worth nothing.
                return broken
            dimensions = _setting(connection, "dimensions")
            return list(
                catalogue_problems(
                    connection, _unpacked, _generation(connection), int(dimensions) if dimensions else None
                )
            )

    def purge(self) -> None:
        raise NotImplementedError

    def changes_since(self, generation: int) -> Changes:
        with self._reading() as connection:
            now = _generation(connection)
            gone = list(connection.scalars(select(removals.c.passage_id).where(removals.c.generation > generation)))
        return Changes(now, gone, self._added(generation, now))

    def re_embed(self, embed: Callable[[list[str]], NDArray[np.float32]], values: dict[str, str]) -> None:
        """Replace every embedding and the settings `values` in one transaction: all of it, or nothing."""
        with self._writing() as connection:
            generation = _raise_generation(connection)
            ids = list(connection.scalars(select(passages.c.id).order_by(passages.c.id)))
            for batch in _batched(ids):
                rows = connection.execute(
                    select(passages, documents.c.text, documents.c.collection, documents.c.date)
                    .join(documents, documents.c.id == passages.c.document_id)
                    .where(passages.c.id.in_(batch))
                    .order_by(passages.c.id)
                ).all()
                stored = [_stored(row, row.text[row.start : row.end]) for row in rows]
                vectors = embed([embedding_text(passage.context, passage.text) for passage in stored])
                new = [
                    {"passage": passage.id, "vector": _to_bytes(vector)}
                    for passage, vector in zip(stored, vectors, strict=True)
                ]
                connection.execute(
                    update(passages)
                    .where(passages.c.id == bindparam("passage"))
                    .values(embedding=bindparam("vector"), generation=generation),
                    new,
                )
            for name, value in values.items():
                _set(connection, name, value)

    def close(self) -> None:
        self._engine.dispose()

    def _added(
        self, generation: int, upto: int
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32], list[StoredPassage]]]:
        # In the order of the index on generations: any other would sort all that is left for every batch.
        order = tuple_(passages.c.generation, passages.c.id)
        last = (generation + 1, -1)
        while True:
            with self._reading() as connection:
                rows = connection.execute(
                    select(passages, documents.c.collection, documents.c.date)
                    .join(documents, documents.c.id == passages.c.document_id)
                    .where(order > last, passages.c.generation <= upto)
                    .order_by(passages.c.generation, passages.c.id)
                    .limit(FILL_BATCH)
                ).all()
                texts = _texts(connection, {row.document_id for row in rows})
            if not rows:
                return
            last = (rows[-1].generation, rows[-1].id)
            ids = np.array([row.id for row in rows], dtype=np.int64)
            vectors = np.stack([np.frombuffer(row.embedding, dtype="<f4") for row in rows])
            yield ids, vectors, [_stored(row, texts[row.document_id][row.start : row.end]) for row in rows]

    def _prepare(self) -> None:
        # An existing store is opened without the write lock, which a long change (re-embedding) may hold.
        with self._reading() as connection:
            known = inspect(connection).has_table(settings.name)
            version = _setting(connection, "format_version") if known else None
        if version is None:
            with self._writing() as connection:
                self._create_tables(connection)
                version = _setting(connection, "format_version")
                if version is None:
                    version = str(FORMAT_VERSION)
                    _set(connection, "format_version", version)
                    _set(connection, "generation", "0")
                    _set(connection, "store_id", uuid4().hex)
        if not version.isdecimal() or int(version) > FORMAT_VERSION:
            raise StoreError(
                f"the store {self._name} was written by a newer version of spanqa (format {version}, this one "
                f"reads up to {FORMAT_VERSION}); upgrade spanqa or name another --store"
            )
        if int(version) < FORMAT_VERSION:
            self._migrate(int(version))

    def _broken(self, connection: Connection) -> list[str]:
        """What the database itself finds wrong with its files."""
        return []

    def _create_tables(self, connection: Connection) -> None:
        raise NotImplementedError

    def _migrate(self, version: int) -> None:
        raise NotImplementedError

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._translated(), self._engine.connect() as connection:
            yield connection

    def _writing(self) -> AbstractContextManager[Connection]:
        """A transaction that holds the write lock from its beginning: one that reads first and asks for it later can
        fail half-way, or raise the generation to the number that another one takes."""
        raise NotImplementedError

    def _translated(self) -> AbstractContextManager[None]:
        """Turns the database's errors into StoreError."""
        raise NotImplementedError


class SqliteCatalogue(SqlCatalogue):
    """The catalogue in a SQLite file in WAL mode."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._frozen = on_frozen_disk(path.parent)
        if self._frozen and (wal := path.with_name(f"{path.name}-wal")).exists() and wal.stat().st_size:
            raise StoreError(
                f"the store {path.parent} was not closed when its disk was made read-only, and its log of changes "
                "cannot be taken in there; copy the folder to where it can be written"
            )
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

    def copy_to(self, path: Path) -> None:
        """Write a copy of one moment to a new file, without what was removed, while others read and write.

        Raises StoreError where it cannot be written; nothing is left there then.
        """
        try:
            with self._translated(), self._engine.connect() as fresh:
                driver: Any = fresh.connection.driver_connection
                driver.execute("VACUUM INTO ?", (str(path),))
            flush(path)
        except (StoreError, OSError) as error:
            path.unlink(missing_ok=True)
            raise StoreError(f"{path} cannot be written: {error}") from error

    def take_from(self, path: Path) -> None:
        """Become what a catalogue in `path` is, in one transaction that readers see as a whole.

        It gets an identity of its own and a generation above both, so that nobody takes what was derived from either
        for its own. Raises StoreError, and nothing has changed, where `path` is not a sound catalogue.
        """
        self._require_writable()
        source = SqliteCatalogue(path)
        try:
            if found := source.problems():
                raise StoreError(f"{path} is not a sound catalogue: {found[0]}")
            source.set_settings(
                {"store_id": uuid4().hex, "generation": str(max(source.generation(), self.generation()) + 1)}
            )
            with (
                self._translated(),
                source._engine.connect() as theirs,
                self._engine.connect() as ours,
            ):
                reading: Any = theirs.connection.driver_connection
                writing: Any = ours.connection.driver_connection
                reading.backup(writing)
                # What it was is not kept: it may hold what was removed since.
                writing.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            source.close()

    def _broken(self, connection: Connection) -> list[str]:
        found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check")]
        if found != ["ok"]:
            return [f"SQLite: {line}" for line in found]
        keys = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        return [f"SQLite: a row of {row[0]} refers to one of {row[2]} that is not there" for row in keys]

    def _create_tables(self, connection: Connection) -> None:
        metadata.create_all(connection)

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
                    version = int(_setting(connection, "format_version") or version)
                    migrate(connection, version)
                    if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                        raise StoreError("a passage belongs to no document")
                    _set(connection, "format_version", str(FORMAT_VERSION))
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
                yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeoutError as error:
            raise StoreError(f"the store {self._path.parent} is too busy; try again later") from error
        # The driver's own errors come from what is done past SQLAlchemy.
        except (OperationalError, sqlite3.OperationalError) as error:
            raise StoreError(
                f"the store {self._path.parent} cannot be used: {_reason(error)}{self._why_not()}"
            ) from error
        except (DatabaseError, sqlite3.DatabaseError) as error:
            raise StoreError(
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


def _reason(error: Exception) -> object:
    return getattr(error, "orig", error)


def embedding_text(context: str, text: str) -> str:
    """What of a passage is embedded: the headings it stands under, then its words as they are read."""
    words = legible(text, context).text
    return f"{context}\n{words}" if context else words


def _engine(path: Path, *, frozen: bool) -> Engine:
    # What nobody can write needs no locks, and none could be had.
    name = f"{path.resolve().as_uri()}?mode=ro&immutable=1" if frozen else str(path)
    engine = create_engine(
        URL.create("sqlite", database=name, query={"uri": "true"} if frozen else {}),
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=28,
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        # The driver's own transaction handling is off, so that BEGIN is ours (see _on_begin).
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        if not frozen:
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


def _setting(connection: Connection, name: str) -> str | None:
    return connection.scalar(select(settings.c.value).where(settings.c.name == name))


def _set(connection: Connection, name: str, value: str) -> None:
    changed = connection.execute(update(settings).where(settings.c.name == name).values(value=value))
    if changed.rowcount == 0:
        connection.execute(insert(settings).values(name=name, value=value))


def _generation(connection: Connection) -> int:
    return int(_setting(connection, "generation") or 0)


def _raise_generation(connection: Connection) -> int:
    generation = _generation(connection) + 1
    _set(connection, "generation", str(generation))
    return generation


def _put(connection: Connection, document: Document, cut: Sequence[Passage], vectors: NDArray[np.float32]) -> bool:
    known = _documents(connection, [document.id]).get(document.id)
    if known == document:
        return False
    generation = _raise_generation(connection)
    if known is not None:
        _remove(connection, [document.id], generation)
        if known.source != document.source:
            # What is there now did not come from that file: it is to be read again.
            _forget_sources(connection, known.collection, [known.source] if known.source else [])
    connection.execute(insert(documents), _document_row(document))
    _insert_tags(connection, document)
    if cut:
        rows = [
            {
                "document_id": document.id,
                "start": passage.start,
                "end": passage.end,
                "context": passage.context,
                "generation": generation,
                "embedding": _to_bytes(vector),
            }
            for passage, vector in zip(cut, vectors, strict=True)
        ]
        connection.execute(insert(passages), rows)
    return True


def _remove(connection: Connection, ids: Sequence[str], generation: int) -> None:
    for batch in _batched(ids):
        gone = select(passages.c.id, literal(generation)).where(passages.c.document_id.in_(batch))
        connection.execute(insert(removals).from_select(["passage_id", "generation"], gone))
        connection.execute(delete(passages).where(passages.c.document_id.in_(batch)))
        connection.execute(delete(document_tags).where(document_tags.c.document_id.in_(batch)))
        connection.execute(delete(documents).where(documents.c.id.in_(batch)))


def _found_in(connection: Connection, collection: str, uris: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for batch in _batched(uris):
        query = select(documents.c.id).where(documents.c.collection == collection, documents.c.source.in_(batch))
        found.update(connection.scalars(query))
    return found


def _forget_sources(connection: Connection, collection: str, uris: Sequence[str]) -> None:
    for batch in _batched(uris):
        connection.execute(delete(sources).where(sources.c.collection == collection, sources.c.uri.in_(batch)))


def _insert_tags(connection: Connection, document: Document) -> None:
    if document.tags:
        tags = [{"document_id": document.id, "tag": tag} for tag in document.tags]
        connection.execute(insert(document_tags), tags)


def _begins(column: Any, prefix: str) -> ColumnElement[bool]:
    # Not LIKE, which takes upper and lower case for the same in SQLite.
    return true() if not prefix else func.substr(column, 1, len(prefix)) == prefix


def _selected(selection: Selection) -> list[ColumnElement[bool]]:
    """Conditions that together are met by the selected documents: one for each batch of ids that were named."""
    where = [_begins(documents.c.uri, selection.uri_prefix)]
    if selection.collections:
        where.append(documents.c.collection.in_(selection.collections))
    if selection.tags:
        tagged = select(document_tags.c.document_id).where(document_tags.c.tag.in_(selection.tags))
        where.append(documents.c.id.in_(tagged))
    if selection.first_day is not None:
        where.append(func.substr(documents.c.date + LATEST, 1, DAY_LENGTH) >= selection.first_day)
    if selection.last_day is not None:
        where.append(func.substr(documents.c.date + EARLIEST, 1, DAY_LENGTH) <= selection.last_day)
    if not selection.document_ids:
        return [and_(*where)]
    return [and_(*where, documents.c.id.in_(batch)) for batch in _batched(selection.document_ids)]


_AS_JSON = ("pages", "outline", "rows", "tags")


def _document_row(document: Document) -> dict[str, object]:
    fields = document.model_dump(exclude=set(_AS_JSON))
    lists = {name: json.dumps(document.model_dump(include={name})[name]) for name in _AS_JSON}
    return (
        fields
        | lists
        | {
            "id": document.id,
            "own_title": int(document.own_title),
            "sha256": document.sha256,
            "indexed_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
    )


def _documents(connection: Connection, ids: Sequence[str]) -> dict[str, Document]:
    found: dict[str, Document] = {}
    for batch in _batched(ids):
        for row in connection.execute(select(documents).where(documents.c.id.in_(batch))):
            found[row.id] = Document.model_validate(_unpacked(row))
    return found


def _unpacked(row: Any) -> dict[str, Any]:
    fields = dict(row._mapping)
    return fields | {name: json.loads(fields[name]) for name in _AS_JSON if name in fields}


_PLACES = select(
    passages.c.id,
    passages.c.document_id,
    passages.c.start,
    passages.c.end,
    passages.c.context,
    documents.c.uri,
    documents.c.title,
    documents.c.sha256,
    documents.c.date,
    documents.c.collection,
).join(documents, documents.c.id == passages.c.document_id)


def _slices(connection: Connection, rows: Sequence[Any]) -> list[str]:
    """The words of these passages: by slices, or from the whole text of a document that has many passages here."""
    of_document = Counter(row.document_id for row in rows)
    few = [row.id for row in rows if of_document[row.document_id] <= SLICES_A_DOCUMENT]
    slices: dict[int, str] = {}
    for batch in _batched(few):
        # substr counts code points, from 1.
        piece = func.substr(documents.c.text, passages.c.start + 1, passages.c.end - passages.c.start, type_=Words)
        query = select(passages.c.id, piece).join(documents, documents.c.id == passages.c.document_id)
        rows_of = connection.execute(query.where(passages.c.id.in_(batch)))
        slices.update((number, words) for number, words in rows_of)
    # SQL's text functions end at a NUL character: what lies behind one is cut from the whole text.
    whole = {row.document_id for row in rows if len(slices.get(row.id, "")) != row.end - row.start}
    texts = _texts(connection, whole)
    return [texts[row.document_id][row.start : row.end] if row.document_id in texts else slices[row.id] for row in rows]


def _texts(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for batch in _batched(list(ids)):
        rows = connection.execute(select(documents.c.id, documents.c.text).where(documents.c.id.in_(batch)))
        found.update((row.id, row.text) for row in rows)
    return found


def _record(connection: Connection, document_id: str) -> DocumentRecord | None:
    row = connection.execute(_record_query().where(documents.c.id == document_id)).first()
    return DocumentRecord.model_validate(_unpacked(row)) if row else None


def _record_query() -> Any:
    cut = select(func.count()).where(passages.c.document_id == documents.c.id).scalar_subquery()
    return select(
        documents.c.id,
        documents.c.uri,
        documents.c.title,
        documents.c.sha256,
        documents.c.media_type,
        func.length(documents.c.text).label("characters"),
        cut.label("passages"),
        documents.c.indexed_at,
        documents.c.collection,
        documents.c.tags,
        documents.c.date,
        documents.c.author,
        documents.c.language,
    )


def _stored(row: Any, text: str) -> StoredPassage:
    return StoredPassage(
        id=row.id,
        document_id=row.document_id,
        start=row.start,
        end=row.end,
        context=row.context,
        text=text,
        collection=row.collection,
        date=row.date,
    )


def _to_bytes(vector: NDArray[np.float32]) -> bytes:
    return np.ascontiguousarray(vector, dtype="<f4").tobytes()


def _batched(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for begin in range(0, len(items), ID_BATCH):
        yield items[begin : begin + ID_BATCH]
