"""Removing documents, with a receipt that says what is gone."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field

from index.errors import DamageError, StoreError
from index.store.store import Store


class Receipt(BaseModel):
    """What was removed, and what is left of it.

    From `generation` on the document cannot answer. `left` was counted afterwards, in the catalogue and in every search
    index on this machine: all 0. `purged` says that the store's files were rewritten, so that none of its bytes is in
    them any more; without that they may be, where nothing reads them, until `qa store purge`.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    uri: str
    collection: str
    sha256: str = Field(description="Of the text that was removed.")
    passages: int = Field(description="How many passages, each with its vector and its words, were removed with it.")
    generation: int
    left: dict[str, int]
    purged: bool
    removed_at: str


def remove_documents(store: Store, document_ids: list[str], *, purge: bool) -> list[Receipt]:
    """Remove these documents; a receipt for each that was there. `purge` also rewrites the store's files, once.

    Raises StoreError; what was removed before it stays removed, and the error says so.
    """
    removed = []
    record = None
    try:
        for document_id in document_ids:
            record = store.catalogue.remains(document_id)
            passages = store.catalogue.passage_ids([document_id]).tolist()
            if record is not None and store.remove(document_id):
                removed.append((record, passages, store.catalogue.generation()))
        if purge and removed:
            try:
                store.purge()
            except DamageError:
                # What else is damaged keeps the search indexes from being made anew, and is told of where it is used.
                purge = False
    except StoreError as error:
        gone = {one.id for one, _, _ in removed}
        # Bringing up the search indexes fails after the removal, which stands.
        if record is not None and store.catalogue.remains(record.id) is None:
            gone.add(record.id)
        if not gone:
            raise
        raise StoreError(
            f"{len(gone)} of {len(document_ids)} documents were removed and cannot answer any more, but traces of them "
            f"are still in the store's files: {error}; finish it with: qa store purge --store {store.location}"
        ) from error
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    return [
        Receipt(
            id=record.id,
            uri=record.uri,
            collection=record.collection,
            sha256=record.sha256,
            passages=len(passages),
            generation=generation,
            left=store.traces(record.id, passages),
            purged=purge,
            removed_at=moment,
        )
        for record, passages, generation in removed
    ]
