"""Whether a catalogue's rows are what was written: every one is read, and held against its seal and the tallies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from sqlalchemy import Connection, inspect, select
from sqlalchemy.exc import DatabaseError

from index.catalogue.integrity.ledger import Tallied, read_settings, tally_in
from index.catalogue.integrity.seals import Tally, removal_seal
from index.catalogue.integrity.verified import (
    document_name,
    document_of,
    has_embedding,
    has_place,
    is_sealed,
    require_source,
    require_text,
    shown,
    summed_seal,
)
from index.catalogue.key_tally import lost_keys
from index.catalogue.keys import damaged_keys
from index.catalogue.schema import (
    audit,
    document_tags,
    documents,
    key_tally,
    key_use,
    keys,
    passages,
    removals,
    settings,
    sources,
)
from index.errors import DamageError

_TABLES = (settings, documents, passages, removals, sources, document_tags, keys, key_tally, audit, key_use)
_ROWS_AT_ONCE = 50
_PASSAGES_AT_ONCE = 1_000
# More findings of one kind say nothing new.
MAX_PROBLEMS = 100


class Damage(StrEnum):
    """What of a store is damaged."""

    PAGES = "pages of the file"
    DATABASE_INDEXES = "indexes of the database"
    SETTINGS = "settings"
    DOCUMENT = "document"
    TEXT = "text"
    MISSING = "missing documents"
    PASSAGES = "passages"
    EMBEDDINGS = "embeddings"
    TAGS = "tags"
    FILES = "records of files"
    REMOVALS = "notes of removals"
    KEYS = "API keys"
    LOST_KEYS = "lost API keys"
    SEARCH_INDEXES = "search indexes"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it was written. `subject` is the id of the document it is about, "" for none."""

    kind: Damage
    what: str
    subject: str = ""


@dataclass(slots=True)
class _Seen:
    """What was come across on the way."""

    documents: Tally = field(default_factory=Tally)
    unsealed: bool = False
    generation: int | None = None
    dimensions: int | None = None


def catalogue_problems(connection: Connection) -> Iterator[Problem]:
    """What is damaged in settings, documents, passages, embeddings, tags, records of files and notes of removals.

    At most MAX_PROBLEMS of a kind. All is read, in bounded memory; what the database cannot read is told as well.
    """
    counted: Counter[Damage] = Counter()
    for problem in _problems(connection):
        counted[problem.kind] += 1
        if counted[problem.kind] <= MAX_PROBLEMS:
            yield problem
        elif counted[problem.kind] == MAX_PROBLEMS + 1:
            yield Problem(problem.kind, "and more of the same kind")


def _problems(connection: Connection) -> Iterator[Problem]:
    missing = {table.name for table in _TABLES}
    missing -= set(inspect(connection).get_table_names())
    if missing:
        yield Problem(Damage.PAGES, f"the tables {', '.join(sorted(missing))} are missing")
        return
    try:
        values: dict[str, str] | None = read_settings(connection)
    except DamageError as error:
        values = None
        yield Problem(Damage.SETTINGS, str(error).partition(";")[0])
    seen = _Seen()
    if values is not None:
        seen.generation = int(values.get("generation", "0"))
        seen.dimensions = int(values["dimensions"]) if "dimensions" in values else None
    for part in (
        _documents(connection, seen),
        _orphans(connection),
        _files(connection, values),
        _removals(connection, values),
        _keys(connection),
    ):
        try:
            yield from part
        except DatabaseError as error:
            yield Problem(Damage.PAGES, f"rows of the catalogue cannot be read ({type(error.orig).__name__})")
    # The seal of a document that is damaged may be what is damaged: then only the count tells of others.
    if values is not None and not (seen.unsealed and seen.documents.rows == tally_in(values, "documents").rows):
        yield from _against(values, "documents", seen.documents, Damage.MISSING, "documents")


def _documents(connection: Connection, seen: _Seen) -> Iterator[Problem]:
    """Problems of documents, each with its passages and tags."""
    after = ""
    while True:
        query = select(documents.c.id).where(documents.c.id > after).order_by(documents.c.id).limit(_ROWS_AT_ONCE)
        ids = list(connection.scalars(query))
        if not ids:
            return
        if not all(isinstance(one, str) for one in ids):
            yield Problem(Damage.DOCUMENT, "the id of a document is damaged")
            return
        try:
            rows = _batch(connection, ids)
        except DatabaseError:
            rows = {}
        for one in ids:
            try:
                row = rows.get(one) or _batch(connection, [one]).get(one)
                if row is None:
                    yield Problem(Damage.DATABASE_INDEXES, f"the document {shown(one)} is only in an index", one)
                else:
                    yield from _document(connection, row, seen)
            except DatabaseError as error:
                reason = type(error.orig).__name__
                yield Problem(Damage.PAGES, f"the document {shown(one)} cannot be read ({reason})", one)
        after = ids[-1]


def _batch(connection: Connection, ids: list[str]) -> dict[str, Any]:
    return {row.id: row for row in connection.execute(select(documents).where(documents.c.id.in_(ids)))}


def _document(connection: Connection, row: Any, seen: _Seen) -> Iterator[Problem]:
    document_id, name = row.id, document_name(row)
    seen.documents = seen.documents.plus([row.seal if isinstance(row.seal, bytes) else b""])
    sealed = is_sealed(row)
    text_problem = None
    if not sealed:
        seen.unsealed = True
        yield Problem(Damage.DOCUMENT, f"what is stored of {name} is not what was written", document_id)
    try:
        require_text(row)
    except DamageError:
        text_problem = f"the text of {name} is not the one that was stored: its hash differs"
        # Its hash may be what is damaged: one of the two is enough to say.
        if sealed or not isinstance(row.text, str):
            yield Problem(Damage.TEXT, text_problem, document_id)
    if sealed and text_problem is None:
        try:
            document = document_of(row)
        except DamageError:
            yield Problem(Damage.DOCUMENT, f"pages, headings or rows of {name} are not what was written", document_id)
        else:
            if document.id != document_id:
                yield Problem(Damage.DOCUMENT, f"{name} has the id of another", document_id)
            query = select(document_tags.c.tag).where(document_tags.c.document_id == document_id)
            if sorted(map(str, connection.scalars(query))) != sorted(document.tags):
                yield Problem(Damage.TAGS, f"the tags by which {name} is found are not its own", document_id)
    yield from _passages(connection, row, seen, sealed=sealed, sound_text=text_problem is None)


def _passages(connection: Connection, row: Any, seen: _Seen, *, sealed: bool, sound_text: bool) -> Iterator[Problem]:
    """Problems of a document's passages; of their places only where its text tells them."""
    document_id, name = row.id, document_name(row)
    tally = Tally()
    places = embeddings = 0
    query = select(passages).where(passages.c.document_id == document_id).order_by(passages.c.id)
    for passage in connection.execute(query.execution_options(yield_per=_PASSAGES_AT_ONCE)):
        tally = tally.plus([summed_seal(passage.place_seal, passage.embedding_seal)])
        if sound_text:
            there = isinstance(passage.start, int) and isinstance(passage.end, int)
            places += not (there and has_place(passage, row.text[passage.start : passage.end]))
        embeddings += not (has_embedding(passage) and _is_vector(passage, seen))
    if places:
        yield Problem(Damage.PASSAGES, f"{places} passages of {name} are not what was written", document_id)
    if embeddings:
        yield Problem(Damage.EMBEDDINGS, f"{embeddings} embeddings of {name} are not what was written", document_id)
    if sealed and not places and not embeddings and (tally.rows, tally.digest) != (row.passages, row.passage_seals):
        yield Problem(
            Damage.PASSAGES, f"{name} has {tally.rows} passages, not the {row.passages} put there", document_id
        )


def _is_vector(passage: Any, seen: _Seen) -> bool:
    if seen.generation is not None and passage.generation > seen.generation:
        return False
    if seen.dimensions is not None and len(passage.embedding) != 4 * seen.dimensions:
        return False
    return len(passage.embedding) % 4 == 0 and bool(np.isfinite(np.frombuffer(passage.embedding, dtype="<f4")).all())


def _orphans(connection: Connection) -> Iterator[Problem]:
    """What belongs to a document that is not there."""
    for table, kind in ((passages, Damage.PASSAGES), (document_tags, Damage.TAGS)):
        lost = select(table.c.document_id).where(table.c.document_id.not_in(select(documents.c.id))).distinct()
        for one in connection.scalars(lost.limit(MAX_PROBLEMS)):
            yield Problem(kind, f"{table.name} belong to a document that is not there, {shown(one)}", "")


def _files(connection: Connection, values: dict[str, str] | None) -> Iterator[Problem]:
    tally = Tally()
    for row in connection.execute(select(sources).execution_options(yield_per=_PASSAGES_AT_ONCE)):
        tally = tally.plus([row.seal if isinstance(row.seal, bytes) else b""])
        try:
            require_source(row)
        except DamageError:
            yield Problem(Damage.FILES, f"the record of the indexed file {shown(row.uri)} is not what was written")
    if values is not None:
        yield from _against(values, "sources", tally, Damage.FILES, "records of indexed files")


def _removals(connection: Connection, values: dict[str, str] | None) -> Iterator[Problem]:
    tally = Tally()
    for row in connection.execute(select(removals).execution_options(yield_per=_PASSAGES_AT_ONCE)):
        try:
            tally = tally.plus([removal_seal(row.passage_id, row.generation)])
        except TypeError:
            tally = tally.plus([b""])
    if values is not None:
        yield from _against(values, "removals", tally, Damage.REMOVALS, "notes of removed passages")
    back = select(passages.c.id).where(passages.c.id.in_(select(removals.c.passage_id)))
    for number in connection.scalars(back.limit(MAX_PROBLEMS)):
        yield Problem(Damage.REMOVALS, f"the passage {number} is there and noted as removed")


def _against(values: dict[str, str], table: Tallied, there: Tally, kind: Damage, name: str) -> Iterator[Problem]:
    wanted = tally_in(values, table)
    if there.rows != wanted.rows:
        yield Problem(kind, f"there are {there.rows} {name}, and must be {wanted.rows}")
    elif there != wanted:
        yield Problem(kind, f"the {name} are not those that were put there")


def _keys(connection: Connection) -> Iterator[Problem]:
    for key in damaged_keys(connection):
        yield Problem(Damage.KEYS, f"the API key {shown(key.id)} is not what was written: it opens nothing")
    if (what := lost_keys(connection)) is not None:
        yield Problem(Damage.LOST_KEYS, what)


def pages_problems(connection: Connection) -> list[Problem]:
    """What SQLite finds wrong with the pages, indexes and references of its file."""
    lines = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check")]
    if lines == ["ok"]:
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        # Each is told again where its rows are read.
        lost = [f"SQLite: a row of {row[0]} refers to one of {row[2]} that is not there" for row in broken]
        return [Problem(Damage.PASSAGES, line) for line in lost]
    return [Problem(_of_line(line), f"SQLite: {line}") for line in lines]


def _of_line(line: str) -> Damage:
    # As sqlite3_integrity_check words them; an index can be made anew from its table.
    return Damage.DATABASE_INDEXES if " index " in line else Damage.PAGES
