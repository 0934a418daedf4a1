"""Dense and lexical search in a Milvus server, derived from the catalogue and shared by all who use the store.

A collection carries the generation that it was brought up to, in a row of its own, with the time of the last write
before it. Whoever searches asks for all writes up to that time: no server may answer from an older state (guarantee
timestamps, https://milvus.io/docs/timestamp.md). `Session` consistency does the same for one's own writes only.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from index.documents import DEFAULT_COLLECTION, StoredPassage
from index.errors import StoreError
from index.search.faiss import Hit
from index.text.words import words

CONNECT_TIMEOUT_S = 10.0
CALL_TIMEOUT_S = 60.0
ROWS_A_WRITE = 500
IDS_A_FILTER = 2_000
OLDEST_SERVER = (2, 3)
# The first version that makes sparse vectors of words itself.
BM25_SINCE = (2, 5)
# Milvus's own default of 64 makes a collection slow to create and to load, for a handful of collections.
PARTITIONS = 16
# Hierarchical navigable small worlds (Malkov and Yashunin 2016): links a node, candidates while building.
HNSW = {"M": 16, "efConstruction": 200}
SEARCHED_CANDIDATES = 256
# As tantivy's, so that both kinds of store rank alike.
BM25 = {"bm25_k1": 1.2, "bm25_b": 0.75}
# No passage has a number below 1: the catalogue counts from there.
_STATE_ID = -1
LITE = "milvus_lite"
_MAX_NAME = 1_024
_MAX_WORDS = 65_535
_FIELDS = ("text", "context")
_T = TypeVar("_T")


def connect(uri: str) -> Any:
    """A client of the server, shared by the indexes of one store; raises StoreError where it cannot be reached."""
    try:
        import pymilvus
    except ImportError as error:
        raise StoreError("search in Milvus needs another package: pip install 'spanqa[milvus]'") from error
    # It logs each error that it raises, with all of its frames; ours say the same in a line.
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    with _translated(uri):
        client = pymilvus.MilvusClient(
            uri=uri,
            token=os.environ.get("MILVUS_TOKEN", ""),
            timeout=CONNECT_TIMEOUT_S,
            # Pings of a client that asks for nothing make some servers hang up, which gRPC tells on standard error.
            grpc_options={"grpc.keepalive_permit_without_calls": False},
        )
        version = str(client.get_server_version())
    if _number(version) < OLDEST_SERVER:
        oldest = ".".join(map(str, OLDEST_SERVER))
        raise StoreError(f"the Milvus server at {uri} has version {version}; it must be {oldest} or newer")
    return client


def has_bm25(client: Any, uri: str) -> bool:
    """Whether the server ranks words itself."""
    with _translated(uri):
        return _number(str(client.get_server_version())) >= BM25_SINCE


def drop_collections(client: Any, uri: str, prefix: str, *, keeping: str) -> None:
    """Drop the collections whose names begin with `prefix`, except for those that begin with `keeping`."""
    with _translated(uri):
        for name in client.list_collections():
            if name.startswith(prefix) and not name.startswith(keeping):
                client.drop_collection(name)


def _number(version: str) -> tuple[int, int]:
    # "v2.3.5-lite" is the server in small; "milvus_lite-3.2.2" is another program, which numbers its releases anew.
    if version.startswith(LITE):
        return BM25_SINCE
    match = re.search(r"(\d+)\.(\d+)", version)
    return (int(match.group(1)), int(match.group(2))) if match else (0, 0)


@contextmanager
def _translated(where: str) -> Iterator[None]:
    from grpc import RpcError
    from pymilvus import MilvusException

    try:
        yield
    except (MilvusException, RpcError) as error:
        message = " ".join(str(getattr(error, "message", error)).split())[:500]
        raise StoreError(f"the Milvus server at {where} cannot be used: {message}") from error


class _Collection:
    """One collection of the server: rows by passage id, and the row that says how far they are."""

    def __init__(self, client: Any, uri: str, name: str) -> None:
        self._client = client
        self._uri = uri
        self.name = name
        self.generation = 0
        # Milvus's own clock: all writes up to here must be seen.
        self._seen_until = 1
        # Milvus Lite counts words in each segment for itself; what is in none yet, it counts anew for every filter.
        with _translated(uri):
            self._ranks_by_segment = str(client.get_server_version()).startswith(LITE)

    def open(self, schema: Any, indexes: Any, empty: dict[str, Any]) -> None:
        """Use the collection, made where it is missing and finished where making it was interrupted.

        `empty` is a row's own fields of the row that carries the generation. Raises StoreError for a collection of that
        name with other fields.
        """
        self._empty = empty
        with _translated(self._uri):
            if not self._client.has_collection(self.name):
                self._create(schema)
            self._check(schema)
            present = set(self._client.list_indexes(self.name))
            missing = self._client.prepare_index_params()
            for index in indexes:
                if index.field_name not in present:
                    missing.append(index)
            if missing:
                self._client.create_index(self.name, missing)
            self._client.load_collection(self.name)
            self._read_state(strong=True)

    def refresh(self) -> None:
        """Learn how far other processes have brought it."""
        with _translated(self._uri):
            self._read_state(strong=False)

    def upsert(self, rows: Sequence[dict[str, Any]]) -> None:
        with _translated(self._uri):
            for begin in range(0, len(rows), ROWS_A_WRITE):
                self._client.upsert(self.name, list(rows[begin : begin + ROWS_A_WRITE]), timeout=CALL_TIMEOUT_S)
            self._seen_until = max(self._seen_until, self._last_write())

    def delete(self, ids: Sequence[int]) -> None:
        with _translated(self._uri):
            for begin in range(0, len(ids), IDS_A_FILTER):
                chosen = _among("id", list(ids[begin : begin + IDS_A_FILTER]))
                self._client.delete(self.name, filter=chosen, timeout=CALL_TIMEOUT_S)
            # The time that the server gives for a deletion may be before it (seen with 2.3.5, busy): that of a write
            # behind it is not.
            self._write_state(self.generation)
            self._seen_until = max(self._seen_until, self._last_write())

    def commit(self, generation: int) -> None:
        with _translated(self._uri):
            self._write_state(generation)
            if self._ranks_by_segment:
                self._client.flush(self.name, timeout=CALL_TIMEOUT_S)
        self.generation = generation

    def search(self, field: str, query: Any, k: int, metric: dict[str, Any], where: str = "") -> list[Hit]:
        with _translated(self._uri):
            results = self._client.search(
                self.name,
                [query],
                anns_field=field,
                # The row that carries the generation may be among the best of few.
                limit=k + 1,
                filter=where,
                search_params=metric,
                output_fields=["id"],
                timeout=CALL_TIMEOUT_S,
                **self._consistency(),
            )
        hits = [(int(hit["id"]), float(hit["distance"])) for hit in results[0]]
        return [hit for hit in hits if hit[0] != _STATE_ID][:k]

    def __len__(self) -> int:
        with _translated(self._uri):
            counted = self._client.query(self.name, filter="id >= 0", output_fields=["count(*)"], **self._consistency())
        return int(counted[0]["count(*)"])

    def drop(self) -> None:
        with _translated(self._uri):
            self._client.drop_collection(self.name)

    def _create(self, schema: Any) -> None:
        self._client.create_collection(
            self.name, schema=schema, consistency_level="Session", num_partitions=PARTITIONS, timeout=CALL_TIMEOUT_S
        )

    def _check(self, schema: Any) -> None:
        def shape(name: str, type_: Any, parameters: dict[str, Any]) -> tuple[str, int, int]:
            return name, int(type_), int(parameters.get("dim", 0))

        wanted = {shape(field.name, field.dtype, field.params) for field in schema.fields}
        described = self._client.describe_collection(self.name)
        there = {shape(field["name"], field["type"], field.get("params", {})) for field in described["fields"]}
        if there != wanted:
            odd = ", ".join(sorted(f"{name} ({dim})" if dim else name for name, _, dim in there ^ wanted))
            raise StoreError(
                f"the collection {self.name} of the Milvus server at {self._uri} was not made by this version of "
                f"spanqa: {odd} differ; drop it, and it is filled again from the catalogue"
            )

    def _write_state(self, generation: int) -> None:
        state = {"generation": generation, "written": self._seen_until}
        row = {"id": _STATE_ID, "collection": DEFAULT_COLLECTION, "document": json.dumps(state)} | self._empty
        self._client.upsert(self.name, [row], timeout=CALL_TIMEOUT_S)

    def _read_state(self, *, strong: bool) -> None:
        consistency = {"consistency_level": "Strong"} if strong else self._consistency()
        rows = self._client.query(
            self.name, filter=f"id == {_STATE_ID}", output_fields=["document"], timeout=CALL_TIMEOUT_S, **consistency
        )
        if not rows:
            self.generation = 0
            return
        state = json.loads(rows[0]["document"])
        self.generation = int(state["generation"])
        self._seen_until = max(self._seen_until, int(state["written"]))

    def _consistency(self) -> dict[str, Any]:
        return {"consistency_level": "Customized", "guarantee_timestamp": self._seen_until}

    def _last_write(self) -> int:
        """When the server took the last write of this process, by its own clock."""
        from pymilvus.client.ts_utils import get_collection_ts

        return int(get_collection_ts(self.name, self._client._get_connection().server_address, "") or 1)


def _base_schema(client: Any) -> Any:
    from pymilvus import DataType

    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("collection", DataType.VARCHAR, max_length=_MAX_NAME, is_partition_key=True)
    schema.add_field("document", DataType.VARCHAR, max_length=_MAX_NAME)
    return schema


def _owner(passage: StoredPassage | None) -> dict[str, Any]:
    if passage is None:
        return {"collection": DEFAULT_COLLECTION, "document": ""}
    return {"collection": passage.collection, "document": passage.document_id}


def _among(field: str, values: Sequence[int] | Sequence[str]) -> str:
    return f"{field} in {json.dumps(list(values), ensure_ascii=False)}"


def _merged(parts: Iterator[list[Hit]], k: int) -> list[Hit]:
    hits = [hit for part in parts for hit in part]
    return sorted(hits, key=lambda hit: (-hit[1], hit[0]))[:k]


def _in_batches(field: str, values: Sequence[_T], search: Callable[[str], list[Hit]], k: int) -> list[Hit]:
    """The best of all searches of which each may look at a part of the values: no filter is too long to be exact."""
    batches = (values[begin : begin + IDS_A_FILTER] for begin in range(0, len(values), IDS_A_FILTER))
    return _merged((search(_among(field, batch)) for batch in batches), k)  # type: ignore[arg-type]


class MilvusVectorIndex:
    """Inner-product search in a collection of a Milvus server, partitioned by the documents' collections."""

    def __init__(self, client: Any, uri: str, name: str, dimensions: int) -> None:
        self._dimensions = dimensions
        self._rows = _Collection(client, uri, name)
        from pymilvus import DataType

        schema = _base_schema(client)
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
        owners = [_owner(None)] * len(ids) if passages is None else [_owner(passage) for passage in passages]
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
        return _in_batches("id", allowed.tolist(), lambda where: self._search(vector, k, where), k)

    def search_in(
        self, vector: NDArray[np.float32], k: int, documents: Sequence[str] | None, collections: Sequence[str]
    ) -> list[Hit]:
        """As `search`, in these documents (None: any) of these collections (none: any)."""
        within = _among("collection", collections) if collections else ""
        if documents is None:
            return self._search(vector, k, within)
        return _in_batches("document", documents, lambda where: self._search(vector, k, _and(within, where)), k)

    def similarities(self, vector: NDArray[np.float32], ids: Sequence[int]) -> list[float | None]:
        known: dict[int, float] = {}
        for begin in range(0, len(ids), IDS_A_FILTER):
            batch = list(ids[begin : begin + IDS_A_FILTER])
            known.update(self._search(vector, len(batch), _among("id", batch)))
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
        return _merged(iter([self._rows.search("vector", query, k, metric, where)]), k)


class MilvusLexicalIndex:
    """BM25 by a Milvus server that has it, over the same words as the embedded index.

    Text and headings are two sparse fields, whose scores add up. The best of either are looked for first, then both
    scores of all of these.
    """

    def __init__(self, client: Any, uri: str, name: str) -> None:
        self._rows = _Collection(client, uri, name)
        from pymilvus import DataType, Function, FunctionType

        schema = _base_schema(client)
        indexes = client.prepare_index_params()
        for field in _FIELDS:
            schema.add_field(
                field,
                DataType.VARCHAR,
                max_length=_MAX_WORDS,
                enable_analyzer=True,
                analyzer_params={"tokenizer": "standard"},
            )
            schema.add_field(f"{field}_words", DataType.SPARSE_FLOAT_VECTOR)
            schema.add_function(
                Function(
                    name=f"{field}_bm25",
                    function_type=FunctionType.BM25,
                    input_field_names=[field],
                    output_field_names=[f"{field}_words"],
                )
            )
            indexes.add_index(f"{field}_words", index_type="SPARSE_INVERTED_INDEX", metric_type="BM25", params=BM25)
        self._rows.open(schema, indexes, dict.fromkeys(_FIELDS, ""))

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
                {"id": passage.id, "text": _analysed(passage.text), "context": _analysed(passage.context)}
                | _owner(passage)
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
        within = _among("collection", collections) if collections else ""
        if documents is None:
            return self._search(asked, k, within)
        return _in_batches("document", documents, lambda where: self._search(asked, k, _and(within, where)), k)

    def commit(self, generation: int) -> None:
        self._rows.commit(generation)

    def drop(self) -> None:
        """Forget all of it: the server keeps nothing."""
        self._rows.drop()

    def __len__(self) -> int:
        return len(self._rows)

    def _search(self, asked: str, k: int, where: str) -> list[Hit]:
        deep = max(SEARCHED_CANDIDATES, 4 * k)
        best = {field: self._scores(field, asked, deep, where) for field in _FIELDS}
        candidates = {number for scores in best.values() for number in scores}
        total = dict.fromkeys(candidates, 0.0)
        for field, scores in best.items():
            unknown = [number for number in candidates if number not in scores]
            # A field that gave fewer than were asked for has no more to give.
            if unknown and len(scores) >= deep:
                for begin in range(0, len(unknown), IDS_A_FILTER):
                    batch = unknown[begin : begin + IDS_A_FILTER]
                    scores.update(self._scores(field, asked, len(batch), _among("id", batch)))
            for number, score in scores.items():
                total[number] += score
        return _merged(iter([list(total.items())]), k)

    def _scores(self, field: str, asked: str, k: int, where: str) -> dict[int, float]:
        hits = self._rows.search(f"{field}_words", asked, k, {"metric_type": "BM25"}, where)
        # Some servers give the score, others its negative as a distance; none is below zero by itself.
        return {number: abs(score) for number, score in hits if score}


def _and(*conditions: str) -> str:
    return " and ".join(condition for condition in conditions if condition)


def _analysed(text: str) -> str:
    """The words as our analyzer makes them: the server's own, which differs by version, finds them again one by one."""
    joined = " ".join(words(text))
    return joined[: joined.rfind(" ", 0, _MAX_WORDS)] if len(joined) > _MAX_WORDS else joined
