"""From documents and passages to the catalogue's rows, and from rows that were checked back to passages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from index.catalogue.integrity.seals import Tally, document_seal, embedding_seal, place_seal, structure_seal
from index.catalogue.integrity.verified import AS_JSON
from index.documents import Document, Passage, StoredPassage

_T = TypeVar("_T")
# SQLite's default limit on variables in a statement is 32766; staying far below keeps statements cacheable.
ID_BATCH = 500


def batched(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """The items, at most ID_BATCH together."""
    for begin in range(0, len(items), ID_BATCH):
        yield items[begin : begin + ID_BATCH]


def document_row(document: Document, tally: Tally) -> dict[str, Any]:
    """The row of a document whose passages come to `tally`."""
    row: dict[str, Any] = document.model_dump(exclude=set(AS_JSON))
    row |= {name: json.dumps(document.model_dump(include={name})[name]) for name in AS_JSON}
    row |= {
        "id": document.id,
        "own_title": int(document.own_title),
        "sha256": document.sha256,
        "indexed_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "characters": len(document.text),
        "structure_seal": structure_seal(row["pages"], row["outline"], row["rows"]),
        "passages": tally.rows,
        "passage_seals": tally.digest,
    }
    return row | {"seal": document_seal(row)}


def passage_rows(
    numbers: Iterable[int],
    document: Document,
    cut: Sequence[Passage],
    vectors: NDArray[np.float32],
    generation: int,
) -> list[dict[str, Any]]:
    """The rows of a document's passages, which get these numbers, one each. `vectors` are (passages, dimensions)."""
    document_id = document.id
    rows: list[dict[str, Any]] = []
    for number, passage, vector in zip(numbers, cut, vectors, strict=True):
        words = document.text[passage.start : passage.end]
        embedding = to_bytes(vector)
        row = {
            "id": number,
            "document_id": document_id,
            "start": passage.start,
            "end": passage.end,
            "context": passage.context,
            "generation": generation,
            "embedding": embedding,
            "embedding_seal": embedding_seal(number, generation, embedding),
        }
        rows.append(row | {"place_seal": place_seal(row, words)})
    return rows


def passage_sums_of(rows: Sequence[Mapping[str, Any]]) -> list[bytes]:
    """What each new passage adds to its document's tally."""
    return [row["place_seal"] + row["embedding_seal"] for row in rows]


def to_bytes(vector: NDArray[np.float32]) -> bytes:
    """An embedding as it is stored: float32, little-endian."""
    return np.ascontiguousarray(vector, dtype="<f4").tobytes()


def stored_passage(row: Any, words: str, collection: str, date: str | None) -> StoredPassage:
    """A row of PLACE_COLUMNS as a passage with its words, which have been held against its seal, and what is known of
    its document."""
    return StoredPassage(
        id=row.id,
        document_id=row.document_id,
        start=row.start,
        end=row.end,
        context=row.context,
        text=words,
        collection=collection,
        date=date,
    )
