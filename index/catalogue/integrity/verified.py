"""Rows of the catalogue as they were written, or DamageError: nothing is believed before its seal was compared.

Messages name documents by URI and id, never by words of theirs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from sqlalchemy import Connection, func, select

from index.catalogue.integrity.ledger import read_settings, tally_in
from index.catalogue.integrity.seals import (
    RECORD_FIELDS,
    Tally,
    document_seal,
    embedding_seal,
    place_seal,
    source_seal,
    structure_seal,
)
from index.catalogue.schema import document_tags, documents, passages, sources
from index.documents import Document, DocumentRecord, Passage, text_sha256
from index.errors import DamageError

_T = TypeVar("_T")
AS_JSON = ("pages", "outline", "rows", "tags", "unread")
# All that is known of a document but its text and its structure.
RECORD_COLUMNS = (*(documents.c[name] for name in RECORD_FIELDS), documents.c.seal)
PLACE_COLUMNS = (
    passages.c.id,
    passages.c.document_id,
    passages.c.start,
    passages.c.end,
    passages.c.context,
    passages.c.place_seal,
)
EMBEDDING_COLUMNS = (passages.c.id, passages.c.generation, passages.c.embedding, passages.c.embedding_seal)
_REPAIR = "qa store check says what is damaged and what mends it"
_MOST_SHOWN = 200
# How many documents are held against their seals before any is selected by a filter: some 10 microseconds each.
FILTERED_AT_MOST = 20_000


def document_name(row: Any) -> str:
    """A document's URI and id for a message, as far as its row tells them."""
    uri, document_id = shown(row.uri), shown(row.id)
    return f"the document {uri} ({document_id})" if uri else f"the document {document_id}"


def shown(value: object) -> str:
    """A URI or an id that may be damaged, on one line."""
    if not isinstance(value, str):
        return "?"
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in value[:_MOST_SHOWN])


def again(document_id: object) -> str:
    """What brings a damaged document back."""
    return f"remove it, qa documents remove {shown(document_id)}, and index its source again: qa index PATH"


def is_sealed(row: Any) -> bool:
    """Whether the row of a document is as it was written, text and structure apart."""
    try:
        return bool(row.seal == document_seal(row._mapping))
    except TypeError:
        return False


def require_sealed(row: Any) -> None:
    """Raise DamageError unless the row of a document is as it was written, text and structure apart."""
    if not is_sealed(row):
        raise DamageError(f"what is stored of {document_name(row)} is damaged: {again(row.id)}")


def record_of(row: Any) -> DocumentRecord:
    """A row of RECORD_COLUMNS as a record."""
    require_sealed(row)
    return _made(row, lambda: DocumentRecord.model_validate(_unpacked(row)))


def document_of(row: Any) -> Document:
    """A whole row of `documents` as a document."""
    require_sealed(row)
    try:
        structure = structure_seal(row.pages, row.outline, row.rows)
    except TypeError:
        structure = b""
    if structure != row.structure_seal:
        raise DamageError(f"pages, headings or rows of {document_name(row)} are damaged: {again(row.id)}")
    require_text(row)
    return _made(row, lambda: Document.model_validate(_unpacked(row)))


def require_text(row: Any) -> None:
    """Raise DamageError unless the text of a document's row is the one that was stored."""
    if not isinstance(row.text, str) or text_sha256(row.text) != row.sha256:
        raise DamageError(
            f"the text of {document_name(row)} is damaged, it does not hash to the SHA-256 that was stored with it: "
            f"{again(row.id)}"
        )


def _made(row: Any, make: Callable[[], _T]) -> _T:
    try:
        return make()
    except (ValidationError, ValueError, RecursionError):
        # What they say quotes the value, and a log may show what came before an error.
        raise DamageError(f"what is stored of {document_name(row)} makes no document: {again(row.id)}") from None


def _unpacked(row: Any) -> dict[str, Any]:
    fields = dict(row._mapping)
    return fields | {name: json.loads(fields[name]) for name in AS_JSON if name in fields}


def require_places(rows: Iterable[Any]) -> None:
    """Raise DamageError unless the places of these passages can be looked up at all."""
    for row in rows:
        if not (isinstance(row.document_id, str) and isinstance(row.start, int) and isinstance(row.end, int)):
            raise _passage_damage(row)


def has_place(row: Any, words: object) -> bool:
    """Whether a passage, a row of PLACE_COLUMNS, stands where it was put, with the words that it had."""
    try:
        return isinstance(words, str) and bool(row.place_seal == place_seal(row._mapping, words))
    except TypeError:
        return False


def require_place(row: Any, words: str) -> None:
    """Raise DamageError unless a passage stands where it was put, with the words that it had."""
    if not has_place(row, words):
        raise _passage_damage(row)


def _passage_damage(row: Any) -> DamageError:
    return DamageError(
        f"the passage {row.id} of the document {shown(row.document_id)} is damaged, its place or its words are not "
        f"what was stored; {_REPAIR}"
    )


def cut_of(row: Any, words: str) -> Passage:
    """A row of PLACE_COLUMNS as the passage that was cut."""
    require_place(row, words)
    return Passage(start=row.start, end=row.end, context=row.context)


def has_embedding(row: Any) -> bool:
    """Whether an embedding, a row of EMBEDDING_COLUMNS, is the one that was stored."""
    try:
        return bool(row.embedding_seal == embedding_seal(row.id, row.generation, row.embedding))
    except TypeError:
        return False


def vector_of(row: Any) -> NDArray[np.float32]:
    """The embedding of a row of EMBEDDING_COLUMNS, (dimensions,)."""
    if not has_embedding(row):
        raise DamageError(f"the embedding of the passage {row.id} is damaged; {_REPAIR}")
    return np.frombuffer(row.embedding, dtype="<f4")


def passage_sums(rows: Iterable[Any]) -> list[bytes]:
    """What each passage adds to its document's tally: rows with both seals, as stored."""
    return [summed_seal(row.place_seal, row.embedding_seal) for row in rows]


def summed_seal(place: object, embedding: object) -> bytes:
    """Both seals of a passage as one; a damaged one counts as none."""
    return (place if isinstance(place, bytes) else b"") + (embedding if isinstance(embedding, bytes) else b"")


def require_source(row: Any) -> None:
    """Raise DamageError unless the record of an indexed file is as it was written."""
    try:
        same = row.seal == source_seal(row._mapping)
    except TypeError:
        same = False
    if not same:
        raise DamageError(
            f"the record of the indexed file {shown(row.uri)} is damaged: qa store repair drops it, so that the file "
            "is read again"
        )


def require_ids(ids: Sequence[object]) -> list[str]:
    """The ids of documents, all of them text. Raises DamageError."""
    texts = [one for one in ids if isinstance(one, str)]
    if len(texts) < len(ids):
        raise DamageError(f"the id of a document is damaged; {_REPAIR}")
    return texts


def require_complete(connection: Connection, values: dict[str, str]) -> None:
    """Raise DamageError where documents or passages are missing, or are there that nobody put there, by their counts.

    `values` are the settings.
    """
    counted = select(func.count(), func.coalesce(func.sum(documents.c.passages), 0)).select_from(documents)
    rows, wanted = connection.execute(counted).one()
    there = connection.scalar(select(func.count()).select_from(passages))
    if rows != tally_in(values, "documents").rows or there != wanted:
        raise DamageError(f"documents or passages of the store are missing; {_REPAIR}")


def require_all(row: Any, rows: Sequence[Any]) -> None:
    """Raise DamageError unless these are all passages of a document and no others, by its row."""
    tally = Tally().plus(passage_sums(rows))
    if (tally.rows, tally.digest) != (row.passages, row.passage_seals):
        raise DamageError(f"passages of {document_name(row)} are missing, or not its own; {_REPAIR}")


def remains_of(row: Any) -> DocumentRecord:
    """A row of RECORD_COLUMNS as far as it can be read: for whoever removes it."""
    fields = {
        name: value if isinstance(value := row._mapping[name], str) else "?"
        for name in ("id", "uri", "title", "sha256", "media_type", "indexed_at", "collection")
    }
    counts = {name: value if isinstance(value := row._mapping[name], int) else 0 for name in ("characters", "passages")}
    return DocumentRecord.model_validate({**fields, **counts})


def require_found(row: Any, ids: Collection[str]) -> None:
    """Raise DamageError unless a document that was looked up by these ids is one of them: an index may be damaged."""
    if row.id not in ids:
        raise DamageError(f"an index of the database finds {document_name(row)} under another id; {_REPAIR}")


def require_count(records: Collection[DocumentRecord], values: dict[str, str]) -> None:
    """Raise DamageError unless these are as many as all documents; `values` are the settings."""
    wanted = tally_in(values, "documents").rows
    if len({record.id for record in records}) != wanted:
        raise DamageError(f"{len(records)} documents of the store are found, and {wanted} were put there; {_REPAIR}")


def all_sources(connection: Connection) -> Sequence[Any]:
    """The records of all indexed files, by no index, which may be damaged. Raises DamageError where one is missing."""
    rows = connection.execute(select(sources)).all()
    for row in rows:
        require_source(row)
    wanted = tally_in(read_settings(connection), "sources").rows
    if len(rows) != wanted:
        raise DamageError(f"there are records of {len(rows)} indexed files, and must be of {wanted}; {_REPAIR}")
    return rows


def require_filters(connection: Connection, values: dict[str, str]) -> None:
    """Raise DamageError unless all that documents are selected by is as it was written.

    Of a catalogue of more than FILTERED_AT_MOST documents nothing is looked at: it would take too long.
    """
    wanted = tally_in(values, "documents").rows
    if wanted > FILTERED_AT_MOST:
        return
    tags: set[tuple[str, str]] = set()
    rows = connection.execute(select(*RECORD_COLUMNS)).all()
    for row in rows:
        require_sealed(row)
        tags.update((row.id, tag) for tag in json.loads(row.tags))
    noted = connection.execute(select(document_tags.c.document_id, document_tags.c.tag)).all()
    sound = ["ok"]
    if connection.dialect.name == "sqlite":
        # The index by which tags are looked up may be what is damaged.
        sound = list(connection.exec_driver_sql("PRAGMA integrity_check(document_tags)").scalars())
    if len(rows) != wanted or {tuple(row) for row in noted} != tags or sound != ["ok"]:
        raise DamageError(f"documents, or tags by which they are found, are missing; {_REPAIR}")
