"""Whether a catalogue's rows fit together: what SQL constraints alone cannot promise of a file that was damaged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import ValidationError
from sqlalchemy import Connection, func, inspect, select

from index.documents import Document
from index.keys import damaged_keys
from index.schema import audit, document_tags, documents, key_use, keys, passages, removals

_ROWS_AT_ONCE = 50
_VECTORS_AT_ONCE = 4_000
# More findings of one kind say nothing new.
MAX_PROBLEMS = 100


def catalogue_problems(connection: Connection, unpacked: Any, generation: int, dimensions: int | None) -> Iterator[str]:
    """What is wrong with documents, passages and embeddings, a sentence each, at most MAX_PROBLEMS of a kind.

    `unpacked` turns a row of `documents` into the fields of a Document; `generation` and `dimensions` are the
    catalogue's. Everything is read, in bounded memory.
    """
    missing = {table.name for table in (documents, passages, removals, document_tags, keys, audit, key_use)}
    missing -= set(inspect(connection).get_table_names())
    if missing:
        yield f"the tables {', '.join(sorted(missing))} are missing"
        return
    lengths: dict[str, int] = {}
    for kind in (
        _documents(connection, unpacked, lengths),
        _passages(connection, lengths, generation),
        _embeddings(connection, dimensions),
        _rows_beside(connection),
        _keys(connection),
    ):
        for number, problem in enumerate(kind):
            if number == MAX_PROBLEMS:
                yield "and more of the same kind"
                break
            yield problem


def _documents(connection: Connection, unpacked: Any, lengths: dict[str, int]) -> Iterator[str]:
    """Problems of documents; fills `lengths` with the code points of each one's text."""
    for row in connection.execute(select(documents).execution_options(yield_per=_ROWS_AT_ONCE)):
        try:
            document = Document.model_validate(unpacked(row))
        except (ValidationError, ValueError) as error:
            reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            yield f"the document {row.id} ({row.uri}) cannot be read: {reason}"
            continue
        lengths[row.id] = size = len(document.text)
        if document.id != row.id:
            yield f"the document {row.id} has the URI of another, {row.uri}"
        if document.sha256 != row.sha256:
            yield f"the text of the document {row.id} ({row.uri}) is not the one that was stored: its hash differs"
        spans = [(page.start, page.end) for page in document.pages] + [(own.start, own.end) for own in document.rows]
        spans += [(heading.start, heading.start) for heading in document.outline]
        if any(not 0 <= start <= end <= size for start, end in spans):
            yield f"pages, rows or headings of the document {row.id} ({row.uri}) lie outside of its text"


def _passages(connection: Connection, lengths: dict[str, int], generation: int) -> Iterator[str]:
    columns = (passages.c.id, passages.c.document_id, passages.c.start, passages.c.end, passages.c.generation)
    for row in connection.execute(select(*columns).execution_options(yield_per=_VECTORS_AT_ONCE)):
        size = lengths.get(row.document_id)
        if size is None:
            yield f"the passage {row.id} belongs to no readable document ({row.document_id})"
        elif not 0 <= row.start < row.end <= size:
            yield f"the passage {row.id} [{row.start}, {row.end}) lies outside of its document {row.document_id}"
        if row.generation > generation:
            yield f"the passage {row.id} is of generation {row.generation}, the catalogue only of {generation}"


def _embeddings(connection: Connection, dimensions: int | None) -> Iterator[str]:
    query = select(passages.c.id, passages.c.embedding).execution_options(yield_per=_VECTORS_AT_ONCE)
    for row in connection.execute(query):
        if dimensions is None or len(row.embedding) != 4 * dimensions:
            yield f"the embedding of the passage {row.id} has {len(row.embedding)} bytes, not 4 x {dimensions}"
        elif not np.isfinite(np.frombuffer(row.embedding, dtype="<f4")).all():
            yield f"the embedding of the passage {row.id} holds what is not a number"


def _rows_beside(connection: Connection) -> Iterator[str]:
    back = select(func.count()).select_from(removals.join(passages, removals.c.passage_id == passages.c.id))
    if count := connection.scalar(back):
        yield f"{count} passages are there that are noted as removed"
    orphans = select(func.count()).where(document_tags.c.document_id.not_in(select(documents.c.id)))
    if count := connection.scalar(orphans):
        yield f"{count} tags belong to no document"


def _keys(connection: Connection) -> Iterator[str]:
    for key in damaged_keys(connection):
        yield f"the API key {key.id} is not what was written: it opens nothing"
