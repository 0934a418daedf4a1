"""The catalogue: the truth about documents, passages and embeddings, in SQL through SQLAlchemy.

What every database does alike is here, with SQLite, the embedded one; `index.catalogue.postgres` has the one for many
machines.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from operator import methodcaller
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Engine,
    and_,
    create_engine,
    event,
    func,
    inspect,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import QueuePool

from index.catalogue.formats.identity import APPLICATION_ID, read_only, require_catalogue
from index.catalogue.formats.migrations import migrate
from index.catalogue.integrity.audit import Damage, Problem, catalogue_problems, pages_problems
from index.catalogue.integrity.ledger import INTERNAL, Ledger, is_other_format, read_settings, stored_settings
from index.catalogue.integrity.mending import mend
from index.catalogue.integrity.verified import (
    EMBEDDING_COLUMNS,
    PLACE_COLUMNS,
    RECORD_COLUMNS,
    again,
    all_sources,
    cut_of,
    document_of,
    record_of,
    remains_of,
    require_all,
    require_complete,
    require_count,
    require_filters,
    require_found,
    require_ids,
    require_place,
    require_places,
    require_source,
    shown,
    vector_of,
)
from index.catalogue.own_rows import own_rows_unchanged, take_own_rows, without_own_rows
from index.catalogue.schema import (
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
from index.catalogue.writing import (
    batched,
    describe,
    keep_sources,
    put,
    re_embed,
    remove,
    remove_sources,
)
from index.disk.checksums import flush, room_at
from index.disk.folders import on_frozen_disk
from index.disk.marks import aside, sweep_asides
from index.disk.private import close_to_others, make_file
from index.documents import Document, DocumentRecord, DocumentVersion, Passage, Source, StoredPassage
from index.errors import DamageError, NoStoreError, StoreError
from index.selection import DAY_LENGTH, EARLIEST, EVERYTHING, LATEST, Selection
from index.text.legible import legible

CATALOGUE_FILE = "catalogue.sqlite"
BUSY_TIMEOUT_MS = 30_000
# A document as it is put: with its passages and their (n, dimensions) vectors.
Entry = tuple[Document, Sequence[Passage], NDArray[np.float32]]
# How many passages derived indexes are given at once.
FILL_BATCH = 4_000
# Every slice walks its document's text from the beginning: of a document with more of them, one reads it whole.
SLICES_A_DOCUMENT = 4
# The kind of folder in which a new catalogue is made.
_NEW = "new"


@dataclass(frozen=True, slots=True)
class Changes:
    """What a derived index must do to get from a generation to `generation`.

    `added` yields (ids (n,) int64, vectors (n, dimensions) float32, passages) in batches; `removed` are passage ids.
    """

    generation: int
    removed: list[int]
    added: Iterator[tuple[NDArray[np.int64], NDArray[np.float32], list[StoredPassage]]]


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

    def remains(self, document_id: str) -> DocumentRecord | None:
        """As `record`, of a damaged document what can be read: for whoever removes it."""
        ...

    def problems(self) -> list[Problem]:
        """What is not as it was written: everything is read. Empty for a sound one."""
        ...

    def mend(
        self, problems: Sequence[Problem], cut: Callable[[Document], tuple[Sequence[Passage], NDArray[np.float32]]]
    ) -> list[str]:
        """Bring back what sound texts allow, in one transaction; what was done (see
        `index.catalogue.integrity.mending`)."""
        ...

    def purge(self) -> None:
        """Have nothing left in its files of what was removed.

        Raises StoreError where that is the database's own business, or somebody has it open too long.
        """
        ...

    def changes_since(self, generation: int) -> Changes: ...

    def re_embed(self, embed: Callable[[list[str]], NDArray[np.float32]], values: dict[str, str]) -> None: ...

    def connection(self, *, write: bool = False) -> AbstractContextManager[Connection]:
        """A transaction for what is kept beside the documents (keys, the log): of one moment, or one that may write.

        Database errors are StoreErrors.
        """
        ...

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
        self._filters_sound_at: int | None = None
        try:
            self._prepare()
        except StoreError:
            self._engine.dispose()
            raise

    def setting(self, name: str) -> str | None:
        with self._reading() as connection:
            return read_settings(connection).get(name)

    def set_settings(self, values: dict[str, str]) -> None:
        with self._changing() as ledger:
            for name, value in values.items():
                ledger.set(name, value)

    def settings(self) -> dict[str, str]:
        with self._reading() as connection:
            return {name: value for name, value in read_settings(connection).items() if name not in INTERNAL}

    def generation(self) -> int:
        with self._reading() as connection:
            return _generation(read_settings(connection))

    def put(self, document: Document, cut: Sequence[Passage], vectors: NDArray[np.float32]) -> bool:
        return self.put_all([(document, cut, vectors)])[0]

    def put_all(self, entries: Sequence[Entry]) -> list[bool]:
        for _, cut, vectors in entries:
            if len(cut) != len(vectors):
                raise ValueError(f"{len(cut)} passages but {len(vectors)} vectors")
        with self._changing() as ledger:
            return [put(ledger, *entry) for entry in entries]

    def describe(self, document: Document) -> bool:
        with self._changing() as ledger:
            return describe(ledger, document)

    def remove(self, document_id: str) -> bool:
        with self._changing() as ledger:
            return remove(ledger, document_id)

    def sources(self, collection: str, prefix: str = "") -> dict[str, Source]:
        query = select(sources).where(sources.c.collection == collection, _begins(sources.c.uri, prefix))
        with self._reading() as connection:
            rows = connection.execute(query).all() if prefix else all_sources(connection)
        for row in rows:
            require_source(row)
        found = [row for row in rows if row.collection == collection]
        return {row.uri: Source(row.uri, row.sha256, row.stamp, row.loaders) for row in found}

    def keep_sources(self, collection: str, found: Mapping[Source, Collection[str] | None]) -> list[str]:
        with self._changing() as ledger:
            return keep_sources(ledger, collection, {source: found[source] for source in found})

    def remove_sources(self, collection: str, uris: Collection[str]) -> list[str]:
        with self._changing() as ledger:
            return remove_sources(ledger, collection, uris)

    def version_of(self, document_id: str) -> str | None:
        found = self.record(document_id)
        return found.sha256 if found else None

    def document(self, document_id: str) -> Document | None:
        return self.documents([document_id]).get(document_id)

    def documents(self, document_ids: Sequence[str]) -> dict[str, Document]:
        with self._reading() as connection:
            return _documents(connection, document_ids)

    def entries(self, document_ids: Sequence[str]) -> list[Entry]:
        with self._reading() as connection:
            found = _documents(connection, document_ids)
            own: dict[str, list[Any]] = {one: [] for one in found}
            for batch in batched(list(found)):
                query = select(passages).where(passages.c.document_id.in_(batch)).order_by(passages.c.id)
                for row in connection.execute(query):
                    # Of another document, by a damaged index: then one is missing where it should be.
                    if row.document_id in own:
                        own[row.document_id].append(row)
            for one, record in _record_rows(connection, list(found)).items():
                require_places(own[one])
                require_all(record, own[one])
        return [
            (
                found[one],
                [cut_of(row, found[one].text[row.start : row.end]) for row in rows],
                np.stack([vector_of(row) for row in rows]) if rows else np.empty((0, 0), np.float32),
            )
            for one, rows in ((one, own[one]) for one in dict.fromkeys(document_ids) if one in own)
        ]

    def document_ids(self, after: str, limit: int) -> list[str]:
        query = select(*RECORD_COLUMNS).where(documents.c.id > after).order_by(documents.c.id).limit(limit)
        with self._reading() as connection:
            # Rows, not ids alone, which would be those of an index: that may be damaged.
            return [record_of(row).id for row in connection.execute(query)]

    def document_order(self, after: int, limit: int) -> tuple[list[str], int]:
        query = select(passages.c.id, passages.c.document_id).where(passages.c.id > after)
        with self._reading() as connection:
            rows = connection.execute(query.order_by(passages.c.id).limit(limit)).all()
            ordered = list(dict.fromkeys(require_ids([row.document_id for row in rows])))
            # Where a passage is of a document that is not there, its place is damaged.
            _records(connection, ordered)
        return ordered, rows[-1].id if rows else after

    def source_collections(self) -> list[str]:
        with self._reading() as connection:
            return sorted({row.collection for row in all_sources(connection)})

    def records(
        self,
        selection: Selection = EVERYTHING,
        *,
        after: tuple[str, str] | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[DocumentRecord]:
        query = select(*RECORD_COLUMNS).where(or_(*_selected(selection)))
        if after is not None:
            uri, collection = after
            same = and_(documents.c.uri == uri, documents.c.collection > collection)
            query = query.where(or_(documents.c.uri > uri, same))
        query = query.order_by(documents.c.uri, documents.c.collection).limit(limit).offset(offset)
        with self._reading() as connection:
            found = [record_of(row) for row in connection.execute(query)]
            if selection == EVERYTHING and after is None and limit is None and not offset:
                require_count(found, read_settings(connection))
        return found

    def count(self, selection: Selection) -> int:
        query = select(func.count()).select_from(documents).where(or_(*_selected(selection)))
        with self._reading() as connection:
            return connection.scalar(query) or 0

    def record(self, document_id: str) -> DocumentRecord | None:
        with self._reading() as connection:
            row = connection.execute(select(*RECORD_COLUMNS).where(documents.c.id == document_id)).first()
        return record_of(row) if row else None

    def remains(self, document_id: str) -> DocumentRecord | None:
        with self._reading() as connection:
            row = connection.execute(select(*RECORD_COLUMNS).where(documents.c.id == document_id)).first()
        return remains_of(row) if row else None

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
            generation = _generation(read_settings(connection))
            rows: list[Any] = []
            for batch in batched(passage_ids):
                places = select(*PLACE_COLUMNS).where(passages.c.id.in_(batch))
                rows.extend(connection.execute(places.order_by(passages.c.id)).all())
            require_places(rows)
            owners = _records(connection, {row.document_id for row in rows})
            found = {}
            for row, text in zip(rows, _slices(connection, rows), strict=True):
                require_place(row, text)
                found[row.id] = _stored(row, text, owners[row.document_id].collection)
        versions = {one: DocumentVersion(one, own.uri, own.title, own.sha256, own.date) for one, own in owners.items()}
        return Snapshot(generation, found, versions)

    def allowed_documents(self, selection: Selection) -> set[str]:
        with self._reading() as connection:
            values = read_settings(connection)
            if self._filters_sound_at != _generation(values):
                # What is damaged would not be selected, and nobody would know: once after each change.
                require_filters(connection, values)
                self._filters_sound_at = _generation(values)
            allowed: set[str] = set()
            for where in _selected(selection):
                allowed.update(require_ids(connection.scalars(select(documents.c.id).where(where)).all()))
            return allowed

    def passage_ids(self, document_ids: Iterable[str]) -> NDArray[np.int64]:
        found: list[int] = []
        with self._reading() as connection:
            for batch in batched(list(document_ids)):
                found.extend(connection.scalars(select(passages.c.id).where(passages.c.document_id.in_(batch))))
        return np.array(sorted(found), dtype=np.int64)

    def embedded(self) -> tuple[int, NDArray[np.int64]]:
        with self._reading() as connection:
            generation = _generation(read_settings(connection))
            ids = connection.scalars(select(passages.c.id).order_by(passages.c.id)).all()
        return generation, np.array(ids, dtype=np.int64)

    def embeddings(self, passage_ids: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        found: dict[int, NDArray[np.float32]] = {}
        with self._reading() as connection:
            for batch in batched(passage_ids):
                query = select(*EMBEDDING_COLUMNS).where(passages.c.id.in_(batch))
                found.update((row.id, vector_of(row)) for row in connection.execute(query))
        return found

    def problems(self) -> list[Problem]:
        with self._reading() as connection:
            return [*self._broken(connection), *catalogue_problems(connection)]

    def mend(
        self, problems: Sequence[Problem], cut: Callable[[Document], tuple[Sequence[Passage], NDArray[np.float32]]]
    ) -> list[str]:
        with self._changing() as ledger:
            return mend(ledger, problems, cut)

    def purge(self) -> None:
        raise NotImplementedError

    def changes_since(self, generation: int) -> Changes:
        with self._reading() as connection:
            values = read_settings(connection)
            now = _generation(values)
            if generation <= 0:
                # Whoever begins anew would not notice that something is missing.
                require_complete(connection, values)
            ahead = select(passages.c.id).where(passages.c.generation > now).limit(1)
            if (number := connection.scalar(ahead)) is not None:
                raise DamageError(f"the passage {number} of the store {self._name} is damaged: qa store check")
            since = select(removals.c.passage_id).where(removals.c.generation > generation)
            gone = list(connection.scalars(since))
            if connection.scalar(select(passages.c.id).where(passages.c.id.in_(since)).limit(1)) is not None:
                raise DamageError(f"a passage of the store {self._name} is there and noted as removed: qa store check")
        return Changes(now, gone, self._added(generation, now))

    def re_embed(self, embed: Callable[[list[str]], NDArray[np.float32]], values: dict[str, str]) -> None:
        """Replace every embedding and the settings `values` in one transaction: all of it, or nothing."""
        with self._changing() as ledger:
            re_embed(ledger, lambda stored: embed([embedding_text(p.context, p.text) for p in stored]))
            for name, value in values.items():
                ledger.set(name, value)

    def connection(self, *, write: bool = False) -> AbstractContextManager[Connection]:
        return self._writing() if write else self._reading()

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
                    select(passages)
                    .where(order > last, passages.c.generation <= upto)
                    .order_by(passages.c.generation, passages.c.id)
                    .limit(FILL_BATCH)
                ).all()
                require_places(rows)
                owners = _records(connection, {row.document_id for row in rows})
                texts = _texts(connection, set(owners))
            if not rows:
                return
            stored = []
            for row in rows:
                words = texts[row.document_id][row.start : row.end]
                require_place(row, words)
                stored.append(_stored(row, words, owners[row.document_id].collection))
            vectors = np.stack([vector_of(row) for row in rows])
            last = (rows[-1].generation, rows[-1].id)
            yield np.array([row.id for row in rows], dtype=np.int64), vectors, stored

    def _prepare(self) -> None:
        # An existing store is opened without the write lock, which a long change (re-embedding) may hold.
        with self._reading() as connection:
            tables = set(inspect(connection).get_table_names())
            version = _setting(connection, "format_version") if settings.name in tables else None
        if version is None and tables & {settings.name, documents.name, passages.name}:
            # Made anew it would be another store, in which none of the documents could be believed.
            raise DamageError(
                f"the store {self._name} is damaged: it does not say of which format it is; restore a backup, or index "
                "into another --store"
            )
        if version is None:
            version = self._make_tables()
        if version != str(FORMAT_VERSION):
            with self._reading() as connection:
                if is_other_format(stored_settings(connection), FORMAT_VERSION):
                    raise DamageError(
                        f"the store {self._name} is damaged: it says that it is of format {shown(version)}, and is "
                        "not; restore a backup, or index into another --store"
                    )
        if not version.isdecimal() or int(version) > FORMAT_VERSION:
            raise StoreError(
                f"the store {self._name} was written by a newer version of spanqa (format {shown(version)}, this one "
                f"reads up to {FORMAT_VERSION}); upgrade spanqa or name another --store"
            )
        if int(version) < FORMAT_VERSION:
            self._migrate(int(version))

    def _make_tables(self) -> str:
        """Make a catalogue where there is none; its format."""
        with self._writing() as connection:
            self._create_tables(connection)
            return _setting(connection, "format_version") or _first_settings(connection)

    @contextmanager
    def _changing(self) -> Iterator[Ledger]:
        """A transaction with what is to be kept of the catalogue itself; what is damaged there is not written over."""
        with self._writing() as connection:
            ledger = Ledger.open(connection)
            yield ledger
            ledger.finish()

    def _broken(self, connection: Connection) -> list[Problem]:
        """What the database itself finds wrong with its files."""
        return []

    def _state_format(self, connection: Connection) -> None:
        ledger = Ledger.open(connection)
        ledger.set("format_version", str(FORMAT_VERSION))
        ledger.finish()

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
    """The catalogue in a SQLite file in WAL mode.

    Raises StoreError for a file that is none of ours, or is damaged; nothing is written to it then.
    """

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
            if found := [one for one in self.problems() if one.kind not in (Damage.KEYS, Damage.LOST_KEYS)]:
                raise StoreError(f"what was put in place of the catalogue is not sound: {found[0].what}")
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
                    version = int(_setting(connection, "format_version") or version)
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
                    _first_settings(connection)
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


def _first_settings(connection: Connection) -> str:
    """Settings of a new catalogue; its format."""
    ledger = Ledger(connection, {})
    ledger.set("format_version", str(FORMAT_VERSION))
    ledger.set("generation", "0")
    ledger.set("store_id", uuid4().hex)
    ledger.finish()
    return str(FORMAT_VERSION)


def _reason(error: Exception) -> object:
    return getattr(error, "orig", error)


def _is_wrong_shape(error: Exception) -> bool:
    """Whether it is a statement that fails: a table or a column is not there, by damage."""
    return getattr(_reason(error), "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR


def embedding_text(context: str, text: str) -> str:
    """What of a passage is embedded: the headings it stands under, then its words as they are read."""
    words = legible(text, context).text
    return f"{context}\n{words}" if context else words


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


def _setting(connection: Connection, name: str) -> str | None:
    return connection.scalar(select(settings.c.value).where(settings.c.name == name))


def _generation(values: Mapping[str, str]) -> int:
    return int(values.get("generation", "0"))


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
    return [and_(*where, documents.c.id.in_(batch)) for batch in batched(selection.document_ids)]


def _documents(connection: Connection, ids: Sequence[str]) -> dict[str, Document]:
    found: dict[str, Document] = {}
    for batch in batched(ids):
        for row in connection.execute(select(documents).where(documents.c.id.in_(batch))):
            require_found(row, batch)
            found[row.id] = document_of(row)
    return found


def _record_rows(connection: Connection, ids: Collection[str]) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for batch in batched(list(ids)):
        for row in connection.execute(select(*RECORD_COLUMNS).where(documents.c.id.in_(batch))):
            require_found(row, batch)
            rows[row.id] = row
    return rows


def _records(connection: Connection, ids: Collection[str]) -> dict[str, DocumentRecord]:
    """Those of these documents, all of which must be there."""
    found = {one: record_of(row) for one, row in _record_rows(connection, ids).items()}
    if missing := set(ids) - set(found):
        raise DamageError(f"the document {shown(min(missing))} is missing, of which there are passages: qa store check")
    return found


def _slices(connection: Connection, rows: Sequence[Any]) -> list[str]:
    """The words of these passages: by slices, or from the whole text of a document that has many passages here."""
    of_document = Counter(row.document_id for row in rows)
    few = [row.id for row in rows if of_document[row.document_id] <= SLICES_A_DOCUMENT]
    slices: dict[int, str] = {}
    for batch in batched(few):
        # substr counts code points, from 1.
        piece = func.substr(documents.c.text, passages.c.start + 1, passages.c.end - passages.c.start, type_=Words)
        query = select(passages.c.id, piece).join(documents, documents.c.id == passages.c.document_id)
        rows_of = connection.execute(query.where(passages.c.id.in_(batch)))
        slices.update((number, words) for number, words in rows_of if isinstance(words, str))
    # SQL's text functions end at a NUL character: what lies behind one is cut from the whole text.
    whole = {row.document_id for row in rows if len(slices.get(row.id, "")) != row.end - row.start}
    texts = _texts(connection, whole)
    return [texts[row.document_id][row.start : row.end] if row.document_id in texts else slices[row.id] for row in rows]


def _texts(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for batch in batched(list(ids)):
        rows = connection.execute(select(documents.c.id, documents.c.text).where(documents.c.id.in_(batch)))
        for row in rows:
            if not isinstance(row.text, str):
                raise DamageError(f"the text of the document {row.id} is damaged: {again(row.id)}")
            found[row.id] = row.text
    return found


def _stored(row: Any, text: str, collection: str) -> StoredPassage:
    return StoredPassage(
        id=row.id,
        document_id=row.document_id,
        start=row.start,
        end=row.end,
        context=row.context,
        text=text,
        collection=collection,
    )
