"""Bringing back what a damaged catalogue's sound rows allow, inside of the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, select

from index.catalogue.integrity.audit import Damage, Problem
from index.catalogue.integrity.ledger import Ledger
from index.catalogue.integrity.seals import Tally, removal_seal
from index.catalogue.integrity.verified import document_of, require_source, shown
from index.catalogue.key_tally import accept_losses
from index.catalogue.schema import document_tags, documents, passages, removals, sources
from index.catalogue.writing import insert_tags, remove_passage_rows, replace_passages
from index.documents import Document, Passage
from index.errors import DamageError

Cut = Callable[[Document], tuple[Sequence[Passage], NDArray[np.float32]]]
# What `mend` can do something about.
MENDABLE = frozenset(
    {
        Damage.MISSING,
        Damage.PASSAGES,
        Damage.EMBEDDINGS,
        Damage.TAGS,
        Damage.FILES,
        Damage.REMOVALS,
        Damage.DATABASE_INDEXES,
        Damage.LOST_KEYS,
    }
)


def mend(ledger: Ledger, problems: Sequence[Problem], cut: Cut) -> list[str]:
    """Mend what these problems are about, where texts are sound; what was done, a sentence each.

    `cut` gives a document's passages and their vectors (n, dimensions). Documents that are damaged themselves are left
    as they are. Raises DamageError where the settings are damaged.
    """
    kinds = {problem.kind for problem in problems}
    done = []
    if Damage.DATABASE_INDEXES in kinds and ledger.connection.dialect.name == "sqlite":
        ledger.connection.exec_driver_sql("REINDEX")
        done.append("the indexes of the database were made anew")
    if kinds & {Damage.MISSING, Damage.PASSAGES, Damage.TAGS}:
        done += _drop_orphans(ledger)
    cut_anew = {problem.subject for problem in problems if problem.kind in (Damage.PASSAGES, Damage.EMBEDDINGS)}
    for one in sorted(cut_anew - {""}):
        if (document := _sound(ledger, one)) is not None:
            replace_passages(ledger, document, *cut(document))
            done.append(f"the document {shown(document.uri)} ({one}) was cut and embedded anew")
    for one in sorted({problem.subject for problem in problems if problem.kind is Damage.TAGS} - {""}):
        if (document := _sound(ledger, one)) is not None:
            ledger.connection.execute(delete(document_tags).where(document_tags.c.document_id == one))
            insert_tags(ledger.connection, document)
            done.append(f"the tags of the document {shown(document.uri)} ({one}) were noted anew")
    if kinds & {Damage.FILES, Damage.MISSING}:
        done += _drop_files(ledger, all_without_documents=Damage.MISSING in kinds)
    if Damage.REMOVALS in kinds:
        done += _settle_removals(ledger)
    if Damage.MISSING in kinds:
        done += _accept_losses(ledger)
    if Damage.LOST_KEYS in kinds:
        done += accept_losses(ledger.connection, datetime.now(UTC))
    return done


def _sound(ledger: Ledger, document_id: str) -> Document | None:
    row = ledger.connection.execute(select(documents).where(documents.c.id == document_id)).first()
    try:
        return None if row is None else document_of(row)
    except DamageError:
        return None


def _drop_orphans(ledger: Ledger) -> list[str]:
    there = select(documents.c.id)
    lost = list(ledger.connection.scalars(select(passages.c.id).where(passages.c.document_id.not_in(there))))
    if lost:
        remove_passage_rows(ledger, lost, ledger.raise_generation())
    tags = ledger.connection.execute(delete(document_tags).where(document_tags.c.document_id.not_in(there))).rowcount
    done = [f"{len(lost)} passages of documents that are not there were removed"] if lost else []
    return [*done, f"{tags} tags of documents that are not there were removed"] if tags else done


def _drop_files(ledger: Ledger, *, all_without_documents: bool) -> list[str]:
    """Drop damaged records of files, or those of which no document is there: they are read again then."""
    connection = ledger.connection
    kept, dropped = Tally(), 0
    named = {tuple(row) for row in connection.execute(select(documents.c.collection, documents.c.source).distinct())}
    for row in connection.execute(select(sources)).all():
        try:
            require_source(row)
            sound = not all_without_documents or (row.collection, row.uri) in named
        except DamageError:
            sound = False
        if sound:
            kept = kept.plus([row.seal])
        else:
            where = (sources.c.collection == row.collection, sources.c.uri == row.uri)
            dropped += connection.execute(delete(sources).where(*where)).rowcount
    changed = ledger.tally("sources") != kept
    ledger.set_tally("sources", kept)
    if dropped:
        return [f"the records of {dropped} indexed files were dropped: qa index reads those files again"]
    return ["records of indexed files that are lost were given up: qa index reads those files again"] if changed else []


def _settle_removals(ledger: Ledger) -> list[str]:
    connection = ledger.connection
    connection.execute(delete(removals).where(removals.c.passage_id.in_(select(passages.c.id))))
    tally = Tally()
    for row in connection.execute(select(removals)).all():
        tally = tally.plus([removal_seal(row.passage_id, row.generation)])
    ledger.set_tally("removals", tally)
    return ["the notes of removed passages were settled"]


def _accept_losses(ledger: Ledger) -> list[str]:
    seals = ledger.connection.scalars(select(documents.c.seal)).all()
    there = Tally().plus(seal if isinstance(seal, bytes) else b"" for seal in seals)
    wanted = ledger.tally("documents")
    ledger.set_tally("documents", there)
    if there == wanted:
        return []
    lost = wanted.rows - there.rows
    count = f"{lost} documents that are lost were" if lost > 0 else "documents that are not those of before were"
    return [f"{count} given up: index their sources again, or restore a backup"]
