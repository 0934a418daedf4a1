"""What is read of the catalogue's tables: statements that both databases share, and rows held against their seals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select, true

from index.catalogue.integrity.verified import RECORD_COLUMNS, again, document_of, record_of, require_found, shown
from index.catalogue.rows import batched
from index.catalogue.schema import Words, document_tags, documents, passages, settings
from index.documents import Document, DocumentRecord
from index.errors import DamageError
from index.selection import DAY_LENGTH, EARLIEST, LATEST, Selection

# Every slice walks its document's text from the beginning: of a document with more of them, one reads it whole.
SLICES_A_DOCUMENT = 4


def setting_of(connection: Connection, name: str) -> str | None:
    return connection.scalar(select(settings.c.value).where(settings.c.name == name))


def generation_of(values: Mapping[str, str]) -> int:
    return int(values.get("generation", "0"))


def begins_with(column: Any, prefix: str) -> ColumnElement[bool]:
    # Not LIKE, which takes upper and lower case for the same in SQLite.
    return true() if not prefix else func.substr(column, 1, len(prefix)) == prefix


def selected(selection: Selection) -> list[ColumnElement[bool]]:
    """Conditions that together are met by the selected documents: one for each batch of ids that were named."""
    where = [begins_with(documents.c.uri, selection.uri_prefix)]
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


def documents_by_id(connection: Connection, ids: Sequence[str]) -> dict[str, Document]:
    by_id: dict[str, Document] = {}
    for batch in batched(ids):
        for row in connection.execute(select(documents).where(documents.c.id.in_(batch))):
            require_found(row, batch)
            by_id[row.id] = document_of(row)
    return by_id


def record_rows_by_id(connection: Connection, ids: Collection[str]) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for batch in batched(list(ids)):
        for row in connection.execute(select(*RECORD_COLUMNS).where(documents.c.id.in_(batch))):
            require_found(row, batch)
            rows[row.id] = row
    return rows


def records_by_id(connection: Connection, ids: Collection[str]) -> dict[str, DocumentRecord]:
    """Those of these documents, all of which must be there."""
    records = {one: record_of(row) for one, row in record_rows_by_id(connection, ids).items()}
    if missing := set(ids) - set(records):
        raise DamageError(f"the document {shown(min(missing))} is missing, of which there are passages: qa store check")
    return records


def words_of_passages(connection: Connection, rows: Sequence[Any]) -> list[str]:
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
    texts = texts_by_id(connection, whole)
    return [texts[row.document_id][row.start : row.end] if row.document_id in texts else slices[row.id] for row in rows]


def texts_by_id(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for batch in batched(list(ids)):
        rows = connection.execute(select(documents.c.id, documents.c.text).where(documents.c.id.in_(batch)))
        for row in rows:
            if not isinstance(row.text, str):
                raise DamageError(f"the text of the document {row.id} is damaged: {again(row.id)}")
            texts[row.id] = row.text
    return texts
