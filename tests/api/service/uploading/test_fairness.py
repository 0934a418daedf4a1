"""Uploads beside each other and beside questions: bounded, in turns, and given up when their client goes away."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from api.problems import ProblemError
from api.service.uploading.abandoning import Abandonment
from api.service.uploading.fairness import FairGate, Taken, Turns
from index.errors import AbandonedError
from index.store.keyring import KeyRing
from index.store.store import EMBED_BETWEEN_PROGRESS, Store

Check = Callable[..., dict[str, Any]]
Serving = Callable[..., TestClient]
EVENTS = {"accept": "text/event-stream"}
ASK = {"question": "When do the drills run?"}
WAIT_S = 20


def long_text(name: str, batches: int = 3) -> str:
    """A text of so many batches of passages, each of which names it."""
    sentence = f"{name} " + "word " * 149 + "ends here. "
    return "\n\n".join(sentence for _ in range(batches * EMBED_BETWEEN_PROGRESS))


class SlowEmbedder:
    """Stands in front of the store's embedder: of uploads a batch goes on each time that it is let."""

    def __init__(self, embedder: Any) -> None:
        self._embedder = embedder
        self.begun: list[str] = []
        self.steps = threading.Semaphore(0)
        self.at_work = threading.Semaphore(0)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if len(texts) > 1:
            self.begun.append(texts[0].split()[0])
            self.at_work.release()
            assert self.steps.acquire(timeout=WAIT_S)
        vectors: NDArray[np.float32] = self._embedder.embed(texts)
        return vectors

    def await_batch(self) -> None:
        assert self.at_work.acquire(timeout=WAIT_S)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._embedder, name)


@pytest.fixture
def embedder(store: Store) -> Iterator[SlowEmbedder]:
    slow = SlowEmbedder(store.embedder)
    store.embedder = slow
    yield slow
    slow.steps.release(1_000)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def put(client: TestClient, uri: str, text: str, token: str = "") -> Any:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return client.post("/v1/documents", json={"uri": uri, "text": text}, headers=headers)


def until(condition: Callable[[], bool]) -> None:
    for _ in range(WAIT_S * 100):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to that")


def test_a_question_is_answered_before_an_upload_ends(
    serving: Serving, embedder: SlowEmbedder, pool: ThreadPoolExecutor, text: str, reader: Any
) -> None:
    client = serving(upload_patience_s=WAIT_S)
    put(client, "drills", text)
    upload = pool.submit(put, client, "long", long_text("long"))
    embedder.await_batch()
    # While a question is read no further batch begins, though the upload could go on.
    reader.hold = threading.Event()
    asked = pool.submit(client.post, "/v1/ask", json=ASK)
    assert reader.reading.acquire(timeout=WAIT_S)
    embedder.steps.release(1_000)
    assert not embedder.at_work.acquire(timeout=0.2)
    reader.hold.set()
    assert asked.result(WAIT_S).json()["answers"][0]["text"] == "August 9 to 13"
    assert upload.result(WAIT_S).status_code == 201 and embedder.begun == ["long"] * 3


def test_questions_without_end_do_not_stop_uploads(
    serving: Serving, embedder: SlowEmbedder, pool: ThreadPoolExecutor, text: str, reader: Any
) -> None:
    client = serving(upload_patience_s=0.01)
    put(client, "drills", text)
    embedder.steps.release(1_000)
    reader.hold = threading.Event()
    asked = pool.submit(client.post, "/v1/ask", json=ASK)
    assert reader.reading.acquire(timeout=WAIT_S)
    assert put(client, "long", long_text("long")).status_code == 201
    reader.hold.set()
    assert asked.result(WAIT_S).status_code == 200


def test_uploads_of_two_keys_take_turns(
    client: TestClient, store: Store, embedder: SlowEmbedder, pool: ThreadPoolExecutor
) -> None:
    one, other = (KeyRing(store).add(name, ["write"])[1] for name in ("one", "other"))
    first = pool.submit(put, client, "a", long_text("a"), one)
    embedder.await_batch()
    second = pool.submit(put, client, "a2", long_text("a2"), one)
    third = pool.submit(put, client, "b", long_text("b"), other)
    gate = client.app.state.service.uploads  # type: ignore[attr-defined]
    turns = client.app.state.service.turns  # type: ignore[attr-defined]
    until(lambda: gate.inside == 3 and len(turns._waiting) == 1)
    for _ in range(9):
        embedder.steps.release()
        # Whose next batch it is must be waiting for it before this one ends.
        until(lambda: len(embedder.begun) == 9 or len(turns._waiting) <= 1)
        time.sleep(0.02)
    assert [future.result(WAIT_S).status_code for future in (first, second, third)] == [201] * 3
    # Not one after the other: b begins before a is through, and is through before the second of its key is.
    assert embedder.begun.index("b") < 3 and embedder.begun[-1] == "a2"
    assert embedder.begun.index("a2") > max(number for number, name in enumerate(embedder.begun) if name == "a")


def test_the_queue_of_a_key_is_its_own(
    serving: Serving, store: Store, embedder: SlowEmbedder, pool: ThreadPoolExecutor, problem: Check
) -> None:
    client = serving(max_waiting_uploads=1)
    one, other = (KeyRing(store).add(name, ["write"])[1] for name in ("one", "other"))
    gate = client.app.state.service.uploads  # type: ignore[attr-defined]
    first = pool.submit(put, client, "a", long_text("a"), one)
    embedder.await_batch()
    second = pool.submit(put, client, "a2", "Short.", one)
    until(lambda: gate.inside == 2)
    refused = put(client, "a3", "Short.", one)
    body = problem(refused, 503, "busy")
    assert int(refused.headers["retry-after"]) > 0 and not any(sign.isdigit() for sign in body["detail"])
    embedder.steps.release(1_000)
    assert put(client, "b", "Short.", other).status_code == 201
    assert [future.result(WAIT_S).status_code for future in (first, second)] == [201, 201]


@pytest.mark.parametrize("headers", ["", "accept: text/event-stream\r\n"])
@pytest.mark.parametrize("path", ["/v1/documents", "/v1/uploads"])
def test_an_upload_ends_with_its_client(
    listening: Callable[..., int], embedder: SlowEmbedder, headers: str, path: str
) -> None:
    port = listening(max_waiting_uploads=0)
    text = long_text("gone")
    if path == "/v1/documents":
        path, kind, body = f"{path}?uri=gone", "text/plain", text
    else:
        kind = "multipart/form-data; boundary=x"
        part = '--x\r\ncontent-disposition: form-data; name="files"; filename="{}.txt"\r\n\r\n{}\r\n'
        body = part.format("a", text) + part.format("b", "Short.") + "--x--\r\n"
    with socket.create_connection(("127.0.0.1", port)) as sender:
        head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\n{headers}"
        sender.sendall(f"{head}content-length: {len(body)}\r\n\r\n{body}".encode())
        embedder.await_batch()
    import httpx

    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=WAIT_S) as client:
        # The batch at work goes on until the server has noticed that its client has gone.
        time.sleep(0.3)
        embedder.steps.release(1_000)
        until(lambda: "spanqa_uploads_at_work 0" in client.get("/metrics").text)
        assert client.get("/v1/documents").json()["total"] == 0
        assert embedder.begun == ["gone"]
        assert 'spanqa_uploads_total{outcome="abandoned"} 1' in client.get("/metrics").text
        # Its place is free again.
        assert client.post("/v1/documents", json={"uri": "a", "text": "Short."}).status_code == 201


@pytest.mark.parametrize("headers", [{}, EVENTS])
def test_documents_that_are_too_long_are_refused(
    serving: Serving, embedder: SlowEmbedder, problem: Check, headers: dict[str, str]
) -> None:
    client = serving(max_document_characters=100_000, max_document_passages=20)
    for text, said in (("word " * 20_001, "100,005 characters"), (long_text("long", 1), "passages, more than the 20")):
        refused = client.post("/v1/documents", json={"uri": "a", "text": text}, headers=headers)
        if headers:
            assert "event: problem" in refused.text and "document-too-long" in refused.text and said in refused.text
        else:
            detail = problem(refused, 413, "document-too-long")["detail"]
            assert said in detail and "word" not in detail
        report = client.post("/v1/uploads", files=[("files", ("a.txt", text.encode()))]).json()["files"]
        assert report[0]["problem"]["status"] == 413
    # Nothing was embedded for them, and nothing is there.
    assert embedder.begun == [] and client.get("/v1/documents").json()["total"] == 0
    embedder.steps.release(1_000)
    assert put(client, "a", "word " * 1_000).status_code == 201


def test_a_condition_holds_until_the_change(
    client: TestClient, store: Store, embedder: SlowEmbedder, pool: ThreadPoolExecutor, problem: Check
) -> None:
    one, other = (KeyRing(store).add(name, ["read", "write"])[1] for name in ("one", "other"))
    etag = put(client, "a", "Before.", one).headers["etag"]
    first = pool.submit(put, client, "a", long_text("a"), one)
    embedder.await_batch()
    conditional = {"authorization": f"Bearer {other}", "if-match": etag}
    second = pool.submit(client.post, "/v1/documents", json={"uri": "a", "text": "Late."}, headers=conditional)
    until(lambda: client.app.state.service.uploads.inside == 2)  # type: ignore[attr-defined]
    embedder.steps.release(1_000)
    stored = first.result(WAIT_S)
    problem(second.result(WAIT_S), 412, "changed")
    assert client.get(stored.headers["location"], headers={"authorization": f"Bearer {one}"}).json()["passages"] > 1


class TestTheGate:
    @pytest.mark.anyio
    async def test_clients_come_in_turn_and_one_of_each_at_once(self) -> None:
        gate, order, hold = FairGate(1, 5, 20, 1), [], threading.Event()

        async def work(client: str, name: str) -> None:
            await gate.run(client, lambda: (order.append(name), hold.wait(WAIT_S)))

        tasks = [
            asyncio.create_task(work(client, f"{client}{n}"))
            for client, n in (("a", 1), ("a", 2), ("a", 3), ("b", 1), ("c", 1), ("b", 2))
        ]
        while not order:
            await asyncio.sleep(0.01)
        hold.set()
        await asyncio.gather(*tasks)
        assert order == ["a1", "b1", "c1", "a2", "b2", "a3"] and gate.inside == 0

    @pytest.mark.anyio
    async def test_what_must_be_alone_is(self) -> None:
        gate, inside, most = FairGate(3, 5, 20, 1), [], []
        lock = threading.Lock()

        def work(name: str) -> None:
            with lock:
                inside.append(name)
                most.append(tuple(inside))
            time.sleep(0.01)
            with lock:
                inside.remove(name)

        tasks = [asyncio.create_task(gate.run(f"{n}", lambda n=n: work(f"{n}"))) for n in range(3)]  # type: ignore[misc]
        await asyncio.sleep(0)
        tasks.append(asyncio.create_task(gate.run("alone", lambda: work("alone"), alone=True)))
        await asyncio.sleep(0)
        tasks += [asyncio.create_task(gate.run(f"{n}", lambda n=n: work(f"{n}"))) for n in range(3, 6)]  # type: ignore[misc]
        await asyncio.gather(*tasks)
        assert [names for names in most if "alone" in names] == [("alone",)]
        assert [names[-1] for names in most].index("alone") == 3

    @pytest.mark.anyio
    async def test_the_places_are_bounded_and_given_back(self) -> None:
        gate, hold, abandonment = FairGate(1, 1, 2, 7), threading.Event(), Abandonment()
        tasks = [asyncio.create_task(gate.run("a", lambda: hold.wait(WAIT_S)))]
        await asyncio.sleep(0)
        given_up = asyncio.create_task(gate.run("a", lambda: True, abandonment))
        tasks.append(asyncio.create_task(gate.run("b", lambda: True)))
        await asyncio.sleep(0)
        for client in ("a", "b", "c"):
            with pytest.raises(ProblemError) as refused:
                gate.require_room(client)
            assert refused.value.headers == {"retry-after": "7"}
        abandonment.abandon()
        with pytest.raises(AbandonedError):
            await given_up
        gate.require_room("a")
        tasks[1].cancel()
        await asyncio.wait(tasks[1:])
        gate.require_room("b")
        hold.set()
        await tasks[0]
        assert gate.inside == 0 and await gate.run("b", lambda: 5) == 5


def test_whoever_waits_for_a_document_can_give_up() -> None:
    taken, abandonment, waits = Taken(), Abandonment(), threading.Event()
    abandonment.listen(taken.look_again)

    def wait() -> None:
        waits.set()
        with pytest.raises(AbandonedError), taken.hold("a", abandonment):
            raise AssertionError("held by two")

    with ThreadPoolExecutor(1) as pool, taken.hold("a", Abandonment()):
        other = pool.submit(wait)
        assert waits.wait(WAIT_S)
        abandonment.abandon()
        other.result(WAIT_S)
    with taken.hold("a", Abandonment()):
        pass


def test_turns_go_to_whoever_has_waited_longest() -> None:
    turns, order = Turns(0), []

    def wait(name: str) -> None:
        with turns.batch():
            order.append(name)

    with ThreadPoolExecutor(3) as pool, turns.batch():
        for number, name in enumerate("abc", start=1):
            pool.submit(wait, name)
            until(lambda number=number: len(turns._waiting) == number)  # type: ignore[misc]
    assert order == ["a", "b", "c"]
