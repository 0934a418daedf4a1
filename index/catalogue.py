"""The catalogue: the truth about documents, passages and embeddings, in SQLite through SQLAlchemy."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    delete,
    event,
    func,
    insert,
    inspect,
    literal,
    select,
    update,
)
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import QueuePool

from index.documents import Document, DocumentRecord, Page, Passage, StoredPassage
from index.errors import StoreError
from index.schema import FORMAT_VERSION, documents, metadata, passages, removals, settings

BUSY_TIMEOUT_MS = 30_000
_T = TypeVar("_T")
# SQLite's default limit on variables in a statement is 32766; staying far below keeps statements cacheable.
ID_BATCH = 500


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

    def generation(self) -> int: ...

    def put(self, document: Document, cut: Sequence[Passage], vectors: NDArray[np.float32]) -> bool:
        """Add or replace a document in one transaction; False where the same version is already there."""
        ...

    def remove(self, document_id: str) -> bool: ...

    def version_of(self, document_id: str) -> str | None:
        """SHA-256 of the stored text, None for an unknown document."""
        ...

    def document(self, document_id: str) -> Document | None: ...

    def records(self, *, limit: int | None = None, offset: int = 0) -> list[DocumentRecord]: ...

    def record(self, document_id: str) -> DocumentRecord | None: ...

    def counts(self) -> tuple[int, int]:
        """How many documents and passages."""
        ...

    def snapshot(self, passage_ids: Sequence[int]) -> Snapshot:
        """The passages that still exist and their documents, read in one transaction."""
        ...

    def allowed_documents(self, document_ids: Sequence[str], uri_prefix: str) -> set[str]: ...

    def passage_ids(self, document_ids: Iterable[str]) -> NDArray[np.int64]:
        """Ids of all passages of these documents, ascending."""
        ...

    def changes_since(self, generation: int) -> Changes: ...

    def re_embed(self, embed: Callable[[list[str]], NDArray[np.float32]], values: dict[str, str]) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Passages by id and their documents by id, of one moment."""

    generation: int
    passages: dict[int, StoredPassage]
    documents: dict[str, Document]


class SqliteCatalogue:
    """The catalogue in a SQLite file in WAL mode: many readers, one writer at a time, a transaction a change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine = _engine(path)
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

    def generation(self) -> int:
        with self._reading() as connection:
            return _generation(connection)

    def put(self, document: Document, cut: Sequence[Passage], vectors: NDArray[np.float32]) -> bool:
        if len(cut) != len(vectors):
            raise ValueError(f"{len(cut)} passages but {len(vectors)} vectors")
        with self._writing() as connection:
            known = _record(connection, document.id)
            if known is not None and known.holds(document):
                return False
            generation = _raise_generation(connection)
            if known is not None:
                _remove(connection, document.id, generation)
            connection.execute(insert(documents), _document_row(document))
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

    def remove(self, document_id: str) -> bool:
        with self._writing() as connection:
            if connection.scalar(select(documents.c.id).where(documents.c.id == document_id)) is None:
                return False
            _remove(connection, document_id, _raise_generation(connection))
        return True

    def version_of(self, document_id: str) -> str | None:
        with self._reading() as connection:
            return connection.scalar(select(documents.c.sha256).where(documents.c.id == document_id))

    def document(self, document_id: str) -> Document | None:
        with self._reading() as connection:
            return _documents(connection, [document_id]).get(document_id)

    def records(self, *, limit: int | None = None, offset: int = 0) -> list[DocumentRecord]:
        with self._reading() as connection:
            query = _record_query().order_by(documents.c.uri).limit(limit).offset(offset)
            return [DocumentRecord.model_validate(dict(row._mapping)) for row in connection.execute(query)]

    def record(self, document_id: str) -> DocumentRecord | None:
        with self._reading() as connection:
            return _record(connection, document_id)

    def counts(self) -> tuple[int, int]:
        with self._reading() as connection:
            of_documents = connection.scalar(select(func.count()).select_from(documents)) or 0
            of_passages = connection.scalar(select(func.count()).select_from(passages)) or 0
            return of_documents, of_passages

    def snapshot(self, passage_ids: Sequence[int]) -> Snapshot:
        with self._reading() as connection:
            generation = _generation(connection)
            rows: list[Any] = []
            for batch in _batched(passage_ids):
                query = select(
                    passages.c.id, passages.c.document_id, passages.c.start, passages.c.end, passages.c.context
                ).where(passages.c.id.in_(batch))
                rows.extend(connection.execute(query).all())
            owners = _documents(connection, list({row.document_id for row in rows}))
            found = {row.id: _stored(row, owners[row.document_id].text) for row in rows}
            return Snapshot(generation, found, owners)

    def allowed_documents(self, document_ids: Sequence[str], uri_prefix: str) -> set[str]:
        with self._reading() as connection:
            query = select(documents.c.id)
            if uri_prefix:
                # Not LIKE, which takes upper and lower case for the same in SQLite.
                query = query.where(func.substr(documents.c.uri, 1, len(uri_prefix)) == uri_prefix)
            if not document_ids:
                return set(connection.scalars(query))
            allowed: set[str] = set()
            for batch in _batched(document_ids):
                allowed.update(connection.scalars(query.where(documents.c.id.in_(batch))))
            return allowed

    def passage_ids(self, document_ids: Iterable[str]) -> NDArray[np.int64]:
        found: list[int] = []
        with self._reading() as connection:
            for batch in _batched(list(document_ids)):
                found.extend(connection.scalars(select(passages.c.id).where(passages.c.document_id.in_(batch))))
        return np.array(sorted(found), dtype=np.int64)

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
                    select(passages, documents.c.text)
                    .join(documents, documents.c.id == passages.c.document_id)
                    .where(passages.c.id.in_(batch))
                ).all()
                stored = [_stored(row, row.text) for row in rows]
                vectors = embed([embedding_text(passage.context, passage.text) for passage in stored])
                for passage, vector in zip(stored, vectors, strict=True):
                    connection.execute(
                        update(passages)
                        .where(passages.c.id == passage.id)
                        .values(embedding=_to_bytes(vector), generation=generation)
                    )
            for name, value in values.items():
                _set(connection, name, value)

    def close(self) -> None:
        self._engine.dispose()

    def _added(
        self, generation: int, upto: int
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32], list[StoredPassage]]]:
        last = 0
        while True:
            with self._reading() as connection:
                rows = connection.execute(
                    select(passages)
                    .where(passages.c.generation > generation, passages.c.generation <= upto, passages.c.id > last)
                    .order_by(passages.c.id)
                    .limit(ID_BATCH)
                ).all()
                texts = _texts(connection, {row.document_id for row in rows})
            if not rows:
                return
            last = rows[-1].id
            ids = np.array([row.id for row in rows], dtype=np.int64)
            vectors = np.stack([np.frombuffer(row.embedding, dtype="<f4") for row in rows])
            yield ids, vectors, [_stored(row, texts[row.document_id]) for row in rows]

    def _prepare(self) -> None:
        # An existing store is opened without the write lock, which a long change (re-embedding) may hold.
        with self._reading() as connection:
            known = inspect(connection).has_table(settings.name)
            version = _setting(connection, "format_version") if known else None
        if version is None:
            with self._writing() as connection:
                metadata.create_all(connection)
                version = _setting(connection, "format_version")
                if version is None:
                    version = str(FORMAT_VERSION)
                    _set(connection, "format_version", version)
                    _set(connection, "generation", "0")
                    _set(connection, "store_id", uuid4().hex)
        if not version.isdecimal() or int(version) > FORMAT_VERSION:
            raise StoreError(
                f"the store {self._path.parent} was written by a newer version of spanqa (format {version}, this one "
                f"reads up to {FORMAT_VERSION}); upgrade spanqa or name another --store"
            )

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._translated(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._translated(), self._engine.connect() as fresh:
            # Asking for the write lock at once: a transaction that reads first and writes later can fail half-way.
            connection = fresh.execution_options(immediate=True)
            with connection.begin():
                yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeoutError as error:
            raise StoreError(f"the store {self._path.parent} is too busy; try again later") from error
        except OperationalError as error:
            raise StoreError(f"the store {self._path.parent} cannot be used: {error.orig}") from error
        except DatabaseError as error:
            raise StoreError(
                f"{self._path} is not a sound catalogue ({error.orig}); restore a backup or index into another --store"
            ) from error


def embedding_text(context: str, text: str) -> str:
    """What of a passage is embedded: the headings it stands under, then its words."""
    return f"{context}\n{text}" if context else text


def _engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
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


def _remove(connection: Connection, document_id: str, generation: int) -> None:
    gone = select(passages.c.id, literal(generation)).where(passages.c.document_id == document_id)
    connection.execute(insert(removals).from_select(["passage_id", "generation"], gone))
    connection.execute(delete(passages).where(passages.c.document_id == document_id))
    connection.execute(delete(documents).where(documents.c.id == document_id))


def _document_row(document: Document) -> dict[str, object]:
    return {
        "id": document.id,
        "uri": document.uri,
        "title": document.title,
        "own_title": int(document.own_title),
        "media_type": document.media_type,
        "text": document.text,
        "sha256": document.sha256,
        "source_sha256": document.source_sha256,
        "pages": json.dumps([page.model_dump() for page in document.pages]),
        "indexed_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _documents(connection: Connection, ids: Iterable[str]) -> dict[str, Document]:
    found: dict[str, Document] = {}
    for batch in _batched(list(ids)):
        for row in connection.execute(select(documents).where(documents.c.id.in_(batch))):
            found[row.id] = Document(
                uri=row.uri,
                title=row.title,
                own_title=bool(row.own_title),
                text=row.text,
                media_type=row.media_type,
                source_sha256=row.source_sha256,
                pages=tuple(Page.model_validate(page) for page in json.loads(row.pages)),
            )
    return found


def _texts(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for batch in _batched(list(ids)):
        rows = connection.execute(select(documents.c.id, documents.c.text).where(documents.c.id.in_(batch)))
        found.update((row.id, row.text) for row in rows)
    return found


def _record(connection: Connection, document_id: str) -> DocumentRecord | None:
    row = connection.execute(_record_query().where(documents.c.id == document_id)).first()
    return DocumentRecord.model_validate(dict(row._mapping)) if row else None


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
    )


def _stored(row: Any, text: str) -> StoredPassage:
    return StoredPassage(
        id=row.id,
        document_id=row.document_id,
        start=row.start,
        end=row.end,
        context=row.context,
        text=text[row.start : row.end],
    )


def _to_bytes(vector: NDArray[np.float32]) -> bytes:
    return np.ascontiguousarray(vector, dtype="<f4").tobytes()


def _batched(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for begin in range(0, len(items), ID_BATCH):
        yield items[begin : begin + ID_BATCH]
