"""Hostile requests to a real server: each is answered as docs/safety.md says, nothing is stored, the server lives."""

from __future__ import annotations

import ast
import asyncio
import json
import re
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from uvicorn.server import ServerState

from api.http.middleware import connections, limits
from index.store.keyring import KeyRing
from index.store.store import Store

ROOT = Path(__file__).parents[3]
SAFETY = ROOT / "docs" / "safety.md"
ASK = {"question": "When do the drills run?"}
SLOW_BODY = "A body that comes too slowly"
TEXT = {"content-type": "text/plain"}
# What the table says of each case, and the check of it.
CASES: dict[str, tuple[str, Callable[[Server], str]]] = {}


class Server:
    """A real server with raw access to its port."""

    def __init__(self, port: int, store: Store, patch: pytest.MonkeyPatch) -> None:
        self.patch = patch
        self.port = port
        self.store = store
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)

    def raw(self, *parts: bytes, pause: float = 0.0) -> tuple[int, dict[str, Any]]:
        """Status and JSON body of what the server answers to bytes, read until it closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            for part in parts:
                try:
                    connection.sendall(part)
                except (BrokenPipeError, ConnectionResetError):
                    break
                time.sleep(pause)
            received = b""
            while piece := connection.recv(65536):
                received += piece
        # Of several answers the last one: what comes after a refused request must not be answered.
        received = received[max((match.start() for match in re.finditer(rb"HTTP/1\.1 \d{3} ", received)), default=0) :]
        head, _, body = received.partition(b"\r\n\r\n")
        if not head:
            return 0, {}
        assert b"connection: close" in head.lower(), head
        return int(head.split(b" ", 2)[1]), json.loads(body)

    def post(self, path: str, **content: Any) -> str:
        return said(self.client.post(path, **content))


def said(response: httpx.Response) -> str:
    """A refusal as the table has it: status and kind of problem."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    return _said(response.status_code, response.json())


def _said(status: int, body: dict[str, Any]) -> str:
    assert body["status"] == status
    return f"{status} {body['type'].removeprefix('urn:spanqa:problem:')}"


def case(name: str, answer: str) -> Callable[[Callable[[Server], str]], Callable[[Server], str]]:
    def add(check: Callable[[Server], str]) -> Callable[[Server], str]:
        CASES[name] = answer, check
        return check

    return add


def head(method: str = "POST", path: str = "/v1/documents?uri=a", **headers: str) -> bytes:
    lines = {"host": "127.0.0.1", "content-type": "text/plain"} | {k.replace("_", "-"): v for k, v in headers.items()}
    shown = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{shown}\r\n".encode()


@pytest.fixture
def server(
    request: pytest.FixtureRequest, listening: Callable[..., int], store: Store, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    monkeypatch.setattr(limits, "LINGER_S", 0.3)
    # Short only where it is tested: the client is no faster than the machine.
    timeout = 1.0 if SLOW_BODY in request.node.name else 60.0
    server = Server(listening(body_timeout_s=timeout), store, monkeypatch)
    yield server
    server.client.close()


@case("A body of 100 MB whose length says so", "413 too-large")
def declared_large(server: Server) -> str:
    status, body = server.raw(head(content_length="100000000"), *[b"x" * 1_000_000] * 100)
    return _said(status, body)


@case("A body of 100 MB in chunks", "413 too-large")
def chunked_large(server: Server) -> str:
    chunk = b"f4240\r\n" + b"x" * 1_000_000 + b"\r\n"
    status, body = server.raw(head(transfer_encoding="chunked"), *[chunk] * 100, b"0\r\n\r\n")
    return _said(status, body)


@case("A request after a refused body, on the same connection", "413 too-large")
def after_refused(server: Server) -> str:
    # Were the connection kept, the rest of the body would be read as a request that stores a document.
    hidden = head(content_length="5") + b"Text."
    status, body = server.raw(head(content_length="99999999") + hidden)
    return _said(status, body)


@case(SLOW_BODY, "408 body-timeout")
def slow_body(server: Server) -> str:
    status, body = server.raw(head(content_length="100"), *[b"x"] * 20, pause=0.1)
    return _said(status, body)


@case("A head that comes too slowly", "connection closed")
def slow_head(server: Server) -> str:
    server.patch.setattr(connections, "HEAD_TIMEOUT_S", 1.0)
    status, _ = server.raw(b"POST /v1/documents HTTP/1.1\r\n", *[b"x-pad: 1\r\n"] * 20, pause=0.1)
    return "connection closed" if status == 0 else str(status)


@case("Content-Length and Transfer-Encoding together", "400 malformed-body")
def two_lengths(server: Server) -> str:
    status, body = server.raw(head(content_length="5", transfer_encoding="chunked") + b"5\r\nText.\r\n0\r\n\r\n")
    return _said(status, body)


@case("Two Content-Length headers that differ", "400 malformed-request")
def differing_lengths(server: Server) -> str:
    status, body = server.raw(head(content_length="5\r\ncontent-length: 6") + b"Text.!")
    return _said(status, body)


@case("A Transfer-Encoding other than chunked", "400 malformed-request")
def odd_encoding(server: Server) -> str:
    status, body = server.raw(head(transfer_encoding="xchunked") + b"5\r\nText.\r\n0\r\n\r\n")
    return _said(status, body)


@case("Two Host headers", "400 malformed-request")
def two_hosts(server: Server) -> str:
    status, body = server.raw(head(host="127.0.0.1\r\nhost: evil.example", content_length="5") + b"Text.")
    return _said(status, body)


@case("A Host that is not this server's", "421 wrong-host")
def other_host(server: Server) -> str:
    return server.post("/v1/documents?uri=a", content=b"Text.", headers={**TEXT, "host": "evil.example"})


@case("A page of another site", "403 foreign-origin")
def other_origin(server: Server) -> str:
    return server.post("/v1/documents?uri=a", content=b"Text.", headers={**TEXT, "origin": "https://evil.example"})


@case("A Transfer-Encoding in HTTP/1.0", "400 malformed-body")
def encoding_in_http_1_0(server: Server) -> str:
    sent = head(transfer_encoding="chunked").replace(b"HTTP/1.1", b"HTTP/1.0")
    status, body = server.raw(sent + b"5\r\nText.\r\n0\r\n\r\n")
    return _said(status, body)


@case("A Transfer-Encoding hidden behind a bare line feed", "400 malformed-request")
def bare_line_feed(server: Server) -> str:
    answers = {
        _said(*server.raw(head(x="1\ntransfer-encoding: chunked") + b"5\r\nText.\r\n0\r\n\r\n")),
        _said(*server.raw(head(content_length="5").replace(b"\r\n", b"\n") + b"Text.")),
        # In the second request of a connection too.
        _said(*server.raw(head("GET", "/healthz") + head(x="1\ny: 2", content_length="5") + b"Text.")),
    }
    return answers.pop() if len(answers) == 1 else str(answers)


@case("A header line that goes on from the one before", "400 malformed-request")
def folded_line(server: Server) -> str:
    return _said(*server.raw(head(x="1\r\n transfer-encoding: chunked", content_length="5") + b"Text."))


@case("A header with a space before its colon, a NUL or a bare carriage return", "400 malformed-request")
def odd_lines(server: Server) -> str:
    answers = {
        _said(*server.raw(head(x=f"1{odd}", content_length="5") + b"Text."))
        for odd in ("\r\ntransfer-encoding : chunked", "\x00", "\rtransfer-encoding: chunked")
    }
    return answers.pop() if len(answers) == 1 else str(answers)


@case("A chunk whose length is negative, or ends with a bare line feed", "400 malformed-request")
def odd_chunks(server: Server) -> str:
    answers = {
        _said(*server.raw(head(transfer_encoding="chunked") + chunk + b"\r\nText.\r\n0\r\n\r\n"))
        for chunk in (b"-5", b"5;a=\nb", b"5\n")
    }
    return answers.pop() if len(answers) == 1 else str(answers)


@case("Something that is not HTTP", "400 malformed-request")
def not_http(server: Server) -> str:
    return _said(*server.raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"))


@case("A head of 1 MB", "400 malformed-request")
def large_head(server: Server) -> str:
    return _said(*server.raw(head(x="y" * 1_000_000)))


@case("A question of 10,000 characters", "422 invalid-request")
def long_question(server: Server) -> str:
    return server.post("/v1/ask", json={"question": "why " * 2_500})


@case("Text that is not UTF-8", "422 unusable-input")
def not_utf8(server: Server) -> str:
    return server.post("/v1/documents?uri=a", content=b"latin \xe9", headers=TEXT)


@case("A name in the query that is not UTF-8", "400 malformed-request")
def query_not_utf8(server: Server) -> str:
    answers = {
        server.post("/v1/documents?uri=%ff", content=b"Text.", headers=TEXT),
        server.post("/v1/uploads?collection=%ed%a0%80", files={"files": ("a.txt", b"Text.")}),
    }
    return answers.pop() if len(answers) == 1 else str(answers)


@case("JSON that is not UTF-8", "400 malformed-body")
def json_not_utf8(server: Server) -> str:
    return server.post("/v1/ask", content=b'{"question": "\xff"}', headers={"content-type": "application/json"})


@case("JSON nested 30,000 deep", "400 malformed-body")
def deep_json(server: Server) -> str:
    return server.post("/v1/ask", content=b"[" * 30_000, headers={"content-type": "application/json"})


@case("A path that climbs out (`/v1/documents/..%2f..%2fetc%2fpasswd`)", "404 not-found")
def climbing_path(server: Server) -> str:
    return said(server.client.get("/v1/documents/..%2f..%2f..%2fetc%2fpasswd"))


@case("A path that climbs out of the page's files (`/assets/..%2fhttp.py`)", "404 not-found")
def climbing_asset(server: Server) -> str:
    answers = {
        said(server.client.get(f"/assets/{name}")) for name in ("..%2fhttp.py", "%2e%2e", "%2fetc%2fpasswd", "%00")
    }
    status, body = server.raw(head("GET", "/assets/../http.py", connection="close"))
    answers.add(_said(status, body))
    return answers.pop() if len(answers) == 1 else str(answers)


@case("No key, a wrong one, a revoked one", "401 key-required, 401 key-invalid, 401 key-invalid")
def keys(server: Server) -> str:
    file = KeyRing(server.store)
    token = file.add("k", ["read", "write"])[1]
    file.revoke("k")
    send: dict[str, Any] = {"content": b"Text.", "headers": TEXT}
    answers = [server.post("/v1/documents?uri=a", **send)]
    for wrong in (token[:-1] + "x", token):
        headers = {**TEXT, "authorization": f"Bearer {wrong}"}
        answers.append(server.post("/v1/documents?uri=a", content=b"Text.", headers=headers))
    return ", ".join(answers)


@case(
    "Two keys at once, a key that is not ASCII, a key in the query",
    "401 key-invalid, 401 key-invalid, 401 key-required",
)
def odd_keys(server: Server) -> str:
    token = KeyRing(server.store).add("k", ["read", "write"])[1]
    sent = head(authorization=f"Bearer {token}\r\nauthorization: Bearer {token}", content_length="5") + b"Text."
    answers = [_said(*server.raw(sent.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")))]
    headers = {**TEXT, "authorization": "Bearer clé".encode()}
    answers.append(server.post("/v1/documents?uri=a", content=b"Text.", headers=headers))
    answers.append(server.post(f"/v1/documents?uri=a&key={token}", content=b"Text.", headers=TEXT))
    return ", ".join(answers)


@case("Connections that send nothing, more than may be open", "503 busy")
def idle_connections(server: Server) -> str:
    server.patch.setattr(connections, "MAX_CONNECTIONS", 20)
    with ExitStack() as idle:
        for _ in range(30):
            idle.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
        answer = server.post("/v1/documents?uri=a", content=b"Text.", headers={**TEXT, "connection": "close"})
    for _ in range(500):
        if server.client.get("/healthz", headers={"connection": "close"}).status_code == 200:
            break
        time.sleep(0.01)
    return answer


@case("1,000 requests at once", "200, 429 too-many-requests or 503 busy, each")
def many(server: Server) -> str:
    async def ask_all() -> list[httpx.Response]:
        unbounded = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=server.client.base_url, timeout=60, limits=unbounded) as client:
            return await asyncio.gather(*(client.post("/v1/ask", json=ASK) for _ in range(1_000)))

    responses = asyncio.run(ask_all())
    counted = Counter("200" if response.status_code == 200 else said(response) for response in responses)
    assert counted["200"] >= 1 and sum(counted.values()) == 1_000
    refused = {"200", "429 too-many-requests", "503 busy"}
    return "200, 429 too-many-requests or 503 busy, each" if set(counted) <= refused else str(counted)


@pytest.mark.parametrize("name", CASES)
def test_refused_as_the_table_says(server: Server, store: Store, name: str) -> None:
    answer, check = CASES[name]
    assert check(server) == answer
    assert store.catalogue.counts() == (0, 0)
    assert server.client.get("/healthz").status_code == 200


def test_a_refused_connection_does_not_keep_a_server_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "LINGER_S", 1_000.0)
    state = ServerState()

    async def app(_scope: Any, receive: Any, _send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async def refused_then_ended() -> int:
        config = uvicorn.Config(app, lifespan="off")
        config.load()
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(
            lambda: connections.GuardedProtocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
        )
        reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname())
        writer.write(head(transfer_encoding="chunked") + b"-5\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        (connection,) = state.connections
        connection.shutdown()
        for _ in range(200):
            if not state.connections:
                break
            await asyncio.sleep(0.01)
        left = len(state.connections)
        writer.close()
        listener.close()
        return left

    assert asyncio.run(refused_then_ended()) == 0


def rows() -> dict[str, tuple[str, list[tuple[str, str]]]]:
    """The tables of docs/safety.md: for each request its answer, and the files and functions that hold it."""
    rows = re.findall(r"^\| (.+) \| (.+) \| (`.+`) \|$", SAFETY.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: (answer, re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", tests)) for name, answer, tests in rows}


def test_the_table_is_of_these() -> None:
    here = Path(__file__).relative_to(ROOT).as_posix()
    held = {name: (answer, tests) for name, (answer, tests) in rows().items() if name in CASES}
    assert held == {name: (answer, [(here, check.__name__)]) for name, (answer, check) in CASES.items()}


def test_what_the_table_names_is_there() -> None:
    tables = rows()
    assert len(tables) > len(CASES) and all(tests for _, tests in tables.values())
    named = {test for _, tests in tables.values() for test in tests}
    for file in {file for file, _ in named}:
        body = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
        there = {node.name for node in body if isinstance(node, ast.FunctionDef)}
        assert {function for where, function in named if where == file} <= there, file


@pytest.mark.parametrize(
    "uri", ["../../../etc/passwd", "file:///etc/passwd", "C:\\boot.ini", "/etc/shadow", "https://127.0.0.1:1/x"]
)
def test_names_are_only_names(server: Server, uri: str, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    stored = server.client.post("/v1/documents", json={"uri": uri, "text": "The words that were sent."})
    assert stored.status_code == 201
    text = server.client.get(f"/v1/documents/{stored.json()['id']}/text").json()
    assert text["text"] == "The words that were sent."
    new = {path.name for path in set(tmp_path.rglob("*")) - set(before)}
    assert "passwd" not in new and "shadow" not in new and "boot.ini" not in new


def test_markup_is_data(server: Server) -> None:
    markup = '<script>alert("x")</script>'
    name = f"https://example.org/{markup}"
    document = {"uri": name, "title": markup, "text": f"The drills run from August 9 to 13 {markup} in Ningxia."}
    assert server.client.post("/v1/documents", json=document).status_code == 201
    for response in (server.client.get("/v1/documents"), server.client.post("/v1/ask", json=ASK)):
        assert response.headers["content-type"] == "application/json"
        assert response.headers["x-content-type-options"] == "nosniff"
    missing = server.client.get(f"/v1/documents/{markup}")
    assert missing.headers["content-type"] == "application/problem+json"
