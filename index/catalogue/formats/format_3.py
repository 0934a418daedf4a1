"""From format 2 to 3, in either database: every row gets its seal. As any step, it is never changed once released."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from sqlalchemy import Connection, bindparam, column, func, insert, select, table, update

from index.catalogue.integrity.seals import (
    SOURCE_FIELDS,
    Tally,
    document_seal,
    embedding_seal,
    place_seal,
    removal_seal,
    settings_seal,
    source_seal,
    structure_seal,
)
from index.catalogue.schema import Bytes, Words

_BATCH = 500
_documents = table(
    "documents",
    *(
        column(name, Words)
        for name in (
            "id collection uri title media_type text sha256 source_sha256 source "
            "pages outline rows tags date author language indexed_at"
        ).split()
    ),
    *(column(name) for name in ("own_title", "characters", "passages")),
    *(column(name, Bytes) for name in ("structure_seal", "passage_seals", "seal")),
)
_passages = table(
    "passages",
    *(column(name) for name in ("id", "start", "end", "generation")),
    *(column(name, Words) for name in ("document_id", "context")),
    *(column(name, Bytes) for name in ("embedding", "place_seal", "embedding_seal")),
)
_sources = table("sources", *(column(name, Words) for name in SOURCE_FIELDS), column("seal", Bytes))
_removals = table("removals", column("passage_id"), column("generation"))
_settings = table("settings", column("name", Words), column("value", Words))


def statements(bytes_type: str) -> Iterator[str]:
    """The SQL that adds the columns; bytes are of that type."""
    seal = f"{bytes_type} NOT NULL DEFAULT ''"
    yield "ALTER TABLE documents ADD COLUMN characters INTEGER NOT NULL DEFAULT 0"
    yield f"ALTER TABLE documents ADD COLUMN structure_seal {seal}"
    yield "ALTER TABLE documents ADD COLUMN passages INTEGER NOT NULL DEFAULT 0"
    yield f"ALTER TABLE documents ADD COLUMN passage_seals {seal}"
    yield f"ALTER TABLE documents ADD COLUMN seal {seal}"
    yield f"ALTER TABLE sources ADD COLUMN seal {seal}"
    yield f"ALTER TABLE passages ADD COLUMN place_seal {seal}"
    yield f"ALTER TABLE passages ADD COLUMN embedding_seal {seal}"


def seal_rows(connection: Connection) -> None:
    """Give every row its seal, and the settings the tallies.

    What can be seen to be damaged gets none, so that a check tells of it: a text that does not hash to its SHA-256,
    what is no JSON, a passage outside of its text, an embedding that is too short or not a number.
    """
    values = {row.name: row.value for row in connection.execute(select(_settings.c.name, _settings.c.value))}
    if not values:
        return
    dimensions = values.get("dimensions", "")
    size = 4 * int(dimensions) if dimensions.isdecimal() else None
    tallies = {"documents": Tally(), "sources": Tally(), "removals": Tally()}
    for one in list(connection.scalars(select(_documents.c.id).order_by(_documents.c.id))):
        row = connection.execute(select(_documents).where(_documents.c.id == one)).one()
        seal = _seal_document(connection, dict(row._mapping), size)
        tallies["documents"] = tallies["documents"].plus([seal])
    for record in connection.execute(select(*(_sources.c[name] for name in SOURCE_FIELDS))).all():
        seal = source_seal(dict(record._mapping))
        where = (_sources.c.collection == record.collection, _sources.c.uri == record.uri)
        connection.execute(update(_sources).where(*where).values(seal=seal))
        tallies["sources"] = tallies["sources"].plus([seal])
    last = 0
    for removal in connection.execute(select(_removals.c.passage_id, _removals.c.generation)):
        tallies["removals"] = tallies["removals"].plus([removal_seal(removal.passage_id, removal.generation)])
        last = max(last, removal.passage_id)
    last = max(last, connection.scalar(select(func.max(_passages.c.id))) or 0)
    added = {f"tally_{name}": str(tally) for name, tally in tallies.items()} | {"last_passage": str(last)}
    added["seal"] = settings_seal(values | added)
    connection.execute(insert(_settings), [{"name": name, "value": value} for name, value in added.items()])


def _seal_document(connection: Connection, row: dict[str, Any], size: int | None) -> bytes:
    text = row["text"] if isinstance(row["text"], str) else ""
    tally = _seal_passages(connection, row["id"], text, size)
    row |= {
        "characters": len(text),
        "structure_seal": structure_seal(row["pages"], row["outline"], row["rows"]),
        "passages": tally.rows,
        "passage_seals": tally.digest,
    }
    sound = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() == row["sha256"] and _is_json(row)
    # A field of format 6, which is not sealed where it is empty.
    row["seal"] = document_seal(row | {"unread": "[]"}) if sound else b""
    names = ("characters", "structure_seal", "passages", "passage_seals", "seal")
    changed = update(_documents).where(_documents.c.id == row["id"])
    connection.execute(changed.values({name: row[name] for name in names}))
    return bytes(row["seal"])


def _seal_passages(connection: Connection, document_id: str, text: str, size: int | None) -> Tally:
    tally = Tally()
    columns = [each for each in _passages.c if not each.name.endswith("_seal")]
    after = -1
    changed = update(_passages).where(_passages.c.id == bindparam("number"))
    changed = changed.values(place_seal=bindparam("place"), embedding_seal=bindparam("vector"))
    while True:
        query = select(*columns).where(_passages.c.document_id == document_id, _passages.c.id > after)
        rows = connection.execute(query.order_by(_passages.c.id).limit(_BATCH)).all()
        if not rows:
            return tally
        new = []
        for row in rows:
            place = vector = b""
            if isinstance(row.start, int) and isinstance(row.end, int) and 0 <= row.start < row.end <= len(text):
                words = text[row.start : row.end]
                place = place_seal(dict(row._mapping), words)
            if _is_vector(row.embedding, size):
                vector = embedding_seal(row.id, row.generation, row.embedding)
            new.append({"number": row.id, "place": place, "vector": vector})
            tally = tally.plus([place + vector])
        connection.execute(changed, new)
        after = rows[-1].id


def _is_json(row: dict[str, Any]) -> bool:
    try:
        return all(isinstance(json.loads(row[name]), list) for name in ("pages", "outline", "rows", "tags"))
    except (TypeError, ValueError, RecursionError):
        return False


def _is_vector(embedding: object, size: int | None) -> bool:
    if not isinstance(embedding, bytes) or len(embedding) % 4 or size not in (None, len(embedding)):
        return False
    return bool(np.isfinite(np.frombuffer(embedding, dtype="<f4")).all())
