"""The Python client, of a real server and of ones that refuse."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from api import client as module
from api.client import AnswerError, ApiError, Client, ConnectionFailedError, Progress
from api.schemas import Description, FileResult
from index.errors import InputError
from index.store.keyring import KeyRing
from index.store.store import Store
from qa.types import Filters

TEXT = "The drills run from August 9 to 13 in Ningxia."
DRILLS = "When do the drills run?"


class Recorder(httpx.HTTPTransport):
    """Sends requests, and remembers them."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, str]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append((request.method.lower(), request.url.path))
        return super().handle_request(request)


def test_every_operation_of_the_description(listening: Callable[..., int], tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{listening()}"
    recorder = Recorder()
    with Client(url, transport=recorder) as api:
        assert api.health().status == "ok" and api.readiness().documents == 0
        progress: list[Progress] = []
        stored = api.put_document("a", TEXT, title="A", known=Description(tags=("x",)), on_progress=progress.append)
        assert stored.changed and (stored.document.title, stored.document.tags) == ("A", ("x",))
        assert progress[-1].total == progress[-1].done == 1
        assert api.show_document(stored.document.id) == stored.document
        assert api.show_text(stored.document.id).text == TEXT

        answer = api.ask(DRILLS, answers=1, threshold=0.1).answers[0]
        assert api.search(DRILLS, passages=1).passages[0].document == answer.citation.document
        assert api.verify_citation(answer.citation).valid
        moved = answer.citation.model_copy(update={"start": 1})
        assert [verdict.valid for verdict in api.verify_citations([answer.citation, moved])] == [True, False]
        assert "August 9 to 13" in api.format_citation(answer.citation).plain

        (tmp_path / "b.md").write_bytes(b"# Heading\n\nSecond.")
        results: list[FileResult] = []
        report = api.put_files(
            [tmp_path / "b.md", ("c.bin", b"\x00")], known=Description(collection="c"), on_file=results.append
        )
        assert report.files == tuple(results)
        second = report.files[0].document
        assert second is not None and (second.title, second.collection) == ("Heading", "c")
        problem = report.files[1].problem
        assert problem is not None and problem.status == 422
        assert [record.id for record in api.list_documents(Filters(collections=("c",))).documents] == [second.id]

        api.remove_document(second.id)
        with pytest.raises(ApiError) as raised:
            api.show_document(second.id)
        assert raised.value.status == 404 and raised.value.request_id
        assert 'spanqa_uploads_total{outcome="changed"} 2' in api.metrics()
    described = httpx.get(f"{url}/openapi.json").json()["paths"]
    templates = {(method, path) for path, operations in described.items() for method in operations}
    done = {
        (method, template)
        for method, template in templates
        for sent, path in recorder.sent
        if sent == method and re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path)
    }
    assert done == templates
    operations = {operation["operationId"] for path in described.values() for operation in path.values()}
    assert operations <= set(vars(Client)), "a method has the name of its operation"


def test_documents_come_page_by_page(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{number:03}" for number in range(7)]
    for name in names:
        api.put_document(name, f"Text {name}.")
    monkeypatch.setattr(module, "PAGE", 3)
    assert [record.uri for record in api.documents()] == names
    assert [record.uri for record in api.documents(Filters(uri_prefix="00"))] == names


def test_conditions(api: Client) -> None:
    first = api.put_document("a", "One.", if_none_match="*")
    assert api.etag(first.document.id) == first.etag
    assert not api.put_document("a", "One.").changed
    for conditions in ({"if_none_match": "*"}, {"if_match": '"other"'}):
        with pytest.raises(ApiError) as raised:
            api.put_document("a", "Two.", **conditions)
        assert (raised.value.status, raised.value.type) == (412, "urn:spanqa:problem:changed")
    second = api.put_content("a", b"Two.", "text/plain", if_match=first.etag)
    assert second.changed and second.document.id == first.document.id
    with pytest.raises(ApiError, match="412"):
        api.remove_document(first.document.id, if_match=first.etag)
    api.remove_document(first.document.id, if_match=second.etag)


def test_keys(listening: Callable[..., int], store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://127.0.0.1:{listening()}"
    token = KeyRing(store).add("reader", ["read"])[1]
    with Client(url) as nobody, pytest.raises(ApiError) as raised:
        nobody.list_documents()
    assert (raised.value.status, raised.value.title) == (401, "An API key is required")
    with Client(url, api_key=token) as reader:
        assert reader.list_documents().total == 0
        with pytest.raises(ApiError, match="403") as raised:
            reader.put_document("a", TEXT)
        assert token not in str(raised.value) + repr(reader) + repr(vars(reader))
    monkeypatch.setenv("QA_API_KEY", token)
    with Client(url) as reader:
        assert reader.list_documents().total == 0
    for wrong in ("clé", "a key", "key\r\nx-other: 1"):
        with pytest.raises(InputError, match="API key"):
            Client(url, api_key=wrong)


def test_wrong_arguments_are_not_sent() -> None:
    with Client(transport=httpx.MockTransport(lambda request: pytest.fail("sent"))) as api:
        for call, message in (
            (lambda: api.ask("?!"), "question: the question has no words"),
            (lambda: api.search("Who?", passages=0), "passages"),
            (lambda: api.put_document("", "Text."), "uri"),
            (lambda: api.list_documents(limit=0), "limit"),
            (lambda: api.put_files([Path("/nowhere/at/all.txt")]), "all.txt: cannot be read"),
        ):
            with pytest.raises(InputError, match=message):
                call()
    for wrong in ("127.0.0.1:8000", "ftp://127.0.0.1", "http://", "http://a:b", ""):
        with pytest.raises(InputError, match="is no URL"):
            Client(wrong)


def busy(status: int = 503, **headers: str) -> httpx.Response:
    problem = {"type": "urn:spanqa:problem:busy", "title": "Too many requests at once", "status": status}
    body = {**problem, "detail": "try again later", "instance": "/v1/uploads", "request_id": "r1"}
    content = json.dumps(body).encode()
    return httpx.Response(status, content=content, headers={"content-type": "application/problem+json", **headers})


class Server:
    """Answers with what it is given, in turn; the last again and again."""

    def __init__(self, *answers: httpx.Response, **options: Any) -> None:
        self.answers = list(answers)
        self.bodies: list[bytes] = []
        self.slept: list[float] = []
        transport = httpx.MockTransport(self._answer)
        self.api = Client(transport=transport, sleep=self.slept.append, **options)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(request.read())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


OK = httpx.Response(200, json={"status": "ok"})


def test_a_busy_server_is_asked_again_when_it_says() -> None:
    server = Server(busy(**{"retry-after": "2"}), busy(429, **{"retry-after": "7"}), OK)
    assert server.api.health().status == "ok"
    assert server.slept == [2, 7]
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    server = Server(busy(**{"retry-after": later}), OK)
    server.api.health()
    assert 20 < server.slept[0] <= 30


@pytest.mark.parametrize(
    ("answer", "waits"),
    [
        (busy(**{"retry-after": "1"}), [1, 1, 1]),
        (busy(**{"retry-after": "8"}), [8, 8]),
        (busy(**{"retry-after": "21"}), []),
        (busy(**{"retry-after": "9" * 400}), []),
        (busy(**{"retry-after": "soon"}), []),
        (busy(), []),
        (busy(500, **{"retry-after": "1"}), []),
    ],
)
def test_asking_again_has_an_end(answer: httpx.Response, waits: list[float]) -> None:
    server = Server(answer, retries=3, max_wait_s=20)
    with pytest.raises(ApiError) as raised:
        server.api.health()
    error = raised.value
    assert (error.status, error.title, error.detail) == (
        answer.status_code,
        "Too many requests at once",
        "try again later",
    )
    assert error.request_id == "r1" and "r1" in str(error)
    assert server.slept == waits


def test_a_file_is_sent_whole_again(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"The whole content.")
    done = 'event: report\ndata: {"files": []}\n\n'
    server = Server(busy(**{"retry-after": "1"}), httpx.Response(200, text=done))
    server.api.put_files([tmp_path / "a.txt"])
    assert [body.count(b"The whole content.") for body in server.bodies] == [1, 1]


def test_answers_of_others() -> None:
    server = Server(httpx.Response(502, text="<html>Bad gateway</html>", headers={"x-request-id": "p1"}))
    with pytest.raises(ApiError, match="Bad gateway") as raised:
        server.api.health()
    assert (raised.value.status, raised.value.type, raised.value.request_id) == (502, "about:blank", "p1")
    for answer in (httpx.Response(200, text="<html>"), httpx.Response(200, json={"status": "fine"})):
        with pytest.raises(AnswerError, match="no Status"):
            Server(answer).api.health()
    with pytest.raises(AnswerError, match="ETag"):
        Server(OK).api.etag("x")
    for text in ("event: stored\ndata: {", 'event: stored\ndata: {"changed": true}\n\n', "event: stored\ndata: {\n\n"):
        with pytest.raises((AnswerError, ConnectionFailedError)):
            Server(httpx.Response(200, text=text)).api.put_document("a", TEXT)


def test_a_problem_among_the_events() -> None:
    problem = busy(503).content.decode()
    server = Server(httpx.Response(200, text=f": still at work\n\nevent: problem\ndata: {problem}\n\n"))
    with pytest.raises(ApiError) as raised:
        server.api.put_document("a", TEXT)
    assert raised.value.status == 503


def test_no_server() -> None:
    with Client("http://127.0.0.1:9", retries=0) as api, pytest.raises(ConnectionFailedError, match="did not answer"):
        api.health()
    with Client(transport=httpx.MockTransport(_broken)) as api, pytest.raises(ConnectionFailedError, match="broke"):
        api.put_document("a", TEXT)


def _broken(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("broke", request=request)
