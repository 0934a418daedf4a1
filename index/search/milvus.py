"""Dense and lexical search in a Milvus server, derived from the catalogue and shared by all who use the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.documents import StoredPassage
from index.search.milvus_server import (
    IDS_A_FILTER,
    MilvusCollection,
    among,
    base_schema,
    in_batches,
    merged,
    owner_fields,
)
from index.search.protocol import Hit
from index.text.passages import searched_text
from index.text.words import words

# Hierarchical navigable small worlds (Malkov and Yashunin 2016): links a node, candidates while building.
HNSW = {"M": 16, "efConstruction": 200}
SEARCHED_CANDIDATES = 256
# As tantivy's, so that both kinds of store rank alike.
BM25 = {"bm25_k1": 1.2, "bm25_b": 0.75}
_MAX_WORDS = 65_535


class MilvusVectorIndex:
    """Inner-product search in a collection of a Milvus server, partitioned by the documents' collections."""

    def __init__(self, client: Any, uri: str, name: str, dimensions: int) -> None:
        self._dimensions = dimensions
        self._rows = MilvusCollection(client, uri, name)
        from pymilvus import DataType

        schema = base_schema(client)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimensions)
        indexes = client.prepare_index_params()
        indexes.add_index("vector", index_type="HNSW", metric_type="IP", params=HNSW)
        self._rows.open(schema, indexes, {"vector": np.zeros(dimensions, dtype=np.float32)})

    @property
    def generation(self) -> int:
        return self._rows.generation

    def refresh(self) -> None:
        """Learn how far other processes have brought it."""
        self._rows.refresh()

    def add(
        self,
        ids: NDArray[np.int64],
        vectors: NDArray[np.float32],
        passages: Sequence[StoredPassage] | None = None,
    ) -> None:
        if vectors.shape != (len(ids), self._dimensions):
            raise ValueError(f"vectors {vectors.shape} do not fit {len(ids)} ids of {self._dimensions} dimensions")
        owned_by = [None] * len(ids) if passages is None else passages
        owners = [owner_fields(passage) for passage in owned_by]
        self._rows.upsert(
            [
                {"id": int(number), "vector": np.ascontiguousarray(vector, np.float32)} | owner
                for number, vector, owner in zip(ids, vectors, owners, strict=True)
            ]
        )

    def remove(self, ids: list[int]) -> None:
        self._rows.delete(ids)

    def search(self, vector: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None = None) -> list[Hit]:
        if k <= 0:
            return []
        if allowed is None:
            return self._search(vector, k, "")
        return in_batches("id", allowed.tolist(), lambda where: self._search(vector, k, where), k)

    def search_in(
        self, vector: NDArray[np.float32], k: int, documents: Sequence[str] | None, collections: Sequence[str]
    ) -> list[Hit]:
        """As `search`, in these documents (None: any) of these collections (none: any)."""
        within = among("collection", collections) if collections else ""
        if documents is None:
            return self._search(vector, k, within)
        return in_batches("document", documents, lambda where: self._search(vector, k, _and(within, where)), k)

    def similarities(self, vector: NDArray[np.float32], ids: Sequence[int]) -> list[float | None]:
        known: dict[int, float] = {}
        for begin in range(0, len(ids), IDS_A_FILTER):
            batch = list(ids[begin : begin + IDS_A_FILTER])
            known.update(self._search(vector, len(batch), among("id", batch)))
        return [known.get(number) for number in ids]

    def commit(self, generation: int) -> None:
        self._rows.commit(generation)

    def drop(self) -> None:
        """Forget all of it: the server keeps nothing."""
        self._rows.drop()

    def __len__(self) -> int:
        return len(self._rows)

    def _search(self, vector: NDArray[np.float32], k: int, where: str) -> list[Hit]:
        query = np.asarray(vector, np.float32).reshape(-1)
        metric = {"metric_type": "IP", "params": {"ef": max(SEARCHED_CANDIDATES, 2 * k)}}
        # Equally good ones, such as copies of a passage, come in any order.
        return merged(iter([self._rows.search("vector", query, k, metric, where)]), k)


class MilvusLexicalIndex:
    """BM25 by a Milvus server that has it, over the same words as the embedded index."""

    def __init__(self, client: Any, uri: str, name: str) -> None:
        self._rows = MilvusCollection(client, uri, name)
        from pymilvus import DataType, Function, FunctionType

        schema = base_schema(client)
        indexes = client.prepare_index_params()
        schema.add_field(
            "text",
            DataType.VARCHAR,
            max_length=_MAX_WORDS,
            enable_analyzer=True,
            analyzer_params={"tokenizer": "standard"},
        )
        schema.add_field("words", DataType.SPARSE_FLOAT_VECTOR)
        schema.add_function(
            Function(
                name="bm25",
                function_type=FunctionType.BM25,
                input_field_names=["text"],
                output_field_names=["words"],
            )
        )
        indexes.add_index("words", index_type="SPARSE_INVERTED_INDEX", metric_type="BM25", params=BM25)
        self._rows.open(schema, indexes, {"text": ""})

    @property
    def generation(self) -> int:
        return self._rows.generation

    def refresh(self) -> None:
        """Learn how far other processes have brought it."""
        self._rows.refresh()

    def add(self, passages: Sequence[StoredPassage]) -> None:
        last = {passage.id: passage for passage in passages}
        self._rows.upsert(
            [
                {"id": passage.id, "text": _analysed(searched_text(passage.context, passage.text))}
                | owner_fields(passage)
                for passage in last.values()
            ]
        )

    def remove(self, ids: list[int]) -> None:
        self._rows.delete(ids)

    def search(self, question: str, k: int, documents: Sequence[str] | None = None) -> list[Hit]:
        return self.search_in(question, k, documents, ())

    def search_in(
        self, question: str, k: int, documents: Sequence[str] | None, collections: Sequence[str]
    ) -> list[Hit]:
        """As `search`, in these documents (None: any) of these collections (none: any)."""
        asked = " ".join(dict.fromkeys(words(question)))[:_MAX_WORDS]
        if k <= 0 or not asked:
            return []
        within = among("collection", collections) if collections else ""
        if documents is None:
            return self._search(asked, k, within)
        return in_batches("document", documents, lambda where: self._search(asked, k, _and(within, where)), k)

    def commit(self, generation: int) -> None:
        self._rows.commit(generation)

    def drop(self) -> None:
        """Forget all of it: the server keeps nothing."""
        self._rows.drop()

    def __len__(self) -> int:
        return len(self._rows)

    def _search(self, asked: str, k: int, where: str) -> list[Hit]:
        hits = self._rows.search("words", asked, k, {"metric_type": "BM25"}, where)
        # Some servers give the score, others its negative as a distance; none is below zero by itself.
        return merged(iter([[(number, abs(score)) for number, score in hits if score]]), k)


def _and(*conditions: str) -> str:
    return " and ".join(condition for condition in conditions if condition)


def _analysed(text: str) -> str:
    """The words as our analyzer makes them: the server's own, which differs by version, finds them again one by one."""
    joined = " ".join(words(text))
    return joined[: joined.rfind(" ", 0, _MAX_WORDS)] if len(joined) > _MAX_WORDS else joined
