"""Changes of the catalogue's rows, each with its seals and in step with the tallies, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from index.catalogue.integrity.ledger import Ledger
from index.catalogue.integrity.seals import (
    Tally,
    document_seal,
    embedding_seal,
    removal_seal,
    source_seal,
)
from index.catalogue.integrity.verified import (
    PLACE_COLUMNS,
    RECORD_COLUMNS,
    document_of,
    is_sealed,
    require_place,
    require_places,
    require_sealed,
)
from index.catalogue.rows import batched, document_row, passage_rows, passage_sums_of, stored_passage, to_bytes
from index.catalogue.schema import document_tags, documents, passages, removals, sources
from index.documents import Document, Passage, Source, StoredPassage
from index.errors import DamageError


def put(ledger: Ledger, document: Document, cut: Sequence[Passage], vectors: NDArray[np.float32]) -> bool:
    """Add or replace a document; False where the same version is there. One that is damaged is replaced in any case."""
    connection = ledger.connection
    there = _row(connection, document.id)
    if there is not None and _same(there, document):
        return False
    generation = ledger.raise_generation()
    if there is not None:
        remove_rows(ledger, [document.id], generation)
        if isinstance(there.source, str) and there.source != document.source:
            # What is there now did not come from that file: it is to be read again.
            forget_sources(ledger, document.collection, [there.source])
    rows = passage_rows(ledger.passage_numbers(len(cut)), document, cut, vectors, generation)
    row = document_row(document, Tally().plus(passage_sums_of(rows)))
    connection.execute(insert(documents), row)
    ledger.came("documents", [row["seal"]])
    insert_tags(connection, document)
    if rows:
        connection.execute(insert(passages), rows)
    return True


def replace_passages(ledger: Ledger, document: Document, cut: Sequence[Passage], vectors: NDArray[np.float32]) -> None:
    """Give a document, which is sound, other passages."""
    connection = ledger.connection
    generation = ledger.raise_generation()
    _remove_passages(ledger, [document.id], generation)
    rows = passage_rows(ledger.passage_numbers(len(cut)), document, cut, vectors, generation)
    if rows:
        connection.execute(insert(passages), rows)
    _set_tally(ledger, document.id, Tally().plus(passage_sums_of(rows)))


def describe(ledger: Ledger, document: Document) -> bool:
    """Store what is known of a document beside its text; False where it must be put (see `Catalogue.describe`)."""
    connection = ledger.connection
    there = _row(connection, document.id)
    try:
        known = None if there is None else document_of(there)
    except DamageError:
        return False
    if there is None or known is None or not known.reads_like(document):
        return False
    if known != document:
        ledger.raise_generation()
        row = document_row(document, Tally(there.passages, int.from_bytes(there.passage_seals, "big")))
        del row["text"]
        ledger.went("documents", [there.seal])
        ledger.came("documents", [row["seal"]])
        connection.execute(update(documents).where(documents.c.id == document.id).values(row))
        connection.execute(delete(document_tags).where(document_tags.c.document_id == document.id))
        insert_tags(connection, document)
    return True


def remove(ledger: Ledger, document_id: str) -> bool:
    """Remove a document, damaged or not; False where there is none with that id."""
    query = select(documents.c.collection, documents.c.source).where(documents.c.id == document_id)
    there = ledger.connection.execute(query).first()
    if there is None:
        return False
    remove_rows(ledger, [document_id], ledger.raise_generation())
    if isinstance(there.source, str) and isinstance(there.collection, str):
        forget_sources(ledger, there.collection, [there.source])
    return True


def keep_sources(
    ledger: Ledger, collection: str, documents_by_source: Mapping[Source, Collection[str] | None]
) -> list[str]:
    """Note indexed files and which documents they hold, by id; returns the ids of others, which were removed."""
    listed = {source.uri: ids for source, ids in documents_by_source.items() if ids is not None}
    gone = _found_in(ledger.connection, collection, list(listed))
    gone -= {document for ids in listed.values() for document in ids}
    if gone:
        remove_rows(ledger, sorted(gone), ledger.raise_generation())
    forget_sources(ledger, collection, [source.uri for source in documents_by_source])
    if documents_by_source:
        rows = [{"collection": collection, **asdict(source)} for source in documents_by_source]
        for row in rows:
            row["seal"] = source_seal(row)
        ledger.connection.execute(insert(sources), rows)
        ledger.came("sources", [row["seal"] for row in rows])
    return sorted(gone)


def remove_sources(ledger: Ledger, collection: str, uris: Collection[str]) -> list[str]:
    """Forget files and remove every document found in them; returns their ids."""
    gone = _found_in(ledger.connection, collection, list(uris))
    if gone:
        remove_rows(ledger, sorted(gone), ledger.raise_generation())
    forget_sources(ledger, collection, list(uris))
    return sorted(gone)


def re_embed(ledger: Ledger, embed: Callable[[list[StoredPassage]], NDArray[np.float32]]) -> None:
    """Replace every embedding, sound or not. Raises DamageError where a passage's place or words are damaged."""
    connection = ledger.connection
    generation = ledger.raise_generation()
    tallies: dict[str, Tally] = dict.fromkeys(connection.scalars(select(documents.c.id)), Tally())
    ids = list(connection.scalars(select(passages.c.id).order_by(passages.c.id)))
    for batch in batched(ids):
        of_document = (documents.c.text, documents.c.uri, documents.c.collection, documents.c.date)
        query = select(*PLACE_COLUMNS, *of_document)
        query = query.join(documents, documents.c.id == passages.c.document_id).where(passages.c.id.in_(batch))
        rows = connection.execute(query.order_by(passages.c.id)).all()
        require_places(rows)
        stored = [_stored_passage(row) for row in rows]
        new = []
        for row, vector in zip(rows, embed(stored), strict=True):
            embedding = to_bytes(vector)
            seal = embedding_seal(row.id, generation, embedding)
            new.append({"passage": row.id, "vector": embedding, "seal": seal})
            tallies[row.document_id] = tallies[row.document_id].plus([row.place_seal + seal])
        changed = update(passages).where(passages.c.id == bindparam("passage"))
        values = {"embedding": bindparam("vector"), "embedding_seal": bindparam("seal"), "generation": generation}
        connection.execute(changed.values(values), new)
    for one, tally in tallies.items():
        _set_tally(ledger, one, tally)


def remove_rows(ledger: Ledger, ids: Sequence[str], generation: int) -> None:
    """Remove these documents with all that belongs to them."""
    connection = ledger.connection
    _remove_passages(ledger, ids, generation)
    for batch in batched(ids):
        connection.execute(delete(document_tags).where(document_tags.c.document_id.in_(batch)))
        for row in connection.execute(select(*RECORD_COLUMNS).where(documents.c.id.in_(batch))).all():
            if is_sealed(row):
                ledger.went("documents", [row.seal])
            else:
                _remove_damaged(ledger, row)
        connection.execute(delete(documents).where(documents.c.id.in_(batch)))


def forget_sources(ledger: Ledger, collection: str, uris: Sequence[str]) -> None:
    """Forget these files, damaged records too."""
    for batch in batched(uris):
        where = (sources.c.collection == collection, sources.c.uri.in_(batch))
        ledger.went("sources", ledger.connection.scalars(select(sources.c.seal).where(*where)).all())
        ledger.connection.execute(delete(sources).where(*where))


def insert_tags(connection: Connection, document: Document) -> None:
    """Note a document's tags where queries look for them."""
    if document.tags:
        tags = [{"document_id": document.id, "tag": tag} for tag in document.tags]
        connection.execute(insert(document_tags), tags)


def _row(connection: Connection, document_id: str) -> Any:
    return connection.execute(select(documents).where(documents.c.id == document_id)).first()


def _same(row: Any, document: Document) -> bool:
    try:
        return document_of(row) == document
    except DamageError:
        return False


def _stored_passage(row: Any) -> StoredPassage:
    # A passage that is embedded anew is believed from now on.
    words = row.text[row.start : row.end] if isinstance(row.text, str) else ""
    require_place(row, words)
    return stored_passage(row, words, row.collection, row.date)


def _remove_passages(ledger: Ledger, document_ids: Sequence[str], generation: int) -> None:
    connection = ledger.connection
    for batch in batched(document_ids):
        gone = list(connection.scalars(select(passages.c.id).where(passages.c.document_id.in_(batch))))
        remove_passage_rows(ledger, gone, generation)


def remove_passage_rows(ledger: Ledger, ids: Sequence[int], generation: int) -> None:
    """Remove passages, and note that for the search indexes. Tallies of documents are the caller's."""
    connection = ledger.connection
    for batch in batched(ids):
        noted = set(connection.scalars(select(removals.c.passage_id).where(removals.c.passage_id.in_(batch))))
        rows = [{"passage_id": one, "generation": generation} for one in batch if one not in noted]
        if rows:
            connection.execute(insert(removals), rows)
        ledger.came("removals", [removal_seal(row["passage_id"], generation) for row in rows])
        connection.execute(delete(passages).where(passages.c.id.in_(batch)))


def _remove_damaged(ledger: Ledger, row: Any) -> None:
    """Take a damaged document out of the tally: by the seal that it has, or should have, whichever is in there."""
    others = Tally().plus(
        seal if isinstance(seal, bytes) else b""
        for seal in ledger.connection.scalars(select(documents.c.seal).where(documents.c.id != row.id))
    )
    tally = ledger.tally("documents")
    try:
        candidates = [row.seal if isinstance(row.seal, bytes) else b"", document_seal(row._mapping)]
    except TypeError:
        candidates = [row.seal if isinstance(row.seal, bytes) else b""]
    fits = any(tally.minus([seal]) == others for seal in candidates)
    ledger.set_tally("documents", others if fits else tally.minus(candidates[:1]))


def _set_tally(ledger: Ledger, document_id: str, tally: Tally) -> None:
    """State what the passages of a document come to."""
    connection = ledger.connection
    row = connection.execute(select(*RECORD_COLUMNS).where(documents.c.id == document_id)).one()
    require_sealed(row)
    values = {"passages": tally.rows, "passage_seals": tally.digest}
    seal = document_seal({**row._mapping, **values})
    ledger.went("documents", [row.seal])
    ledger.came("documents", [seal])
    connection.execute(update(documents).where(documents.c.id == document_id).values(**values, seal=seal))


def _found_in(connection: Connection, collection: str, uris: Sequence[str]) -> set[str]:
    ids: set[str] = set()
    for batch in batched(uris):
        query = select(documents.c.id).where(documents.c.collection == collection, documents.c.source.in_(batch))
        ids.update(connection.scalars(query))
    return ids
