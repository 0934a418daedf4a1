"""Search indexes in servers that all who use a store share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from index.catalogue.postgres import PostgresCatalogue
from index.search.local import bring_up, derived_name, search_result
from index.search.milvus import MilvusLexicalIndex, MilvusVectorIndex
from index.search.milvus_server import connect, drop_collections, has_bm25
from index.search.postgres_bm25 import PostgresLexicalIndex
from index.search.protocol import IndexedCatalogue, SearchResult
from index.selection import EVERYTHING, Selection


class ServerIndexes:
    """Vectors in Milvus, with words in it too where it ranks them, else in the catalogue's own database.

    Both carry the generation that they were brought up to. What is wrong with it is not mended behind its users' back:
    a collection of another make is an error; one that is missing or unfinished is made, and filled from the catalogue.
    """

    def __init__(self, uri: str, catalogue: PostgresCatalogue, dimensions: int) -> None:
        client = connect(uri)
        self.embedder_sha256 = catalogue.setting("embedder_sha256")
        name = f"spanqa_{derived_name(catalogue, '_')}"
        # Before words and headings were one text, the collection of words was called `_words`.
        names = f"{name}_vectors", f"{name}_bm25"
        words_there = has_bm25(client, uri)

        def opened() -> tuple[MilvusVectorIndex, MilvusLexicalIndex | PostgresLexicalIndex]:
            vectors = MilvusVectorIndex(client, uri, names[0], dimensions)
            if words_there:
                return vectors, MilvusLexicalIndex(client, uri, names[1])
            return vectors, PostgresLexicalIndex(catalogue)

        self._vectors, self._lexical = opened()
        if max(self._vectors.generation, self._lexical.generation) > catalogue.generation():
            # The catalogue went back (a restored backup): what was derived from its future is void.
            self._vectors.drop()
            self._lexical.drop()
            self._vectors, self._lexical = opened()
        # What an embedder before this one, or an earlier version, made of the store.
        drop_collections(client, uri, f"{name.rpartition('_')[0]}_", keeping=names)

    @property
    def generation(self) -> int:
        return min(self._vectors.generation, self._lexical.generation)

    def refresh(self) -> None:
        self._vectors.refresh()
        self._lexical.refresh()

    def catch_up(self, catalogue: IndexedCatalogue) -> None:
        bring_up(self._vectors, self._lexical, catalogue)

    def traces(self, passage_ids: Sequence[int]) -> dict[str, int]:
        return {}

    def search(
        self,
        question: str,
        vector: NDArray[np.float32],
        k: int,
        documents: set[str] | None,
        selection: Selection,
    ) -> SearchResult:
        # Whole collections are partitions: no list of their documents is needed.
        by_collection = selection == Selection(collections=selection.collections) != EVERYTHING
        named = None if documents is None or by_collection else sorted(documents)
        dense = self._vectors.search_in(vector, k, named, selection.collections)
        lexical = self._lexical.search_in(question, k, named, selection.collections)
        return search_result(self._vectors, vector, dense, lexical)
