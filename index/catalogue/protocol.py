"""What a catalogue does, by role: whoever uses one asks for no more than the roles it needs.

`index.catalogue.sql` does it for every database.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from index.catalogue.integrity.audit import Problem
from index.documents import Document, DocumentRecord, DocumentVersion, Passage, Source, StoredPassage
from index.selection import EVERYTHING, Selection

# A document as it is put: with its passages and their (n, dimensions) vectors.
Entry = tuple[Document, Sequence[Passage], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Changes:
    """What a derived index must do to get from a generation to `generation`.

    `added` yields (ids (n,) int64, vectors (n, dimensions) float32, passages) in batches; `removed` are passage ids.
    """

    generation: int
    removed: list[int]
    added: Iterator[tuple[NDArray[np.int64], NDArray[np.float32], list[StoredPassage]]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Passages by id and the versions of their documents by id, of one moment.

    Whole texts are left out: thirty passages may stand in thirty long documents, of which one is cited.
    """

    generation: int
    passages: dict[int, StoredPassage]
    documents: dict[str, DocumentVersion]


class Settings(Protocol):
    """What a store says of itself: its format, identity and generation, its embedder, its promise."""

    def setting(self, name: str) -> str | None: ...

    def set_settings(self, values: dict[str, str]) -> None: ...

    def settings(self) -> dict[str, str]:
        """Every setting by name, the store's own among them."""
        ...

    def generation(self) -> int:
        """How many changes there have been."""
        ...


class Documents(Protocol):
    """Documents by id, and records of those that a filter selects."""

    def version_of(self, document_id: str) -> str | None:
        """SHA-256 of the stored text, None for an unknown document."""
        ...

    def document(self, document_id: str) -> Document | None: ...

    def documents(self, document_ids: Sequence[str]) -> dict[str, Document]:
        """Those that exist, by id, read in one transaction."""
        ...

    def record(self, document_id: str) -> DocumentRecord | None: ...

    def records(
        self,
        selection: Selection = EVERYTHING,
        *,
        after: tuple[str, str] | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[DocumentRecord]:
        """Selected documents ordered by URI and collection; only those that come after that pair where given."""
        ...

    def count(self, selection: Selection) -> int:
        """How many documents are selected."""
        ...

    def counts(self) -> tuple[int, int]:
        """How many documents and passages."""
        ...

    def is_empty(self) -> bool:
        """Whether there is no document: answered without counting them."""
        ...


class Contents(Protocol):
    """Everything that was put, in a fixed order: for whoever copies a catalogue or compares two."""

    def entries(self, document_ids: Sequence[str]) -> list[Entry]:
        """Those that exist as they were put, in the order asked for, passages in theirs; read in one transaction."""
        ...

    def document_ids(self, after: str, limit: int) -> list[str]:
        """The first `limit` ids behind `after`, ascending by code point."""
        ...

    def document_order(self, after: int, limit: int) -> tuple[list[str], int]:
        """Whose the next `limit` passages are behind the one with that number, in their order; the last one's number.

        Of the last document more passages may follow.
        """
        ...


class Writing(Protocol):
    """Changes of documents, each of them one transaction that raises the generation by one."""

    def put(self, document: Document, cut: Sequence[Passage], vectors: NDArray[np.float32]) -> bool:
        """Add or replace a document in one transaction; False where the same version is already there."""
        ...

    def put_all(self, entries: Sequence[Entry]) -> list[bool]:
        """As `put` for each in turn, in one transaction: small documents need not wait for the disk one by one."""
        ...

    def describe(self, document: Document) -> bool:
        """Store what is known of a document beside its text, where its passages stay as they are.

        False, and nothing is stored, where there is no such document or its passages must be cut anew (see `put`).
        """
        ...

    def remove(self, document_id: str) -> bool: ...

    def re_embed(self, embed: Callable[[list[str]], NDArray[np.float32]], values: dict[str, str]) -> None:
        """Replace every embedding and the settings `values` in one transaction: all of it, or nothing."""
        ...


class Sources(Protocol):
    """The files that documents were found in, by collection."""

    def source_collections(self) -> list[str]:
        """The collections that files were indexed into."""
        ...

    def sources(self, collection: str, prefix: str = "") -> dict[str, Source]:
        """The indexed files of a collection, by URI, whose URI begins with `prefix`."""
        ...

    def keep_sources(self, collection: str, documents_by_source: Mapping[Source, Collection[str] | None]) -> list[str]:
        """Note that each of these files holds these documents, by id, and no others: any other that was found in it
        before is removed. None stands for whatever was found in it before.

        Returns the ids of those that were removed. All of it in one transaction.
        """
        ...

    def remove_sources(self, collection: str, uris: Collection[str]) -> list[str]:
        """Forget files and remove every document found in them, in one transaction. Returns their ids."""
        ...


class Snapshots(Protocol):
    """What a question reads: which documents it may look into, and the passages that were found."""

    def allowed_documents(self, selection: Selection) -> set[str]:
        """The ids of the selected documents."""
        ...

    def passage_ids(self, document_ids: Iterable[str]) -> NDArray[np.int64]:
        """Ids of all passages of these documents, ascending."""
        ...

    def snapshot(self, passage_ids: Sequence[int]) -> Snapshot:
        """The passages that still exist and the versions of their documents, read in one transaction."""
        ...


class Feed(Protocol):
    """What search indexes are filled from and compared with."""

    def changes_since(self, generation: int) -> Changes:
        """What was removed and added after a generation; 0 stands for an empty index."""
        ...

    def embedded(self) -> tuple[int, NDArray[np.int64]]:
        """The generation and the ids of all passages, ascending, of one moment."""
        ...

    def embeddings(self, passage_ids: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        """The embeddings of those of these passages that exist, each (dimensions,)."""
        ...


class Maintenance(Protocol):
    """Looking for damage, mending it, and leaving nothing of what was removed."""

    @property
    def can_purge(self) -> bool:
        """Whether `purge` is this program's to do, and not the database server's own business."""
        ...

    def problems(self) -> list[Problem]:
        """What is not as it was written: everything is read. Empty for a sound one."""
        ...

    def mend(
        self, problems: Sequence[Problem], cut: Callable[[Document], tuple[Sequence[Passage], NDArray[np.float32]]]
    ) -> list[str]:
        """Bring back what sound texts allow, in one transaction; what was done (see
        `index.catalogue.integrity.mending`)."""
        ...

    def remains(self, document_id: str) -> DocumentRecord | None:
        """As `Documents.record`, of a damaged document what can be read: for whoever removes it."""
        ...

    def purge(self) -> None:
        """Have nothing left in its files of what was removed.

        Raises StoreError where that is the database's own business, or somebody has it open too long.
        """
        ...


class OwnRows(Protocol):
    """What is kept beside the documents, and is no copy's: API keys and the log of changes."""

    def connection(self, *, write: bool = False) -> AbstractContextManager[Connection]:
        """A transaction of one moment, or one that may write. Database errors are StoreErrors."""
        ...

    def changing_own_rows(self) -> AbstractContextManager[Connection]:
        """A transaction that alone changes them. Raises StoreError where another process keeps it from that."""
        ...


class Catalogue(Settings, Documents, Contents, Writing, Sources, Snapshots, Feed, Maintenance, OwnRows, Protocol):
    """Where documents, their passages and embeddings are kept: all roles in one."""

    def close(self) -> None: ...
