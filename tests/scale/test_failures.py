"""Servers that are down, wrong, too old or half ready: a clear error, and nothing lost once they are well again."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import quote
from uuid import uuid4

import grpc
import pytest
from fakes.embedders import FakeEmbedder
from pymilvus import MilvusClient, MilvusException
from pymilvus.grpc_gen import common_pb2, milvus_pb2, milvus_pb2_grpc
from sqlalchemy import create_engine, text

import index.catalogue.postgres
from index.documents import Document
from index.errors import StoreError
from index.location import ServerStore, parse_location
from index.store.store import Store
from scale.servers import Server, free_port, milvus, milvus_lite, milvus_url, postgres, postgres_url, temporary_folder

CATS, DOGS, FISH = "Cats chase mice.", "Dogs bury bones.", "Fish swim upstream."
# However long the machine takes, an error is not a hanging call.
BOUNDED_S = 60.0


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who does not answer is given up sooner."""
    monkeypatch.setattr("index.search.milvus_server.CONNECT_TIMEOUT_S", 3.0)
    monkeypatch.setattr("index.catalogue.postgres.CONNECT_TIMEOUT_S", 3)


@dataclass
class Servers:
    """PostgreSQL and one that searches."""

    database: Server
    search: Server


@pytest.fixture(scope="module", params=[milvus, milvus_lite], ids=["milvus", "milvus-lite"])
def servers(request: pytest.FixtureRequest) -> Iterator[Servers]:
    """Servers of these tests alone, as they do not live long."""
    with (
        temporary_folder() as folder,
        postgres(folder / "postgres") as database,
        request.param(folder / "search") as search,
    ):
        yield Servers(database, search)


@pytest.fixture
def location(servers: Servers) -> ServerStore:
    return locate(postgres_url(servers.database), milvus_url(servers.search))


@pytest.fixture
def opened(location: ServerStore) -> Iterator[Callable[[], Store]]:
    stores: list[Store] = []

    def open_one() -> Store:
        stores.append(Store(location, FakeEmbedder()))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()


def locate(database: str, search: str, schema: str = "") -> ServerStore:
    found = parse_location(f"{database}?schema={schema or f's{uuid4().hex}'}&milvus={quote(search)}")
    assert isinstance(found, ServerStore)
    return found


def document(name: str, words: str) -> Document:
    return Document(uri=f"file:///{name}", title=name, text=words)


def best(store: Store, question: str) -> set[str]:
    """The best text of each index."""
    found = store.search(question, store.embedder.embed([question])[0], 5)
    passages = store.catalogue.snapshot([i for i, _ in [*found.dense, *found.lexical]]).passages
    return {passages[part[0][0]].text for part in (found.dense, found.lexical)}


def names(store: Store, uri: str) -> list[str]:
    """The store's collections in the server."""
    own = f"spanqa_{(store.catalogue.setting('store_id') or '')[:16]}_"
    return sorted(name for name in MilvusClient(uri=uri).list_collections() if name.startswith(own))


def test_the_database_is_lost_and_comes_back(servers: Servers, opened: Callable[[], Store]) -> None:
    store = opened()
    store.put(document("a", CATS))
    servers.database.kill()
    try:
        for act in (lambda: best(store, CATS), lambda: store.put(document("b", DOGS)), opened):
            with pytest.raises(StoreError, match=r"the store postgresql://\S+ cannot be used: .*(refused|closed)"):
                act()
    finally:
        servers.database.start()
    assert best(store, CATS) == {CATS}
    assert store.catalogue.counts() == (1, 1)
    store.put(document("b", DOGS))
    for each in (store, opened()):
        assert best(each, DOGS) == {DOGS}


def test_the_search_server_is_lost_and_comes_back(servers: Servers, opened: Callable[[], Store]) -> None:
    store = opened()
    store.put(document("a", CATS))
    where = milvus_url(servers.search)
    servers.search.kill()
    try:
        for act in (lambda: best(store, CATS), lambda: store.put(document("b", DOGS)), lambda: best(opened(), CATS)):
            begun = time.monotonic()
            with pytest.raises(StoreError, match=f"the Milvus server at {where} cannot be used"):
                act()
            assert time.monotonic() - begun < BOUNDED_S
    finally:
        servers.search.start()
    for each in (store, opened()):
        assert best(each, CATS) == {CATS}
    store.put(document("b", DOGS))
    store.put(document("c", FISH))
    for each in (store, opened()):
        assert {frozenset(best(each, words)) for words in (CATS, DOGS, FISH)} == {
            frozenset([words]) for words in (CATS, DOGS, FISH)
        }


@pytest.mark.parametrize("step", ["create_collection", "create_index", "load_collection", "upsert"])
def test_a_half_created_collection_is_finished(
    opened: Callable[[], Store], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise MilvusException(message="the server had enough")

    with monkeypatch.context() as patch, pytest.raises(StoreError, match="cannot be used: the server had enough"):
        patch.setattr(MilvusClient, step, fails)
        opened().put(document("a", CATS))
    store = opened()
    store.put(document("a", CATS))
    assert best(store, CATS) == {CATS}
    assert store.catalogue.counts() == (1, 1)


def test_a_crash_between_rows_and_their_generation(
    opened: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    store = opened()
    store.put(document("a", CATS))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("index.search.milvus_server.MilvusCollection.commit", crash)
        store.put(document("a", DOGS))
    for each in (store, opened()):
        assert best(each, DOGS) == {DOGS}
        found = each.search(CATS, each.embedder.embed([CATS])[0], 5)
        assert len(found.dense) == 1, "the rows of the older text are gone"


def test_a_collection_that_was_dropped_is_filled_again(servers: Servers, opened: Callable[[], Store]) -> None:
    store = opened()
    store.put(document("a", CATS))
    client = MilvusClient(uri=milvus_url(servers.search))
    for name in names(store, milvus_url(servers.search)):
        client.drop_collection(name)
    with pytest.raises(StoreError, match="cannot be used"):
        best(store, CATS)
    assert best(store, CATS) == {CATS}


def test_another_dimension_is_refused_and_left_alone(servers: Servers, opened: Callable[[], Store]) -> None:
    store = opened()
    store.put(document("a", CATS))
    uri = milvus_url(servers.search)
    client = MilvusClient(uri=uri)
    (vectors,) = (name for name in names(store, uri) if name.endswith("_vectors"))
    client.drop_collection(vectors)
    client.create_collection(vectors, dimension=3)
    with pytest.raises(StoreError, match=rf"the collection {vectors} .* vector \(3\), vector \(64\) differ; drop it"):
        best(opened(), CATS)
    assert client.has_collection(vectors)
    client.drop_collection(vectors)
    assert best(opened(), CATS) == {CATS}


def test_a_restored_backup_is_noticed(location: ServerStore, opened: Callable[[], Store]) -> None:
    store = opened()
    store.put(document("a", CATS))
    database = create_engine(location.database.set(drivername="postgresql+psycopg"))
    with database.begin() as connection:
        connection.execute(text(f'SET search_path = "{location.schema}"'))
        then = [dict(row._mapping) for row in connection.execute(text("SELECT name, value FROM settings"))]
    store.put(document("b", DOGS))
    store.close()
    with database.begin() as connection:
        connection.execute(text(f'SET search_path = "{location.schema}"'))
        connection.execute(text("DELETE FROM documents WHERE uri = 'file:///b'"))
        connection.execute(text("DELETE FROM settings"))
        connection.execute(text("INSERT INTO settings VALUES (:name, :value)"), then)
    database.dispose()
    again = opened()
    found = again.search(DOGS, again.embedder.embed([DOGS])[0], 5)
    assert len(found.dense) == 1
    assert found.lexical == []
    again.put(document("c", FISH))
    assert best(again, FISH) == {FISH}


def test_what_another_embedder_made_is_not_kept(servers: Servers, location: ServerStore) -> None:
    store = Store(location, FakeEmbedder())
    store.put(document("a", CATS))
    uri = milvus_url(servers.search)
    before = names(store, uri)
    store.close()
    other = Store(location, FakeEmbedder("other", 16))
    other.re_embed()
    assert best(other, CATS) == {CATS}
    assert len(names(other, uri)) == len(before)
    assert not set(names(other, uri)) & set(before)
    other.close()


@pytest.fixture(scope="module")
def database() -> Iterator[Server]:
    with temporary_folder() as folder, postgres(folder / "postgres") as server:
        yield server


class _NoMilvus(BaseHTTPRequestHandler):
    # A client that says nothing it understands is not waited for.
    timeout = 1

    def do_POST(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def a_web_server() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _NoMilvus)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def a_silent_port() -> Iterator[int]:
    """Connections are taken and never answered."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def refused(store: ServerStore, message: str) -> None:
    begun = time.monotonic()
    with pytest.raises(StoreError, match=message) as caught:
        Store(store, FakeEmbedder()).put(document("a", CATS))
    assert time.monotonic() - begun < BOUNDED_S
    assert "Traceback" not in str(caught.value)
    assert len(str(caught.value)) < 1_000


def test_no_search_server_at_that_url(database: Server, a_web_server: str, a_silent_port: int) -> None:
    for url in (f"http://127.0.0.1:{free_port()}", a_web_server, f"http://127.0.0.1:{a_silent_port}",
                f"http://127.0.0.1:{database.port}", "http://nowhere.invalid:19530"):  # fmt: skip
        refused(locate(postgres_url(database), url), f"the Milvus server at {url} cannot be used")


def test_no_database_at_that_url(a_web_server: str, a_silent_port: int) -> None:
    port = a_web_server.rpartition(":")[2]
    for place in (f"127.0.0.1:{free_port()}", f"127.0.0.1:{port}", f"127.0.0.1:{a_silent_port}", "nowhere.invalid"):
        refused(locate(f"postgresql://spanqa@{place}/kb", "http://127.0.0.1:9"), f"{place}/kb.* cannot be used")


def test_an_old_database_server(database: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index.catalogue.postgres, "OLDEST_SERVER", 99)
    refused(locate(postgres_url(database), "http://127.0.0.1:9"), "PostgreSQL 1.* must be 99 or newer")


class _Old(milvus_pb2_grpc.MilvusServiceServicer):
    def Connect(self, request: object, context: object) -> milvus_pb2.ConnectResponse:  # noqa: N802
        return milvus_pb2.ConnectResponse(status=common_pb2.Status())

    def GetVersion(self, request: object, context: object) -> milvus_pb2.GetVersionResponse:  # noqa: N802
        return milvus_pb2.GetVersionResponse(status=common_pb2.Status(), version="v2.2.16")


def test_an_old_search_server(database: Server) -> None:
    server = grpc.server(ThreadPoolExecutor(2))
    milvus_pb2_grpc.add_MilvusServiceServicer_to_server(_Old(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        refused(
            locate(postgres_url(database), f"http://127.0.0.1:{port}"),
            r"has version v2\.2\.16; it must be 2\.3 or newer",
        )
    finally:
        server.stop(0).wait()


def test_a_user_who_may_not(database: Server) -> None:
    admin = create_engine(f"postgresql+psycopg://spanqa@127.0.0.1:{database.port}/kb")
    with admin.begin() as connection:
        connection.execute(text("CREATE USER guest"))
    admin.dispose()
    store = locate(f"postgresql://guest@127.0.0.1:{database.port}/kb", "http://127.0.0.1:9")
    refused(store, "permission denied")
