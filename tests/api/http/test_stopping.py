"""A real process that is told to stop: what it accepted is finished, what comes later refused."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from serving.processes import command, environment

CODE = "abcdef123456"
TEXT = f"The code of the shed is {CODE}."
SLOW = {"question": f"What says {CODE}, reading 0.6 s?"}


class Process:
    """A server that was started, and a client of it."""

    def __init__(self, process: subprocess.Popen[bytes], client: httpx.Client) -> None:
        self.process = process
        self.client = client

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def ended(self) -> int:
        return self.process.wait(20)

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def status(self, path: str) -> int:
        try:
            return self.client.get(path).status_code
        except httpx.TransportError:
            return 0

    def at_work(self, count: int) -> None:
        """Return once so many requests were accepted and are not finished."""
        self.until(lambda: f"spanqa_requests_at_work {float(count)}\n" in self.client.get("/metrics").text)


@contextmanager
def started(store: Path, settings: dict[str, Any]) -> Iterator[Process]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        command(store, port, json.dumps(settings)),
        env=environment(),
        cwd=store.parent,
        stderr=subprocess.DEVNULL,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            server = Process(process, client)
            server.until(lambda: server.status("/healthz") == 200)
            yield server
    finally:
        process.kill()
        process.wait(20)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(started(tmp_path / "store", settings))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_was_accepted_is_finished_and_nothing_new_is_taken(start: Callable[..., Process], number: int) -> None:
    server = start(retry_after_s=3)
    with ThreadPoolExecutor(2) as pool:
        assert server.client.post("/v1/documents", json={"uri": "shed", "text": TEXT}).status_code == 201
        asked = pool.submit(server.client.post, "/v1/ask", json=SLOW)
        server.at_work(1)
        server.signal(number)
        server.until(lambda: server.status("/readyz") == 503)
        refused = server.client.post("/v1/documents", json={"uri": "b", "text": "Too late."})
        assert refused.status_code == 503 and refused.headers["retry-after"] == "3"
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["type"] == "urn:spanqa:problem:stopping"
        answered = asked.result(20)
        assert answered.status_code == 200 and answered.json()["answers"][0]["text"] == CODE
    assert server.ended() == 0
    assert server.status("/healthz") == 0


@pytest.mark.slow
def test_uploads_are_finished_to_the_last_event(start: Callable[..., Process]) -> None:
    server = start()
    files = [("files", (f"{number}.txt", f"{number}. {TEXT}".encode())) for number in range(8)]
    with server.client.stream("POST", "/v1/uploads", files=files, headers={"accept": "text/event-stream"}) as events:
        lines = events.iter_lines()
        next(lines)
        server.signal(signal.SIGTERM)
        rest = list(lines)
    assert "event: report" in rest
    report = json.loads(rest[rest.index("event: report") + 1].removeprefix("data: "))
    assert [file["changed"] for file in report["files"]] == [True] * 8
    assert server.ended() == 0


@pytest.mark.slow
def test_an_idle_server_stops_at_once_and_loses_nothing(start: Callable[..., Process]) -> None:
    server = start()
    server.client.post("/v1/documents", json={"uri": "shed", "text": TEXT})
    server.signal(signal.SIGTERM)
    assert server.ended() == 0
    again = start()
    assert again.client.get("/v1/documents").json()["total"] == 1


@pytest.mark.slow
def test_a_second_signal_waits_for_nothing(start: Callable[..., Process]) -> None:
    server = start()
    with ThreadPoolExecutor(1) as pool:
        server.client.post("/v1/documents", json={"uri": "shed", "text": TEXT})
        asked = pool.submit(server.client.post, "/v1/ask", json={"question": f"What says {CODE}, reading 60 s?"})
        server.at_work(1)
        server.signal(signal.SIGTERM)
        server.until(lambda: server.status("/readyz") == 503)
        server.signal(signal.SIGTERM)
        assert server.ended() == -signal.SIGTERM
        assert isinstance(asked.exception(20), httpx.TransportError)


@pytest.mark.slow
def test_what_takes_too_long_is_abandoned(start: Callable[..., Process]) -> None:
    server = start(grace_s=0.2)
    with ThreadPoolExecutor(1) as pool:
        server.client.post("/v1/documents", json={"uri": "shed", "text": TEXT})
        asked = pool.submit(server.client.post, "/v1/ask", json={"question": f"What says {CODE}, reading 30 s?"})
        server.at_work(1)
        server.signal(signal.SIGTERM)
        assert server.ended() == 1
        assert asked.exception(20) or asked.result().status_code == 500
