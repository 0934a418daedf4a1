"""What search indexes do: of vectors, of words, and of both together as a store has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from index.catalogue.protocol import Feed, Settings, Snapshots
from index.documents import StoredPassage
from index.selection import Selection

# A passage's id and its score.
Hit = tuple[int, float]


class VectorIndex(Protocol):
    """Passage vectors by passage id. `generation` is the catalogue's that it was brought up to."""

    @property
    def generation(self) -> int: ...

    def add(
        self, ids: NDArray[np.int64], vectors: NDArray[np.float32], passages: Sequence[StoredPassage] | None = None
    ) -> None:
        """Add (n,) ids with (n, dimensions) vectors; an id that is already there is replaced.

        `passages` are theirs, for an index that keeps whose they are.
        """
        ...

    def remove(self, ids: list[int]) -> None:
        """Forget ids; unknown ones are ignored."""
        ...

    def search(self, vector: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None = None) -> list[Hit]:
        """At most `k` (id, inner product), best first; only `allowed` ids where given."""
        ...

    def similarities(self, vector: NDArray[np.float32], ids: Sequence[int]) -> list[float | None]:
        """The inner product with each id's vector, None for an id that is not here."""
        ...

    def commit(self, generation: int) -> None:
        """Make the changes durable, marked with the generation."""
        ...

    def __len__(self) -> int: ...


class LexicalIndex(Protocol):
    """Passage words by passage id. `generation` is the catalogue's that it was brought up to."""

    @property
    def generation(self) -> int: ...

    def add(self, passages: Sequence[StoredPassage]) -> None:
        """Add passages; an id that is already there is replaced."""
        ...

    def remove(self, ids: list[int]) -> None: ...

    def search(self, question: str, k: int, documents: Sequence[str] | None = None) -> list[Hit]:
        """At most `k` (id, BM25 score), best first; only passages of `documents` where given."""
        ...

    def commit(self, generation: int) -> None: ...

    def __len__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Both ranked lists of a search, best first, as (passage id, score); and each found id's inner product.

    `generation` is that of the catalogue whose passages were searched, all of them and no others; None where that is
    not sure.
    """

    dense: list[Hit]
    lexical: list[Hit]
    similarity: dict[int, float]
    generation: int | None = None


class IndexedCatalogue(Settings, Snapshots, Feed, Protocol):
    """What search indexes need of the catalogue that they are derived from."""


class Derived(Protocol):
    """The search indexes of a store, up to a generation of its catalogue."""

    @property
    def generation(self) -> int: ...

    @property
    def embedder_sha256(self) -> str | None:
        """Whose vectors they hold; None in a store that is pinned to no embedder yet."""
        ...

    def refresh(self) -> None:
        """Learn how far other processes have brought them, where others can."""
        ...

    def catch_up(self, catalogue: IndexedCatalogue) -> None:
        """Bring them up to the catalogue's generation. One process at a time."""
        ...

    def traces(self, passage_ids: Sequence[int]) -> dict[str, int]:
        """How many of these passages each index on this machine still holds; nothing where a server searches."""
        ...

    def search(
        self,
        question: str,
        vector: NDArray[np.float32],
        k: int,
        documents: set[str] | None,
        selection: Selection,
    ) -> SearchResult:
        """The `k` best passages of each index, of `documents` only where given: those that `selection` selects."""
        ...
