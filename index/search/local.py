"""The search indexes of a store: on this machine, or in a server that all who use the store share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.disk.folders import clear_away, sweep
from index.errors import StoreError
from index.search.faiss import FaissVectorIndex
from index.search.index_folders import PARTS, discard, index_folders, own_folder, store_mark
from index.search.protocol import Hit, IndexedCatalogue, LexicalIndex, SearchResult, VectorIndex
from index.search.tantivy import TantivyLexicalIndex
from index.selection import Selection


class LocalIndexes:
    """FAISS and tantivy in a folder, derived anew where it is missing, damaged or of another catalogue.

    Each catalogue and embedder has a folder of its own in `base`, with a mark in it (see `index.search.index_folders`).
    """

    def __init__(self, base: Path, catalogue: IndexedCatalogue, dimensions: int) -> None:
        self._catalogue = catalogue
        self._dimensions = dimensions
        self.embedder_sha256 = catalogue.setting("embedder_sha256")
        # Named by catalogue and embedder, so that neither a re-created catalogue nor new embeddings meet old indexes.
        self._own = own_folder(base, derived_name(catalogue, "-"))
        # What an embedder before this one made of the store.
        for other, store in index_folders(base).items():
            if other != self._own and store == store_mark(self._own.name):
                discard(other)
        self._vectors, self._lexical = self._opened()
        if max(self._vectors.generation, self._lexical.generation) > catalogue.generation():
            # The catalogue went back (a restored backup): what was derived from its future is void.
            self.clear()
        self.generation = -1

    def _opened(self) -> tuple[FaissVectorIndex, TantivyLexicalIndex]:
        return FaissVectorIndex(self._own / "vectors", self._dimensions), TantivyLexicalIndex(self._own / "lexical")

    def clear(self) -> None:
        """Forget everything, to be filled anew by `catch_up`."""
        for name, owns in PARTS.items():
            clear_away(self._own / name, owns)
        self._vectors, self._lexical = self._opened()

    def refresh(self) -> None:
        """Nobody else changes what this process has opened."""

    def catch_up(self, catalogue: IndexedCatalogue) -> None:
        bring_up(self._vectors, self._lexical, catalogue)
        self.generation = min(self._vectors.generation, self._lexical.generation)

    def search(
        self,
        question: str,
        vector: NDArray[np.float32],
        k: int,
        documents: set[str] | None,
        selection: Selection,
    ) -> SearchResult:
        allowed = None if documents is None else self._catalogue.passage_ids(documents)
        dense = self._vectors.search(vector, k, allowed)
        lexical = self._lexical.search(question, k, None if documents is None else sorted(documents))
        return replace(search_result(self._vectors, vector, dense, lexical), generation=self.generation)

    def problems(self) -> list[str]:
        """What differs between these indexes, the files under them and the catalogue, a sentence each.

        Raises StoreError where the catalogue has moved on: bring them up first.
        """
        damage = [*self._vectors.damage(), *self._lexical.damage()]
        if damage:
            return [f"{path} does not hold what was written to it" for path in damage]
        generation, wanted = self._catalogue.embedded()
        if generation != self.generation:
            raise StoreError("the store is changing all the time; try again later")
        differences = [
            *_difference("the vector index", wanted, [ids for ids, _ in self._vectors.entries()]),
            *_difference("the lexical index", wanted, [self._lexical.ids()]),
        ]
        return [*differences, *self._other_vectors()]

    def traces(self, passage_ids: Sequence[int]) -> dict[str, int]:
        """How many of these passages each index still holds."""
        nothing = np.zeros(self._dimensions, dtype=np.float32)
        return {
            "vectors": sum(value is not None for value in self._vectors.similarities(nothing, passage_ids)),
            "lexical entries": int(np.isin(self._lexical.ids(), list(passage_ids)).sum()),
        }

    def purge(self) -> None:
        """Leave nothing in the files of passages that were removed. Raises OSError where they cannot be written."""
        sweep(self._own, PARTS)
        self._vectors.purge()
        if self._lexical.holds_removed():
            # There is no way to have its segments merged: it is filled anew.
            clear_away(self._own / "lexical", PARTS["lexical"])
            self._lexical = TantivyLexicalIndex(self._own / "lexical")
            self.catch_up(self._catalogue)

    def _other_vectors(self) -> list[str]:
        for ids, vectors in self._vectors.entries():
            kept = self._catalogue.embeddings(ids.tolist())
            for number, vector in zip(ids.tolist(), vectors, strict=True):
                # One that was removed since is the catalogue's to say.
                if number in kept and not np.array_equal(kept[number], vector):
                    return [f"the vector index has another vector for the passage {number} than the catalogue"]
        return []


def _difference(name: str, wanted: NDArray[np.int64], batches: list[NDArray[np.int64]]) -> list[str]:
    held = np.sort(np.concatenate(batches)) if batches else np.empty(0, np.int64)
    differences = []
    if len(np.unique(held)) != len(held):
        differences.append(f"{name} holds passages twice")
    if len(missing := np.setdiff1d(wanted, held)):
        differences.append(f"{name} lacks {len(missing)} passages, the first of them {missing[0]}")
    if len(more := np.setdiff1d(held, wanted)):
        differences.append(f"{name} holds {len(more)} passages that were removed, the first of them {more[0]}")
    return differences


def derived_name(catalogue: IndexedCatalogue, separator: str) -> str:
    """What tells indexes of one catalogue and embedder from those of another."""
    parts = (catalogue.setting("store_id"), catalogue.setting("embedder_sha256"))
    return separator.join((part or "")[:16] for part in parts)


def bring_up(vectors: VectorIndex, lexical: LexicalIndex, catalogue: IndexedCatalogue) -> None:
    """Bring both indexes up to the catalogue's generation."""
    if vectors.generation == lexical.generation:
        # The usual case: passages are read once for both.
        _bring_up(catalogue, vectors.generation, vectors, lexical)
    else:
        _bring_up(catalogue, vectors.generation, vectors, None)
        _bring_up(catalogue, lexical.generation, None, lexical)


def _bring_up(
    catalogue: IndexedCatalogue, generation: int, vectors: VectorIndex | None, lexical: LexicalIndex | None
) -> None:
    if generation >= catalogue.generation():
        return
    lagging = [index for index in (vectors, lexical) if index is not None]
    changes = catalogue.changes_since(generation)
    for ids, batch, passages in changes.added:
        if vectors is not None:
            vectors.add(ids, batch, passages)
        if lexical is not None:
            lexical.add(passages)
    # Behind what takes their place: whoever searches a server meanwhile finds one version or the other. Numbers of
    # removed passages are never given again.
    for index in lagging:
        index.remove(changes.removed)
        index.commit(changes.generation)


def search_result(
    vectors: VectorIndex, vector: NDArray[np.float32], dense: list[Hit], lexical: list[Hit]
) -> SearchResult:
    """Both lists, with the inner product of each passage in either."""
    ids = list({passage for passage, _ in dense} | {passage for passage, _ in lexical})
    values = vectors.similarities(vector, ids)
    similarity = {passage: value for passage, value in zip(ids, values, strict=True) if value is not None}
    return SearchResult(dense, lexical, similarity)
