"""A server around a real store, with an embedder and a reader that need no weights."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fakes.embedders import HashedWordsEmbedder
from fakes.engines import margin_calibration
from fakes.readers import PhraseReader
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.client import Client
from api.http.app import create_app, serve
from api.settings import ServerSettings
from index.store.store import Store
from qa.engine import Engine

BASE_URL = "http://127.0.0.1:8000"
TEXT = "Ünïcödé 🛰 first.\r\nThe drills run from August 9 to 13 in Ningxia.\n\nThe engine was built by Charles in 1843."


@pytest.fixture
def reader() -> PhraseReader:
    return PhraseReader()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "store", HashedWordsEmbedder())
    yield store
    store.close()


@pytest.fixture
def engine(store: Store, reader: PhraseReader) -> Engine:
    return Engine(store, reader, margin_calibration())


def wait_until_warm(client: TestClient) -> None:
    for _ in range(500):
        if client.get("/healthz").status_code == 200:
            return
        time.sleep(0.01)
    raise AssertionError("the server did not become healthy")


@pytest.fixture
def serving(engine: Engine) -> Iterator[Callable[..., TestClient]]:
    """Make a client of a server with settings of one's own; it is warm unless `warm=False`."""
    clients = []

    def make(app: FastAPI | None = None, *, warm: bool = True, **settings: Any) -> TestClient:
        app = app or create_app(engine, settings=ServerSettings(**settings))
        client = TestClient(app, base_url=BASE_URL)
        client.__enter__()
        clients.append(client)
        if warm:
            wait_until_warm(client)
        return client

    yield make
    for client in clients:
        client.__exit__(None, None, None)


@contextmanager
def _listening(engine: Engine, settings: ServerSettings) -> Iterator[int]:
    started: list[tuple[uvicorn.Server, int]] = []
    up, run = threading.Event(), uvicorn.Server.run

    def running(server: uvicorn.Server, sockets: Any = None) -> None:
        started.append((server, sockets[0].getsockname()[1]))
        up.set()
        run(server, sockets)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uvicorn.Server, "run", running)
        thread = threading.Thread(target=serve, args=(engine, "127.0.0.1", 0), kwargs={"settings": settings})
        thread.start()
        assert up.wait(10)
    server, port = started[0]
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            for _ in range(500):
                if server.started and client.get("/healthz").status_code == 200:
                    break
                time.sleep(0.01)
        yield port
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def listening(engine: Engine) -> Iterator[Callable[..., int]]:
    """Start a real server with settings of one's own; returns its port on 127.0.0.1."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(_listening(engine, ServerSettings(**settings)))


@pytest.fixture
def api(listening: Callable[..., int]) -> Iterator[Client]:
    """The Python client, of a real server."""
    with Client(f"http://127.0.0.1:{listening()}") as client:
        yield client


@pytest.fixture
def client(serving: Callable[..., TestClient]) -> TestClient:
    return serving()


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    """The record of an indexed document whose text is TEXT."""
    response = client.post("/v1/documents", json={"uri": "https://example.org/drills.txt", "text": TEXT})
    assert response.status_code == 201, response.text
    record: dict[str, Any] = response.json()
    return record


@pytest.fixture
def text() -> str:
    return TEXT


@pytest.fixture
def problem() -> Callable[..., dict[str, Any]]:
    """Check that a response is problem details of a status and kind, and return them."""

    def check(response: Any, status: int, kind: str) -> dict[str, Any]:
        assert response.status_code == status, response.text
        assert response.headers["content-type"] == "application/problem+json"
        body: dict[str, Any] = response.json()
        assert body["status"] == status
        assert body["type"] == f"urn:spanqa:problem:{kind}"
        assert body["title"] and body["detail"]
        assert body["instance"].startswith("/")
        assert body["request_id"] == response.headers["x-request-id"]
        return body

    return check
