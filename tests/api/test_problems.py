"""Everything that goes wrong is problem details, and nothing of the inside gets out."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.types import Message

from api.http.app import create_app
from index.errors import ChangingError, InputError, ModelError, SpanqaError, StoreError
from index.store.store import Store
from qa.engine import Engine

Check = Callable[..., dict[str, Any]]
Serving = Callable[..., TestClient]
ASK = {"question": "When do the drills run?"}
JSON = {"content-type": "application/json"}


def test_unknown_routes_and_methods(client: TestClient, problem: Check) -> None:
    for path in (
        "/assets/",
        "/assets/x",
        "/assets/..%2fhttp.py",
        "/v1",
        "/v1/ask/",
        "/v2/ask",
        "/openapi.yaml",
        "/%00",
        "/..%2f..",
        "/v1/documents/",
    ):
        problem(client.get(path), 404, "not-found")
    for path, allowed in (
        ("/v1/ask", "POST"),
        ("/v1/documents", "GET, POST"),
        ("/v1/documents/x", "DELETE, GET"),
        ("/healthz", "GET"),
        ("/docs", "GET"),
    ):
        response = client.put(path)
        body = problem(response, 405, "method-not-allowed")
        assert response.headers["allow"] == allowed and allowed in body["detail"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"question": ""}, "question"),
        ({"question": " \n"}, "question"),
        ({"question": "x" * 2001}, "question"),
        ({"question": None}, "question"),
        ({"answers": 0}, "answers"),
        ({"answers": 51}, "answers"),
        ({"answers": 1.5}, "answers"),
        ({"answers": 10**400}, "answers"),
        ({"answers": float("nan")}, "answers"),
        ({"passages": 201}, "passages"),
        ({"passages": float("inf")}, "passages"),
        ({"threshold": 1.01}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"threshold": float("-inf")}, "threshold"),
        ({"filters": {"document_ids": "x"}}, "filters.document_ids"),
        ({"filters": {"uri_prefix": "x" * 2001}}, "filters.uri_prefix"),
        ({"unknown": 1}, "unknown"),
        ({"k" * 5000: 1}, "k" * 300),
    ],
)
def test_wrong_questions(client: TestClient, problem: Check, changes: dict[str, Any], field: str) -> None:
    content = json.dumps({**ASK, **changes})
    body = problem(client.post("/v1/ask", content=content, headers=JSON), 422, "invalid-request")
    assert [(error["location"], error["field"]) for error in body["errors"]] == [("body", field)]
    assert "NaN" not in json.dumps(body)


@pytest.mark.parametrize("path", ["/v1/ask", "/v1/search"])
def test_questions_without_words(client: TestClient, problem: Check, path: str) -> None:
    body = problem(client.post(path, json={"question": "󝒺 ?!"}), 422, "invalid-request")
    assert body["detail"] == "question: the question has no words"


@pytest.mark.parametrize("path", ["/v1/ask", "/v1/search", "/v1/citations/verify", "/v1/documents"])
@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"",
        b"null",
        b"[]",
        b"3",
        b"NaN",
        b'{"question": "\xff"}',
        b'{"question": "\xed\xa0\x80"}',
        b'{"question": "\\ud800", "uri": "\\ud800", "text": "\\ud800"}',
        b'{"uri": "a", "text": "lone \\udc00", "question": "lone \\udc00"}',
        b'{"\\ud800": 1}',
        b'{"answers": ' + b"9" * 5000 + b"}",
        b'{"threshold": 1e999}',
        b"[" * 30_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b"[" * 500 + b"]" * 500,
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00",
        b"\x00",
    ],
)
def test_bodies_that_are_no_request(client: TestClient, problem: Check, path: str, content: bytes) -> None:
    response = client.post(path, content=content, headers=JSON)
    assert response.status_code in (400, 422)
    problem(response, response.status_code, "malformed-body" if response.status_code == 400 else "invalid-request")


def test_bodies_of_other_types(client: TestClient, problem: Check) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "", "json"):
        for path in ("/v1/ask", "/v1/search", "/v1/citations/verify"):
            response = client.post(path, content=json.dumps(ASK), headers={"content-type": content_type})
            problem(response, 415, "unsupported-media-type")
    problem(client.post("/v1/ask", content=json.dumps(ASK)), 415, "unsupported-media-type")


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (InputError("the input is odd"), 422, "unusable-input"),
        (StoreError("the store is away"), 503, "store-unavailable"),
        (ChangingError("the store changes too fast"), 503, "store-changing"),
        (ModelError("the reader is missing"), 503, "model-unavailable"),
        (SpanqaError("something expected"), 500, "internal-error"),
    ],
)
def test_expected_errors(
    client: TestClient, reader: Any, problem: Check, *, error: SpanqaError, status: int, kind: str
) -> None:
    reader.failure = error
    body = problem(client.post("/v1/ask", json=ASK), status, kind)
    assert (str(error) in body["detail"]) == (status != 500)


def test_an_unexpected_error_tells_nothing_and_is_logged(
    client: TestClient, reader: Any, problem: Check, caplog: pytest.LogCaptureFixture
) -> None:
    reader.failure = RuntimeError("the secret of the inside")
    with caplog.at_level(logging.ERROR, "spanqa.http"):
        response = client.post("/v1/ask", json=ASK, headers={"x-request-id": "mine-1"})
    body = problem(response, 500, "internal-error")
    assert "secret" not in response.text and "Traceback" not in response.text and body["request_id"] == "mine-1"
    record = caplog.records[-1]
    assert "mine-1" in record.getMessage()
    assert record.exc_info is not None and "the secret of the inside" in str(record.exc_info[1])


def test_an_unexpected_error_is_logged_without_the_path(
    client: TestClient, store: Store, problem: Check, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_id: str) -> None:
        raise RuntimeError

    monkeypatch.setattr(store.catalogue, "record", broken)
    with caplog.at_level(logging.ERROR, "spanqa.http"):
        problem(client.get("/v1/documents/the-name-of-it"), 500, "internal-error")
    message = caplog.records[-1].getMessage()
    assert "GET /v1/documents/{document_id}" in message and "the-name-of-it" not in message


def test_a_store_of_another_embedder(
    client: TestClient, store: Store, document: dict[str, Any], problem: Check
) -> None:
    store.catalogue.set_settings({"embedder": "another", "embedder_sha256": "9" * 64})
    for response in (
        client.post("/v1/ask", json=ASK),
        client.post("/v1/search", json=ASK),
        client.post("/v1/documents", json={"uri": "b", "text": "Text."}),
        client.get("/readyz"),
    ):
        assert "--re-embed" in problem(response, 409, "other-embedder")["detail"]
    assert client.get(f"/v1/documents/{document['id']}").status_code == 200


def test_a_damaged_catalogue(client: TestClient, store: Store, problem: Check) -> None:
    store.close()
    for path in Path(store.folder).glob("catalogue.sqlite*"):
        path.write_bytes(b"this is no database, and never was one" * 100)
    for response in (client.get("/v1/documents"), client.get("/readyz"), client.post("/v1/ask", json=ASK)):
        problem(response, 503, "store-unavailable")


@pytest.fixture
def small(serving: Serving) -> TestClient:
    return serving(max_document_bytes=200, max_question_bytes=100, max_citations_bytes=150)


@pytest.mark.parametrize(("path", "limit"), [("/v1/ask", 100), ("/v1/documents", 200), ("/v1/citations/verify", 150)])
def test_bodies_that_are_too_large(small: TestClient, problem: Check, path: str, limit: int) -> None:
    fitting = b" " * (limit - 2) + b"{}"
    problem(small.post(path, content=fitting, headers=JSON), 422, "invalid-request")
    body = problem(small.post(path, content=b" " + fitting, headers=JSON), 413, "too-large")
    assert str(limit) in body["detail"]

    def stream() -> Iterator[bytes]:
        for _ in range(limit // 10 + 1):
            yield b" " * 10

    problem(small.post(path, content=stream(), headers=JSON), 413, "too-large")


def test_a_length_that_lies(small: TestClient, problem: Check) -> None:
    for length in ("9" * 5000, "1" + "0" * 30):
        problem(small.post("/v1/ask", content=b"{}", headers={**JSON, "content-length": length}), 413, "too-large")
    for length in ("x", "-1", "1e3"):
        problem(small.post("/v1/ask", content=b"{}", headers={**JSON, "content-length": length}), 400, "malformed-body")
    problem(small.post("/v1/ask", content=b" " * 101, headers={**JSON, "content-length": "2"}), 413, "too-large")


def test_a_large_document_within_the_limit(client: TestClient) -> None:
    text = "One sentence of many stands here. " * 3000
    response = client.post("/v1/documents", json={"uri": "large", "text": text})
    assert response.status_code == 201 and response.json()["characters"] == len(text)


def test_request_ids(client: TestClient) -> None:
    first, second = (client.get("/healthz").headers["x-request-id"] for _ in range(2))
    assert first != second
    assert client.get("/healthz", headers={"x-request-id": "abc-1.2_3"}).headers["x-request-id"] == "abc-1.2_3"
    for bad in ("a b", "x" * 129, "ü".encode(), "<script>", ""):
        given = client.get("/nowhere", headers=[(b"x-request-id", bad if isinstance(bad, bytes) else bad.encode())])
        assert given.headers["x-request-id"] not in (bad, "") and len(given.headers["x-request-id"]) == 32


def test_other_names_and_other_pages(client: TestClient, document: dict[str, Any], problem: Check) -> None:
    for host in ("evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "[", "127.0.0.1@evil.example:1:2"):
        problem(client.get("/v1/documents", headers={"host": host}), 421, "wrong-host")
    for host in ("localhost", "LOCALHOST:1", "[::1]:8000", "127.0.0.1"):
        assert client.get("/v1/documents", headers={"host": host}).status_code == 200
    for origin in ("https://evil.example", "null", "http://127.0.0.1:9999", "http://127.0.0.1:8000.evil.example", ""):
        for method, path in (("POST", "/v1/documents?uri=x"), ("DELETE", f"/v1/documents/{document['id']}")):
            headers = {"origin": origin, "content-type": "text/plain"}
            problem(client.request(method, path, headers=headers), 403, "foreign-origin")
        assert client.get("/v1/documents", headers={"origin": origin}).status_code == 200
    own = {"origin": "http://127.0.0.1:8000", "content-type": "text/plain"}
    assert client.post("/v1/documents?uri=x", content=b"Text.", headers=own).status_code == 201


def test_any_host_where_that_is_wanted(serving: Serving) -> None:
    assert serving(allowed_hosts=("*",)).get("/healthz", headers={"host": "what.ever"}).status_code == 200


def test_a_client_that_goes_away(engine: Engine) -> None:
    sent: list[Message] = []
    messages: list[Message] = [
        {"type": "http.request", "body": b"half of ", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/documents",
        "query_string": b"uri=a",
        "headers": [(b"host", b"localhost"), (b"content-type", b"text/plain")],
    }
    anyio.run(create_app(engine), scope, receive, send)
    assert sent[0]["status"] == 400


def test_an_error_in_a_route_of_others(engine: Engine, serving: Serving, problem: Check) -> None:
    app: FastAPI = create_app(engine)

    @app.get("/broken")
    async def broken() -> None:
        raise KeyError("inside")

    body = problem(serving(app).get("/broken"), 500, "internal-error")
    assert "inside" not in json.dumps(body)
