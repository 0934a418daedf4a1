"""The server with API keys: who gets in, what for, and what is said to the others."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.http.app import create_app, serve
from api.http.logs import JsonFormatter, TextFormatter
from index.catalogue.audit_log import entries, last_uses, uses
from index.errors import StoreError
from index.store.keyring import KeyRing
from index.store.store import Store
from qa.engine import Engine

Check = Callable[..., dict[str, Any]]
Serving = Callable[..., TestClient]
ASK = {"question": "When do the drills run?"}


@pytest.fixture
def keys(store: Store) -> KeyRing:
    return KeyRing(store)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_open_until_there_is_a_key(client: TestClient, keys: KeyRing, problem: Check) -> None:
    assert client.get("/v1/documents").status_code == 200
    token = keys.add("k")[1]
    refused = client.get("/v1/documents")
    problem(refused, 401, "key-required")
    assert refused.headers["www-authenticate"] == 'Bearer realm="spanqa"'
    assert client.get("/v1/documents", headers=bearer(token)).status_code == 200
    for path in ("/healthz", "/docs", "/openapi.json"):
        assert client.get(path).status_code == 200
    for path in ("/metrics", "/readyz", "/v1/nothing", "/nothing", "/v1//ask", "/V1/ask", "/mcp"):
        problem(client.get(path), 401, "key-required")


def test_keys_that_disappear_open_nothing(
    client: TestClient, store: Store, keys: KeyRing, problem: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = keys.add("k")[1]
    assert client.get("/v1/documents", headers=bearer(token)).status_code == 200
    assert keys.clear() == 1
    problem(client.get("/v1/documents"), 401, "key-required")
    problem(client.get("/v1/documents", headers=bearer(token)), 401, "key-invalid")

    def broken(**_options: object) -> None:
        raise StoreError("the disk is gone")

    monkeypatch.setattr(store.catalogue, "connection", broken)
    problem(client.get("/v1/documents", headers=bearer(token)), 503, "store-unavailable")


def test_a_damaged_key_is_refused_and_told(client: TestClient, store: Store, keys: KeyRing, problem: Check) -> None:
    token = keys.add("k", collections=["a"])[1]
    assert client.get("/v1/documents", headers=bearer(token)).status_code == 200
    with store.catalogue.connection(write=True) as connection:
        connection.exec_driver_sql("UPDATE keys SET collections = '[]'")
    assert "damaged" in problem(client.get("/v1/documents", headers=bearer(token)), 401, "key-invalid")["detail"]
    problem(client.get("/v1/documents"), 401, "key-required")


def test_a_store_whose_keys_are_lost_is_not_served_without(
    client: TestClient, engine: Engine, store: Store, keys: KeyRing, problem: Check
) -> None:
    keys.add("k")
    with store.catalogue.connection(write=True) as connection:
        connection.exec_driver_sql("DELETE FROM keys")
    assert "are lost" in problem(client.get("/v1/documents"), 503, "store-unavailable")["detail"]
    with pytest.raises(StoreError, match=r"are lost.*qa store repair"):
        serve(engine, port=0)


def test_a_new_secret_and_the_old_one_until_its_grace_is_over(
    client: TestClient, keys: KeyRing, problem: Check
) -> None:
    old = keys.add("k")[1]
    new = keys.rotate("k", timedelta(hours=1))[1]
    assert [client.get("/v1/documents", headers=bearer(token)).status_code for token in (old, new)] == [200, 200]
    newest = keys.rotate("k", timedelta())[1]
    for token in (old, new):
        assert "expired" in problem(client.get("/v1/documents", headers=bearer(token)), 401, "key-invalid")["detail"]
    assert client.get("/v1/documents", headers=bearer(newest)).status_code == 200


def test_what_keys_are_used_for_is_noted(serving: Serving, store: Store, keys: KeyRing, engine: Engine) -> None:
    key, token = keys.add("k", ["read", "write"])
    refused, gone = keys.add("gone")
    keys.revoke("gone")
    with TestClient(create_app(engine), base_url="http://127.0.0.1:8000") as client:
        while client.get("/healthz").status_code != 200:
            pass
        put = client.post("/v1/documents", json={"uri": "hidden-uri", "text": "Hidden."}, headers=bearer(token)).json()
        for _ in range(2):
            client.post("/v1/ask", json=ASK, headers=bearer(token))
        client.get("/v1/documents/hidden-path", headers=bearer(token))
        client.get("/v1/documents", headers=bearer(gone))
        client.get("/v1/documents", headers=bearer(token[:-3] + "abc"))
        client.delete(f"/v1/documents/{put['id']}", headers=bearer(token))
    with store.catalogue.connection() as connection:
        noted = {(use.key_id, use.operation, use.outcome): use.count for use in uses(connection, limit=100)}
        changes = [(entry.actor, entry.operation, entry.subject) for entry in entries(connection, limit=100)]
        assert set(last_uses(connection)) == {key.id}
    assert noted == {
        (key.id, "POST /v1/documents", "done"): 1,
        (key.id, "POST /v1/ask", "done"): 2,
        (key.id, "GET /v1/documents/{document_id}", "refused"): 1,
        (key.id, "DELETE /v1/documents/{document_id}", "done"): 1,
        (refused.id, "GET unmatched", "refused"): 1,
    }
    assert changes[-2:] == [(key.id, "documents put", put["id"]), (key.id, "documents remove", put["id"])]
    assert "idden" not in repr((noted, changes))


def test_revoked_at_once_and_never_open_again(client: TestClient, keys: KeyRing, problem: Check) -> None:
    token = keys.add("k")[1]
    assert client.post("/v1/ask", json=ASK, headers=bearer(token)).status_code == 200
    keys.revoke("k")
    refused = client.post("/v1/ask", json=ASK, headers=bearer(token))
    assert "revoked" in problem(refused, 401, "key-invalid")["detail"]
    assert refused.headers["www-authenticate"] == 'Bearer realm="spanqa", error="invalid_token"'
    problem(client.post("/v1/ask", json=ASK), 401, "key-required")


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic abc", "Bearer a b", "Token {token}", "{token}", "Bearer {token}x", "bearer ü"],
)
def test_headers_that_are_no_key(client: TestClient, keys: KeyRing, problem: Check, header: str) -> None:
    token = keys.add("k")[1]
    sent = header.replace("{token}", token).encode("latin-1")
    problem(client.get("/v1/documents", headers=[(b"authorization", sent)]), 401, "key-invalid")
    twice = [(b"authorization", f"Bearer {token}".encode())] * 2
    problem(client.get("/v1/documents", headers=twice), 401, "key-invalid")
    assert client.get("/v1/documents", headers={"authorization": f"bearer  {token} "}).status_code == 200


def test_scopes(client: TestClient, keys: KeyRing, problem: Check) -> None:
    reading, writing = (bearer(keys.add(name, [name])[1]) for name in ("read", "write"))  # type: ignore[list-item]
    document = {"uri": "a", "text": "Text."}
    refused = client.post("/v1/documents", json=document, headers=reading)
    assert "write" in problem(refused, 403, "forbidden")["detail"]
    assert 'error="insufficient_scope"' in refused.headers["www-authenticate"]
    stored = client.post("/v1/documents", json=document, headers=writing)
    assert stored.status_code == 201
    path = f"/v1/documents/{stored.json()['id']}"
    problem(client.delete(path, headers=reading), 403, "forbidden")
    problem(client.put(path, headers=reading), 403, "forbidden")
    for allowed in (
        client.get(path, headers=reading),
        client.post("/v1/ask", json=ASK, headers=reading),
        client.post("/v1/search", json=ASK, headers=reading),
        client.get("/metrics", headers=reading),
    ):
        assert allowed.status_code == 200
    for refused in (client.get(path, headers=writing), client.post("/v1/ask", json=ASK, headers=writing)):
        problem(refused, 403, "forbidden")
    assert client.delete(path, headers=writing).status_code == 204


def test_too_often(serving: Serving, keys: KeyRing, problem: Check) -> None:
    client = serving(requests_per_minute=1, requests_at_once=3)
    assert [client.get("/v1/documents").status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = client.get("/v1/documents")
    problem(refused, 429, "too-many-requests")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert client.get("/healthz").status_code == 200
    # A key has a limit of its own; wrong keys share that of their address.
    one, other = (bearer(keys.add(name)[1]) for name in ("one", "other"))
    assert [client.get("/v1/documents", headers=one).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert client.get("/v1/documents", headers=other).status_code == 200
    problem(client.get("/v1/documents", headers=bearer("wrong")), 429, "too-many-requests")


def test_other_sites_get_no_leave(client: TestClient) -> None:
    asked = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    for response in (client.options("/v1/ask", headers=asked), client.get("/v1/documents", headers=asked)):
        assert not [name for name in response.headers if name.startswith("access-control")]


def test_the_log_names_the_key_and_holds_no_secret(
    client: TestClient, keys: KeyRing, caplog: pytest.LogCaptureFixture
) -> None:
    key, token = keys.add("k", ["read", "write"])
    with caplog.at_level(logging.DEBUG):
        client.post("/v1/ask", json=ASK, headers={**bearer(token), "x-request-id": "mine"})
        client.post("/v1/documents?uri=hidden-uri", content=b"Hidden text.", headers={**bearer(token)})
        client.get(f"/v1/documents/hidden-path?token={token}", headers=bearer(token))
        client.get("/v1/documents", headers=bearer(token[:-3] + "abc"))
    records = [record for record in caplog.records if record.name == "spanqa.http" and record.msg == "request"]
    lines = [json.loads(JsonFormatter().format(record)) for record in records]
    asked = lines[0]
    assert (asked["request_id"], asked["method"], asked["route"]) == ("mine", "POST", "/v1/ask")
    assert (asked["status"], asked["key"], asked["level"]) == (200, key.id, "info") and asked["ms"] > 0
    assert [line["status"] for line in lines] == [200, 415, 404, 401]
    assert lines[2]["route"] == "/v1/documents/{document_id}" and "key" not in lines[3]
    logged = "\n".join(
        [formatter.format(record) for record in records for formatter in (JsonFormatter(), TextFormatter())]
    )
    for hidden in (token, token.split("_", 2)[2], "hidden", "Hidden", "drills"):
        assert hidden not in logged


def test_tracebacks_are_in_the_line() -> None:
    try:
        raise KeyError("inside")
    except KeyError:
        record = logging.LogRecord("spanqa", logging.ERROR, "f", 1, "failed %s", ("it",), __import__("sys").exc_info())
    line = json.loads(JsonFormatter().format(record))
    assert line["message"] == "failed it" and "KeyError: 'inside'" in line["traceback"]
