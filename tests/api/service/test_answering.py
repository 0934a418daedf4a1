"""Answers of the server that are kept: given again only while nothing has changed that they rest on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

import api.http.examples as shown
from api.service.cache import Standing
from index.store.store import Store
from qa.engine import Engine
from qa.types import Response

Serving = Callable[..., TestClient]
ASK = {"question": "When do the drills run?"}
KEPT = Response.model_validate(shown.RESPONSE)
GENERATION = KEPT.provenance.store_generation
NOW = Standing(GENERATION, "")


@pytest.fixture
def cached(serving: Serving) -> TestClient:
    return serving(cached_answers=10)


def counted(client: TestClient) -> tuple[int, int]:
    """Hits and misses so far."""
    lines = client.get("/metrics").text.splitlines()
    hits, misses = (
        next(int(float(line.split()[1])) for line in lines if line.startswith(f"spanqa_answer_cache_{name}_total "))
        for name in ("hits", "misses")
    )
    return hits, misses


def put(client: TestClient, text: str, uri: str = "drills", **fields: Any) -> str:
    response = client.post("/v1/documents", json={"uri": uri, "text": text, **fields})
    assert response.status_code == 201
    return str(response.json()["id"])


def asked(client: TestClient, **fields: Any) -> dict[str, Any]:
    response = client.post("/v1/ask", json={**ASK, **fields})
    assert response.status_code == 200
    answered: dict[str, Any] = response.json()
    return answered


def test_the_same_question_is_answered_alike_and_its_time_is_its_own(
    cached: TestClient, text: str, reader: Any
) -> None:
    put(cached, text)
    first = asked(cached)
    # Nothing is read the second time.
    reader.failure = AssertionError("read again")
    again = asked(cached)
    times = again.pop("elapsed_ms")
    assert (times["embed"], times["retrieve"], times["read"]) == (0, 0, 0) and times["total"] > 0
    assert first.pop("elapsed_ms")["read"] > 0
    assert again == first and first["answers"]
    assert counted(cached) == (1, 1)
    metrics = cached.get("/metrics").text
    assert 'spanqa_questions_total{reason="",status="answered"} 2.0' in metrics
    # An answer that was kept took no time of reading.
    assert 'spanqa_ask_seconds_count{stage="read"} 1' in metrics


@pytest.mark.parametrize(
    "fields",
    [
        {"threshold": 0.9},
        {"answers": 3},
        {"passages": 3},
        {"candidates": True},
        {"explain": True},
        {"filters": {"collections": ["default"]}},
        {"question": "When do the drills run"},
    ],
)
def test_another_question_is_not_the_same(cached: TestClient, text: str, fields: dict[str, Any]) -> None:
    put(cached, text)
    asked(cached)
    asked(cached, **fields)
    assert counted(cached) == (0, 2)


def test_a_removed_or_replaced_document_never_answers(cached: TestClient, text: str) -> None:
    key = put(cached, text)
    assert asked(cached)["answers"] and asked(cached)["answers"]
    put(cached, text.replace("Ningxia", "Gansu"))
    assert asked(cached)["answers"][0]["citation"]["sentence"]["text"].endswith("Gansu.")
    asked(cached)
    assert cached.delete(f"/v1/documents/{key}").status_code == 204
    assert asked(cached)["reason"] == "empty_index"
    put(cached, text)
    assert asked(cached)["answers"]
    assert counted(cached) == (2, 4)


def test_a_store_that_another_process_changed_is_noticed(cached: TestClient, text: str, store: Store) -> None:
    key = put(cached, text)
    asked(cached)
    assert store.catalogue.remove(key)
    assert asked(cached)["answers"] == []


def test_a_promise_that_changed_is_noticed(
    cached: TestClient, text: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qa.types import Promise

    put(cached, text)
    asked(cached)
    promise = Promise.model_construct(threshold=0.999, passages=20, risk=0.1)
    monkeypatch.setattr(Promise, "covers", lambda *_arguments: False)
    monkeypatch.setattr(engine, "promise", lambda: (promise, None))
    assert asked(cached)["reason"] == "below_threshold"
    assert counted(cached)[0] == 0


def test_what_changed_while_it_was_read_is_not_kept(
    cached: TestClient, text: str, reader: Any, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(cached, text)
    read = reader.read

    def read_while_written(*arguments: Any) -> Any:
        store.catalogue.set_settings({"unrelated": "yes"})
        monkeypatch.setattr(reader, "read", read)
        put_beside()
        return read(*arguments)

    def put_beside() -> None:
        from index.documents import Document

        store.put(Document(uri="beside", title="", text="Other words.", media_type="text/plain"))

    monkeypatch.setattr(reader, "read", read_while_written)
    asked(cached)
    asked(cached)
    assert counted(cached)[0] == 0
    asked(cached)
    assert counted(cached)[0] == 1


def test_nothing_is_kept_unless_it_is_wanted(serving: Serving, text: str) -> None:
    client = serving()
    put(client, text)
    asked(client)
    asked(client)
    assert counted(client) == (0, 0)
