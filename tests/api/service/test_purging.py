"""A server leaves no byte of removed and replaced documents in its store's files."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from index.errors import StoreError
from index.store.store import Store

Serving = Callable[..., TestClient]


def put(client: TestClient, uri: str, text: str) -> str:
    return str(client.post("/v1/documents", json={"uri": uri, "text": text}).json()["id"])


def holds(store: Store, word: str) -> bool:
    files = [path for path in Path(store.folder).rglob("*") if path.is_file()]
    return any(word.encode() in path.read_bytes().lower() for path in files)


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to that")


def due(client: TestClient) -> bool:
    return "spanqa_purge_due 1" in client.get("/metrics").text


def test_removed_and_replaced_bytes_go_by_themselves(serving: Serving, store: Store) -> None:
    client = serving(purge_after_s=0)
    kept, gone = put(client, "kept", "Quagga one stays."), put(client, "gone", "Zebu two goes.")
    assert holds(store, "zebu") and not due(client)
    assert client.delete(f"/v1/documents/{gone}").status_code == 204
    wait_until(lambda: not due(client) and not holds(store, "zebu"))
    put(client, "kept", "Okapi three stays.")
    wait_until(lambda: not due(client) and not holds(store, "quagga"))
    assert holds(store, "okapi") and client.get(f"/v1/documents/{kept}").status_code == 200


def test_many_removals_are_purged_together_and_when_the_server_stops(
    serving: Serving, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serving(purge_after_s=3600)
    for number in range(3):
        document = put(client, f"d{number}", f"Zebu{number} goes.")
        client.delete(f"/v1/documents/{document}")
    assert due(client) and holds(store, "zebu0")
    calls: list[None] = []
    purge = store.purge
    monkeypatch.setattr(store, "purge", lambda: (calls.append(None), purge()))
    client.__exit__(None, None, None)
    assert calls == [None] and not holds(store, "zebu0")
    client.__enter__()


def test_what_cannot_be_purged_now_stays_due(
    serving: Serving, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = serving(purge_after_s=0)
    tried: list[None] = []
    purge = store.purge

    def fails_once() -> None:
        tried.append(None)
        if len(tried) == 1:
            raise StoreError("somebody reads")
        purge()

    monkeypatch.setattr(store, "purge", fails_once)
    client.delete(f"/v1/documents/{put(client, 'gone', 'Zebu goes.')}")
    wait_until(lambda: len(tried) >= 2 and not due(client))
    assert "somebody reads" in caplog.text and not holds(store, "zebu")
