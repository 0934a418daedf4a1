"""The catalogue in SQL through SQLAlchemy: what every database does alike.

`index.catalogue.sqlite` has the embedded database, `index.catalogue.postgres` the one for many machines.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, and_, func, inspect, or_, select, tuple_

from index.catalogue.integrity.audit import Problem, catalogue_problems
from index.catalogue.integrity.ledger import INTERNAL, Ledger, is_other_format, read_settings, stored_settings
from index.catalogue.integrity.mending import mend
from index.catalogue.integrity.verified import (
    EMBEDDING_COLUMNS,
    PLACE_COLUMNS,
    RECORD_COLUMNS,
    all_sources,
    cut_of,
    record_of,
    remains_of,
    require_all,
    require_complete,
    require_count,
    require_filters,
    require_ids,
    require_place,
    require_places,
    require_source,
    shown,
    vector_of,
)
from index.catalogue.protocol import Changes, Entry, Snapshot
from index.catalogue.queries import (
    begins_with,
    documents_by_id,
    generation_of,
    record_rows_by_id,
    records_by_id,
    selected,
    setting_of,
    texts_by_id,
    words_of_passages,
)
from index.catalogue.rows import batched, stored_passage
from index.catalogue.schema import FORMAT_VERSION, documents, passages, removals, settings, sources
from index.catalogue.writing import describe, keep_sources, put, re_embed, remove, remove_sources
from index.documents import Document, DocumentRecord, DocumentVersion, Passage, Source, StoredPassage
from index.errors import DamageError, StoreError
from index.selection import EVERYTHING, Selection
from index.text.passages import embedding_text

BUSY_TIMEOUT_MS = 30_000
# How many passages derived indexes are given at once.
FILL_BATCH = 4_000


class SqlCatalogue:
    """The catalogue in a database: many readers, each of one moment, one writer at a time, a transaction a change.

    A subclass says how its database gives the write lock, makes the tables, and what its errors mean. `name` stands in
    messages for the store.
    """

    can_purge = False

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
            return generation_of(read_settings(connection))

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
        query = select(sources).where(sources.c.collection == collection, begins_with(sources.c.uri, prefix))
        with self._reading() as connection:
            rows = connection.execute(query).all() if prefix else all_sources(connection)
        for row in rows:
            require_source(row)
        records = [row for row in rows if row.collection == collection]
        return {row.uri: Source(row.uri, row.sha256, row.stamp, row.loaders) for row in records}

    def keep_sources(self, collection: str, documents_by_source: Mapping[Source, Collection[str] | None]) -> list[str]:
        with self._changing() as ledger:
            return keep_sources(ledger, collection, documents_by_source)

    def remove_sources(self, collection: str, uris: Collection[str]) -> list[str]:
        with self._changing() as ledger:
            return remove_sources(ledger, collection, uris)

    def version_of(self, document_id: str) -> str | None:
        record = self.record(document_id)
        return record.sha256 if record else None

    def document(self, document_id: str) -> Document | None:
        return self.documents([document_id]).get(document_id)

    def documents(self, document_ids: Sequence[str]) -> dict[str, Document]:
        with self._reading() as connection:
            return documents_by_id(connection, document_ids)

    def entries(self, document_ids: Sequence[str]) -> list[Entry]:
        with self._reading() as connection:
            given = documents_by_id(connection, document_ids)
            rows_by_document: dict[str, list[Any]] = {one: [] for one in given}
            for batch in batched(list(given)):
                query = select(passages).where(passages.c.document_id.in_(batch)).order_by(passages.c.id)
                for row in connection.execute(query):
                    # Of another document, by a damaged index: then one is missing where it should be.
                    if row.document_id in rows_by_document:
                        rows_by_document[row.document_id].append(row)
            for one, record in record_rows_by_id(connection, list(given)).items():
                require_places(rows_by_document[one])
                require_all(record, rows_by_document[one])
        return [
            (
                given[one],
                [cut_of(row, given[one].text[row.start : row.end]) for row in rows],
                np.stack([vector_of(row) for row in rows]) if rows else np.empty((0, 0), np.float32),
            )
            for one in dict.fromkeys(document_ids)
            if (rows := rows_by_document.get(one)) is not None
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
            records_by_id(connection, ordered)
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
        query = select(*RECORD_COLUMNS).where(or_(*selected(selection)))
        if after is not None:
            uri, collection = after
            same = and_(documents.c.uri == uri, documents.c.collection > collection)
            query = query.where(or_(documents.c.uri > uri, same))
        query = query.order_by(documents.c.uri, documents.c.collection).limit(limit).offset(offset)
        with self._reading() as connection:
            records = [record_of(row) for row in connection.execute(query)]
            if selection == EVERYTHING and after is None and limit is None and not offset:
                require_count(records, read_settings(connection))
        return records

    def count(self, selection: Selection) -> int:
        query = select(func.count()).select_from(documents).where(or_(*selected(selection)))
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
            generation = generation_of(read_settings(connection))
            rows: list[Any] = []
            for batch in batched(passage_ids):
                places = select(*PLACE_COLUMNS).where(passages.c.id.in_(batch))
                rows.extend(connection.execute(places.order_by(passages.c.id)).all())
            require_places(rows)
            owners = records_by_id(connection, {row.document_id for row in rows})
            passages_by_id = {}
            for row, text in zip(rows, words_of_passages(connection, rows), strict=True):
                require_place(row, text)
                owner = owners[row.document_id]
                passages_by_id[row.id] = stored_passage(row, text, owner.collection, owner.date)
        versions = {
            one: DocumentVersion(one, record.uri, record.title, record.sha256, record.date)
            for one, record in owners.items()
        }
        return Snapshot(generation, passages_by_id, versions)

    def allowed_documents(self, selection: Selection) -> set[str]:
        with self._reading() as connection:
            values = read_settings(connection)
            if self._filters_sound_at != generation_of(values):
                # What is damaged would not be selected, and nobody would know: once after each change.
                require_filters(connection, values)
                self._filters_sound_at = generation_of(values)
            allowed: set[str] = set()
            for where in selected(selection):
                allowed.update(require_ids(connection.scalars(select(documents.c.id).where(where)).all()))
            return allowed

    def passage_ids(self, document_ids: Iterable[str]) -> NDArray[np.int64]:
        ids: list[int] = []
        with self._reading() as connection:
            for batch in batched(list(document_ids)):
                ids.extend(connection.scalars(select(passages.c.id).where(passages.c.document_id.in_(batch))))
        return np.array(sorted(ids), dtype=np.int64)

    def embedded(self) -> tuple[int, NDArray[np.int64]]:
        with self._reading() as connection:
            generation = generation_of(read_settings(connection))
            ids = connection.scalars(select(passages.c.id).order_by(passages.c.id)).all()
        return generation, np.array(ids, dtype=np.int64)

    def embeddings(self, passage_ids: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        vectors_by_id: dict[int, NDArray[np.float32]] = {}
        with self._reading() as connection:
            for batch in batched(passage_ids):
                query = select(*EMBEDDING_COLUMNS).where(passages.c.id.in_(batch))
                vectors_by_id.update((row.id, vector_of(row)) for row in connection.execute(query))
        return vectors_by_id

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
            now = generation_of(values)
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

    def changing_own_rows(self) -> AbstractContextManager[Connection]:
        raise NotImplementedError

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
                owners = records_by_id(connection, {row.document_id for row in rows})
                texts = texts_by_id(connection, set(owners))
            if not rows:
                return
            stored = []
            for row in rows:
                words = texts[row.document_id][row.start : row.end]
                require_place(row, words)
                owner = owners[row.document_id]
                stored.append(stored_passage(row, words, owner.collection, owner.date))
            vectors = np.stack([vector_of(row) for row in rows])
            last = (rows[-1].generation, rows[-1].id)
            yield np.array([row.id for row in rows], dtype=np.int64), vectors, stored

    def _prepare(self) -> None:
        # An existing store is opened without the write lock, which a long change (re-embedding) may hold.
        with self._reading() as connection:
            tables = set(inspect(connection).get_table_names())
            version = setting_of(connection, "format_version") if settings.name in tables else None
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
                values = stored_settings(connection)
                # Another process may have brought it to this format since the number was read.
                version = values.get("format_version", version)
                if version != str(FORMAT_VERSION) and is_other_format(values, FORMAT_VERSION):
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
            return setting_of(connection, "format_version") or write_first_settings(connection)

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


def write_first_settings(connection: Connection) -> str:
    """Settings of a new catalogue; its format."""
    ledger = Ledger(connection, {})
    ledger.set("format_version", str(FORMAT_VERSION))
    ledger.set("generation", "0")
    ledger.set("store_id", uuid4().hex)
    ledger.finish()
    return str(FORMAT_VERSION)
