"""A Milvus server and its collections: rows by passage id that say up to which generation they were brought.

A collection carries the generation that it was brought up to, in a row of its own, with the time of the last write
before it. Whoever searches asks for all writes up to that time: no server may answer from an older state (guarantee
timestamps, https://milvus.io/docs/timestamp.md). `Session` consistency does the same for one's own writes only.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from index.documents import DEFAULT_COLLECTION, StoredPassage
from index.errors import StoreError
from index.search.protocol import Hit

CONNECT_TIMEOUT_S = 10.0
CALL_TIMEOUT_S = 60.0
ROWS_A_WRITE = 500
IDS_A_FILTER = 2_000
OLDEST_SERVER = (2, 3)
# The first version that makes sparse vectors of words itself.
BM25_SINCE = (2, 5)
# Milvus's own default of 64 makes a collection slow to create and to load, for a handful of collections.
PARTITIONS = 16
# No passage has a number below 1: the catalogue counts from there.
_STATE_ID = -1
LITE = "milvus_lite"
_MAX_NAME = 1_024
_T = TypeVar("_T")


def connect(uri: str) -> Any:
    """A client of the server, shared by the indexes of one store; raises StoreError where it cannot be reached."""
    try:
        import pymilvus
    except ImportError as error:
        raise StoreError("search in Milvus needs another package: pip install 'spanqa[milvus]'") from error
    # It logs each error that it raises, with all of its frames; ours say the same in a line.
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    with translated(uri):
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
    with translated(uri):
        return _number(str(client.get_server_version())) >= BM25_SINCE


def drop_collections(client: Any, uri: str, prefix: str, *, keeping: Collection[str]) -> None:
    """Drop the collections whose names begin with `prefix`, except for those named in `keeping`."""
    with translated(uri):
        for name in client.list_collections():
            if name.startswith(prefix) and name not in keeping:
                client.drop_collection(name)


def _number(version: str) -> tuple[int, int]:
    # "v2.3.5-lite" is the server in small; "milvus_lite-3.2.2" is another program, which numbers its releases anew.
    if version.startswith(LITE):
        return BM25_SINCE
    match = re.search(r"(\d+)\.(\d+)", version)
    return (int(match.group(1)), int(match.group(2))) if match else (0, 0)


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turns the server's errors into StoreError."""
    from grpc import RpcError
    from pymilvus import MilvusException

    try:
        yield
    except (MilvusException, RpcError) as error:
        message = " ".join(str(getattr(error, "message", error)).split())[:500]
        raise StoreError(f"the Milvus server at {where} cannot be used: {message}") from error


class MilvusCollection:
    """One collection of the server: rows by passage id, and the row that says how far they are."""

    def __init__(self, client: Any, uri: str, name: str) -> None:
        self._client = client
        self._uri = uri
        self.name = name
        self.generation = 0
        # Milvus's own clock: all writes up to here must be seen.
        self._seen_until = 1
        # Milvus Lite counts words in each segment for itself; what is in none yet, it counts anew for every filter.
        with translated(uri):
            self._ranks_by_segment = str(client.get_server_version()).startswith(LITE)

    def open(self, schema: Any, indexes: Any, empty: dict[str, Any]) -> None:
        """Use the collection, made where it is missing and finished where making it was interrupted.

        `empty` is a row's own fields of the row that carries the generation. Raises StoreError for a collection of that
        name with other fields.
        """
        self._empty = empty
        with translated(self._uri):
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
        with translated(self._uri):
            self._read_state(strong=False)

    def upsert(self, rows: Sequence[dict[str, Any]]) -> None:
        with translated(self._uri):
            for begin in range(0, len(rows), ROWS_A_WRITE):
                self._client.upsert(self.name, list(rows[begin : begin + ROWS_A_WRITE]), timeout=CALL_TIMEOUT_S)
            self._seen_until = max(self._seen_until, self._last_write())

    def delete(self, ids: Sequence[int]) -> None:
        with translated(self._uri):
            for begin in range(0, len(ids), IDS_A_FILTER):
                chosen = among("id", list(ids[begin : begin + IDS_A_FILTER]))
                self._client.delete(self.name, filter=chosen, timeout=CALL_TIMEOUT_S)
            # The time that the server gives for a deletion may be before it (seen with 2.3.5, busy): that of a write
            # behind it is not.
            self._write_state(self.generation)
            self._seen_until = max(self._seen_until, self._last_write())

    def commit(self, generation: int) -> None:
        with translated(self._uri):
            self._write_state(generation)
            if self._ranks_by_segment:
                self._client.flush(self.name, timeout=CALL_TIMEOUT_S)
        self.generation = generation

    def search(self, field: str, query: Any, k: int, metric: dict[str, Any], where: str = "") -> list[Hit]:
        with translated(self._uri):
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
        with translated(self._uri):
            counted = self._client.query(self.name, filter="id >= 0", output_fields=["count(*)"], **self._consistency())
        return int(counted[0]["count(*)"])

    def drop(self) -> None:
        with translated(self._uri):
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


def base_schema(client: Any) -> Any:
    """The fields of every collection: a passage's id and whose it is."""
    from pymilvus import DataType

    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("collection", DataType.VARCHAR, max_length=_MAX_NAME, is_partition_key=True)
    schema.add_field("document", DataType.VARCHAR, max_length=_MAX_NAME)
    return schema


def owner_fields(passage: StoredPassage | None) -> dict[str, Any]:
    """Whose a passage is, as a collection keeps it."""
    if passage is None:
        return {"collection": DEFAULT_COLLECTION, "document": ""}
    return {"collection": passage.collection, "document": passage.document_id}


def among(field: str, values: Sequence[int] | Sequence[str]) -> str:
    """The condition that a field is one of these values."""
    return f"{field} in {json.dumps(list(values), ensure_ascii=False)}"


def merged(parts: Iterator[list[Hit]], k: int) -> list[Hit]:
    """The best `k` of several lists."""
    hits = [hit for part in parts for hit in part]
    return sorted(hits, key=lambda hit: (-hit[1], hit[0]))[:k]


def in_batches(field: str, values: Sequence[_T], search: Callable[[str], list[Hit]], k: int) -> list[Hit]:
    """The best of all searches of which each may look at a part of the values: no filter is too long to be exact."""
    batches = (values[begin : begin + IDS_A_FILTER] for begin in range(0, len(values), IDS_A_FILTER))
    return merged((search(among(field, batch)) for batch in batches), k)  # type: ignore[arg-type]
