"""Health, readiness, metrics, the API's description, the gates and the server itself."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel, ValidationError

import api.http.examples as shown
from api.http import app as http
from api.http.app import serve
from api.problems import Problem, field_errors, kind_of_status
from api.schemas import DocumentList, DocumentText, DocumentUpload, SearchRequest, SearchResponse
from api.service import warmup
from api.settings import ServerSettings
from index.documents import DocumentRecord
from index.errors import InputError, ModelError
from index.store.store import Store
from qa.citing.formats import FormattedCitation
from qa.citing.verify import Verdict
from qa.engine import Engine
from qa.types import Citation, Question, Response

Check = Callable[..., dict[str, Any]]
Serving = Callable[..., TestClient]
ASK = {"question": "When do the drills run?"}


def test_healthy_only_once_warm(engine: Engine, reader: Any, serving: Serving, problem: Check) -> None:
    reader.hold = threading.Event()
    client = serving(warm=False)
    assert reader.reading.acquire(timeout=10)
    for response in (client.get("/healthz"), client.get("/readyz"), client.post("/v1/ask", json=ASK)):
        body = problem(response, 503, "starting")
        assert "being loaded" in body["detail"] and response.headers["retry-after"] == "2"
    problem(client.post("/v1/documents", json={"uri": "a", "text": "Text."}), 503, "starting")
    assert client.get("/v1/documents").status_code == 200
    reader.hold.set()
    for _ in range(500):
        if client.get("/healthz").status_code == 200:
            break
        time.sleep(0.01)
    assert client.get("/healthz").json() == {"status": "ok"}
    head = client.head("/healthz")
    assert (head.status_code, head.content) == (200, b"")
    assert client.get("/readyz").json() == {
        "status": "ok",
        "documents": 0,
        "passages": 0,
        "store_generation": 0,
        "calibrated": True,
    }


@pytest.mark.parametrize(
    ("failure", "said", "status", "kind"),
    [
        (ModelError("the reader is missing"), "the reader is missing", 503, "model-unavailable"),
        (RuntimeError("inside"), "the server's log", 500, "internal-error"),
    ],
)
def test_a_warm_up_that_fails_is_tried_again(
    reader: Any,
    serving: Serving,
    problem: Check,
    monkeypatch: pytest.MonkeyPatch,
    *,
    failure: Exception,
    said: str,
    status: int,
    kind: str,
) -> None:
    monkeypatch.setattr(warmup, "RETRY_S", 0.01)
    reader.failure = failure
    client = serving(warm=False)
    for _ in range(500):
        detail = client.get("/healthz").json()["detail"]
        if said in detail:
            break
        time.sleep(0.01)
    problem(client.get("/healthz"), 503, "starting")
    problem(client.post("/v1/ask", json=ASK), status, kind)
    reader.failure = None
    for _ in range(500):
        if client.get("/healthz").status_code == 200:
            break
        time.sleep(0.01)
    assert client.post("/v1/ask", json=ASK).status_code == 200


def test_too_many_questions_are_refused(
    reader: Any, serving: Serving, problem: Check, document: dict[str, Any]
) -> None:
    client = serving(workers=1, max_waiting=1, retry_after_s=7, upload_patience_s=0.01)
    reader.hold = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        try:
            asked = [pool.submit(client.post, "/v1/ask", json=ASK)]
            assert reader.reading.acquire(timeout=10)
            asked.append(pool.submit(client.post, "/v1/ask", json=ASK))
            service = client.app.state.service  # type: ignore[attr-defined]
            for _ in range(500):
                if service.questions.inside == 2:
                    break
                time.sleep(0.01)
            response = client.post("/v1/ask", json=ASK)
            problem(response, 503, "busy")
            assert response.headers["retry-after"] == "7"
            problem(client.post("/v1/search", json=ASK), 503, "busy")
            # The loop is free meanwhile, and neither looking up nor indexing waits for reading.
            assert client.get("/healthz").status_code == 200
            assert client.get("/v1/documents").json()["total"] == 1
            assert client.post("/v1/documents", json={"uri": "b", "text": "Text."}).status_code == 201
        finally:
            reader.hold.set()
        assert [future.result(10).status_code for future in asked] == [200, 200]
    assert client.post("/v1/ask", json=ASK).status_code == 200


def test_too_many_uploads_are_refused(
    serving: Serving, store: Store, problem: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serving(max_waiting_uploads=0)
    hold, inside, put = threading.Event(), threading.Event(), store.put

    def slow(*arguments: Any, **options: Any) -> Any:
        inside.set()
        assert hold.wait(10)
        return put(*arguments, **options)

    monkeypatch.setattr(store, "put", slow)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.post, "/v1/documents", json={"uri": "a", "text": "Text."})
        try:
            assert inside.wait(10)
            for headers in ({}, {"accept": "text/event-stream"}):
                second = client.post("/v1/documents", json={"uri": "b", "text": "Text."}, headers=headers)
                problem(second, 503, "busy")
                assert second.headers["retry-after"] == "2"
            files = [("files", ("b.txt", b"Text."))]
            response = client.post("/v1/uploads", files=files, headers={"accept": "text/event-stream"})
            problem(response, 503, "busy")
            assert client.post("/v1/ask", json=ASK).status_code == 200
        finally:
            hold.set()
        assert first.result(10).status_code == 201


def test_questions_and_changes_at_once(client: TestClient, document: dict[str, Any], text: str) -> None:
    def change(number: int) -> list[int]:
        uri = f"https://example.org/{number}"
        put = client.post("/v1/documents", json={"uri": uri, "text": f"{number}. {text}"})
        return [put.status_code, client.delete(f"/v1/documents/{put.json()['id']}").status_code]

    def ask(_number: int) -> list[int]:
        response = client.post("/v1/ask", json=ASK)
        assert response.json()["answers"][0]["text"] == "August 9 to 13"
        return [response.status_code]

    with ThreadPoolExecutor(8) as pool:
        changed = [pool.submit(change, number) for number in range(4)]
        asked = [pool.submit(ask, number) for number in range(12)]
        assert [future.result(30) for future in changed] == [[201, 204]] * 4
        assert [future.result(30) for future in asked] == [[200]] * 12
    assert client.get("/v1/documents").json()["total"] == 1


SAMPLE = re.compile(r'[a-z_]+(\{([a-z]+="[^"\n]*",?)*\})? \d+(\.\d+)?(e-\d+)?')


def metrics_of(client: TestClient) -> dict[str, float]:
    response = client.get("/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert response.text.endswith("\n")
    lines = [line for line in response.text.splitlines() if not line.startswith("# ")]
    assert [line for line in lines if not SAMPLE.fullmatch(line)] == []
    assert len({line.rpartition(" ")[0] for line in lines}) == len(lines)
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_metrics(client: TestClient, document: dict[str, Any]) -> None:
    client.post("/v1/ask", json=ASK)
    client.post("/v1/ask", json={**ASK, "threshold": 1})
    client.post("/v1/ask", json={})
    client.get(f"/v1/documents/{document['id']}")
    client.get("/v1/documents/unknown")
    client.get("/nowhere/1")
    client.get("/nowhere/2")
    client.request("BREW", "/v1/ask")
    client.post("/v1/ask", content=b" " * 70_000)
    counted = metrics_of(client)
    requests = "spanqa_http_requests_total"
    assert counted[f'{requests}{{method="POST",route="/v1/ask",status="200"}}'] == 2
    assert counted[f'{requests}{{method="POST",route="/v1/ask",status="422"}}'] == 1
    assert counted[f'{requests}{{method="GET",route="/v1/documents/{{document_id}}",status="200"}}'] == 1
    assert counted[f'{requests}{{method="GET",route="/v1/documents/{{document_id}}",status="404"}}'] == 1
    assert counted[f'{requests}{{method="GET",route="unmatched",status="404"}}'] == 2
    assert counted[f'{requests}{{method="other",route="/v1/ask",status="405"}}'] == 1
    assert counted[f'{requests}{{method="POST",route="unmatched",status="413"}}'] == 1
    assert counted['spanqa_questions_total{reason="",status="answered"}'] == 1
    assert counted['spanqa_questions_total{reason="below_threshold",status="unsure"}'] == 1
    for stage in ("embed", "retrieve", "read", "total"):
        assert counted[f'spanqa_ask_seconds_count{{stage="{stage}"}}'] == 2
        assert counted[f'spanqa_ask_seconds_bucket{{le="+Inf",stage="{stage}"}}'] == 2
    assert counted['spanqa_ask_seconds_sum{stage="total"}'] > 0


def test_metrics_of_searches_and_uploads(client: TestClient, document: dict[str, Any]) -> None:
    client.post("/v1/search", json=ASK)
    client.post("/v1/documents", json={"uri": document["uri"], "text": "Another."})
    client.post("/v1/documents", json={"uri": document["uri"], "text": "Another."})
    client.post("/v1/documents?uri=a", content=b"latin \xe9", headers={"content-type": "text/plain"})
    client.post("/v1/documents?uri=a", content=b"Text.", headers={"content-type": "text/plain", "if-match": "*"})
    counted = metrics_of(client)
    for stage in ("embed", "retrieve"):
        assert counted[f'spanqa_search_seconds_count{{stage="{stage}"}}'] == 1
    uploads = {outcome: counted[f'spanqa_uploads_total{{outcome="{outcome}"}}'] for outcome in ("changed", "unchanged")}
    assert uploads == {"changed": 2, "unchanged": 1}
    assert counted['spanqa_uploads_total{outcome="failed"}'] == 2
    assert {counted[f"spanqa_{kind}_at_work"] for kind in ("questions", "uploads", "lookups")} == {0}


@pytest.fixture
def schema(client: TestClient) -> dict[str, Any]:
    described: dict[str, Any] = client.get("/openapi.json").json()
    return described


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from nodes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from nodes(inner)


def operations(schema: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation) for path, methods in schema["paths"].items() for method, operation in methods.items()
    ]


def test_the_description_is_whole(schema: dict[str, Any]) -> None:
    assert schema["openapi"].startswith("3.1") and schema["info"]["title"] == "spanqa"
    described = {(method, path) for path, method, _ in operations(schema)}
    assert described == {
        ("post", "/v1/ask"),
        ("post", "/v1/search"),
        ("post", "/v1/documents"),
        ("post", "/v1/uploads"),
        ("get", "/v1/documents"),
        ("get", "/v1/documents/{document_id}"),
        ("delete", "/v1/documents/{document_id}"),
        ("get", "/v1/documents/{document_id}/text"),
        ("post", "/v1/citations/verify"),
        ("post", "/v1/citations/format"),
        ("get", "/healthz"),
        ("get", "/readyz"),
        ("get", "/metrics"),
    }
    ids = [operation["operationId"] for _, _, operation in operations(schema)]
    assert len(set(ids)) == len(ids) and "ask" in ids
    for node in nodes(schema):
        reference = node.get("$ref")
        if isinstance(reference, str):
            target: Any = schema
            for part in reference.removeprefix("#/").split("/"):
                target = target[part]
        # What pydantic calls a limit means nothing in JSON Schema.
        assert not {"ge", "le", "gt", "lt"} & set(node)
    assert all(link["operationId"] in ids for node in nodes(schema) for link in node.get("links", {}).values())
    assert "HTTPValidationError" not in schema["components"]["schemas"]


def test_every_operation_is_described(schema: dict[str, Any]) -> None:
    for path, method, operation in operations(schema):
        assert operation["summary"] and operation["description"] and operation["tags"]
        named = set(re.findall(r"{(\w+)}", path))
        assert {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"} == named
        assert {"400", "413", "421"} <= set(operation["responses"])
        for status, response in operation["responses"].items():
            assert "X-Request-Id" in response["headers"]
            assert ("Retry-After" in response["headers"]) == (status in ("429", "503"))
            assert re.fullmatch(r"[1-5]\d\d", status) and response["description"]
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], (path, method, status)
                assert response["content"]["application/problem+json"]["schema"] == {
                    "$ref": "#/components/schemas/Problem"
                }
        if method == "post":
            bodies = operation["requestBody"]["content"]
            assert all("example" in body or "examples" in body for body in bodies.values())
            assert {"400", "413", "415", "422", "503"} <= set(operation["responses"])


@pytest.mark.parametrize(
    ("model", "value"),
    [
        (Question, shown.QUESTION),
        (Response, shown.RESPONSE),
        (Response, shown.UNSURE),
        (Response, shown.NOT_FOUND),
        (Response, shown.NOT_A_SPAN_QUESTION),
        (Question, shown.EXPLAINED_QUESTION),
        (Response, shown.EXPLAINED),
        (Citation, shown.CITATION),
        (Verdict, shown.VERDICT),
        (FormattedCitation, shown.FORMATTED),
        (SearchRequest, shown.SEARCH_REQUEST),
        (SearchResponse, shown.SEARCH_RESPONSE),
        (DocumentUpload, shown.DOCUMENT_UPLOAD),
        (DocumentRecord, shown.DOCUMENT_RECORD),
        (DocumentList, shown.DOCUMENT_LIST),
        (DocumentText, shown.DOCUMENT_TEXT),
        (Problem, Problem.model_json_schema()["examples"][0]),
    ],
)
def test_the_examples_are_what_they_say(model: type[BaseModel], value: dict[str, Any]) -> None:
    model.model_validate_json(json.dumps(value))


def test_the_example_citation_holds(client: TestClient) -> None:
    assert client.post("/v1/documents", json=shown.DOCUMENT_UPLOAD).json()["id"] == shown.DOCUMENT_RECORD["id"]
    assert client.post("/v1/citations/verify", json=shown.CITATION).json() == shown.VERDICT


def test_the_docs_page_needs_no_other_server(client: TestClient, schema: dict[str, Any]) -> None:
    response = client.get("/docs")
    assert response.headers["content-type"].startswith("text/html")
    assert "<script" not in response.text and 'src="' not in response.text
    for path, method, _ in operations(schema):
        assert f"<code>{method.upper()} {path}</code>" in response.text


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.1.2", "example.org", "", "localhost.example.org", "::ffff:8.8.8.8"]
)
def test_serving_others_is_refused(engine: Engine, host: str) -> None:
    with pytest.raises(InputError, match="qa keys add"):
        serve(engine, host, 0)


def test_ports_that_cannot_be_listened_on(engine: Engine) -> None:
    with http._listening("127.0.0.1", 0) as taken, pytest.raises(InputError, match="cannot listen"):
        serve(engine, "127.0.0.1", taken.getsockname()[1])
    with pytest.raises(InputError, match="not a port"):
        serve(engine, "127.0.0.1", 70_000)


def test_serving_a_store_of_another_embedder_is_refused(engine: Engine, store: Store) -> None:
    store.catalogue.set_settings({"embedder": "another", "embedder_sha256": "9" * 64})
    with pytest.raises(ModelError, match="--re-embed"):
        serve(engine, port=0)


def test_a_real_server(listening: Callable[..., int]) -> None:
    port = listening(max_document_bytes=100_000)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        assert client.post("/v1/documents", json=shown.DOCUMENT_UPLOAD).status_code == 201
        answered = client.post("/v1/ask", json=ASK)
        assert answered.json()["answers"][0]["text"] == "August 9 to 13"
        assert "server" not in answered.headers and answered.headers["x-request-id"]
        chunked = client.post(
            "/v1/documents?uri=x", content=iter([b"x" * 50_000] * 3), headers={"content-type": "text/plain"}
        )
        assert chunked.status_code == 413 and chunked.headers["content-type"] == "application/problem+json"
        assert client.get("/%FF%00").status_code == 404


def test_settings_are_checked() -> None:
    for wrong in ({"workers": 0}, {"max_waiting": -1}, {"max_document_bytes": 0}, {"unknown": 1}):
        with pytest.raises(ValidationError):
            ServerSettings(**wrong)  # type: ignore[arg-type]


def test_kinds_and_errors_of_any_shape() -> None:
    assert kind_of_status(418).title == "I'm a Teapot" and kind_of_status(499).slug == "http-499"
    assert len(field_errors([{"loc": ("body", n), "msg": "x", "type": "y"} for n in range(99)])) == 50
    assert field_errors([{"loc": (), "msg": "x", "type": "y"}])[0].location == "body"


def test_a_server_may_be_asked_whether_it_holds_documents(
    client: TestClient, problem: Callable[..., dict[str, Any]]
) -> None:
    body = problem(client.get("/readyz?documents=1"), 503, "too-few-documents")
    assert "the store holds 0 documents" in body["detail"]
    assert client.get("/readyz").status_code == 200
    client.post("/v1/documents", json={"uri": "https://example.org/a", "text": "The crane lifts forty tonnes."})
    assert client.get("/readyz?documents=1").json()["documents"] == 1
    assert client.get("/readyz?documents=2").status_code == 503
    assert client.get("/readyz?documents=some").status_code == 422
