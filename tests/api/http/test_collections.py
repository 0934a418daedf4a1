"""Collections, tags and dates over HTTP, and keys that see only some collections."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.client import Client
from api.schemas import Description
from index.documents import Document
from index.store.keyring import KeyRing
from index.store.store import Store
from qa.types import Filters

Check = Callable[..., dict[str, Any]]
ANSWER = "August 9 to 13"
ASK = {"question": "When do the drills run?", "answers": 20, "candidates": True, "threshold": 0}


@pytest.fixture
def filled(client: TestClient) -> dict[str, str]:
    """The ids of documents in two collections, by name."""
    ids = {}
    for name, fields in {
        "here": {},
        "a1": {"collection": "a", "tags": ["x"], "date": "2026-08"},
        "a2": {"collection": "a", "tags": ["x", "y"], "date": "2025"},
        "b1": {"collection": "b", "tags": ["x"]},
    }.items():
        sent = {"uri": "https://example.org/same.txt" if name != "a2" else "a2", **fields}
        text = f"The {name} drills run from {ANSWER}."
        response = client.post("/v1/documents", json={**sent, "text": text})
        assert response.status_code == 201, response.text
        ids[name] = response.json()["id"]
    assert len(set(ids.values())) == 4
    return ids


def cited(response: Any) -> set[str]:
    return {
        citation["document"]["id"]
        for answer in response.json()["answers"]
        for citation in (answer["citation"], *answer["supporting"])
    }


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, {"here", "a1", "a2", "b1"}),
        ({"collections": ["a"]}, {"a1", "a2"}),
        ({"collections": ["a", "b"], "uri_prefix": "https:"}, {"a1", "b1"}),
        ({"tags": ["y"]}, {"a2"}),
        ({"date_from": "2026"}, {"a1"}),
        ({"date_from": "2025-06", "date_to": "2026-08-01"}, {"a1", "a2"}),
        ({"collections": ["none"]}, set()),
    ],
)
def test_filters_bind_every_door(
    client: TestClient, filled: dict[str, str], filters: dict[str, Any], names: set[str]
) -> None:
    expected = {filled[name] for name in names}
    assert cited(client.post("/v1/ask", json={**ASK, "filters": filters})) == expected
    searched = client.post("/v1/search", json={"question": "drills", "filters": filters}).json()["passages"]
    assert {passage["document"]["id"] for passage in searched} == expected
    listed = client.get("/v1/documents", params=filters).json()
    assert {record["id"] for record in listed["documents"]} == expected and listed["total"] == len(expected)


def test_unknown_parameters_are_not_passed_over(client: TestClient, problem: Check) -> None:
    for query in ("collection=a", "date_from=x", "date_from=2026&date_to=2025", "cursor=x", "cursor=W10%3D", "cursor="):
        problem(client.get(f"/v1/documents?{query}"), 422, "invalid-request")


def test_cursors_lead_through_everything(api: Client) -> None:
    for name, collection in (("m", "a"), ("n", "a"), ("n", "b"), ("n", "c")):
        api.put_document(name, "Text.", known=Description(collection=collection))
    seen: list[tuple[str, str]] = []
    wanted, cursor = Filters(collections=("a", "b")), None
    for _ in range(3):
        page = api.list_documents(wanted, limit=1, cursor=cursor)
        seen += [(record.uri, record.collection) for record in page.documents]
        assert page.total == 3
        cursor = page.next_cursor
        # What comes before the cursor does not move what follows.
        before = api.put_document("0", "First.", known=Description(collection="a"))
        api.remove_document(before.document.id)
    assert cursor is None and seen == [("m", "a"), ("n", "a"), ("n", "b")]


@pytest.fixture
def limited(store: Store, filled: dict[str, str]) -> dict[str, str]:
    """The header of a key that is for the collection a."""
    return {"authorization": f"Bearer {KeyRing(store).add('a', ['read', 'write'], ['a'])[1]}"}


@pytest.mark.parametrize("filters", [{}, {"collections": ["a", "b"]}, {"collections": ["b"]}, {"uri_prefix": "https"}])
def test_a_limited_key_finds_nothing_of_others(
    client: TestClient, filled: dict[str, str], limited: dict[str, str], filters: dict[str, Any]
) -> None:
    permitted = {filled["a1"], filled["a2"]}
    response = client.post("/v1/ask", json={**ASK, "filters": filters}, headers=limited)
    assert response.status_code == 200 and cited(response) <= permitted
    explained = client.post("/v1/ask", json={**ASK, "filters": filters, "explain": True}, headers=limited).json()
    explanation = explained["explanation"]
    spoken_of = {passage["document"]["id"] for passage in explanation["passages"]}
    assert {candidate["document_id"] for candidate in explanation["candidates"]} <= spoken_of <= permitted
    assert spoken_of or filters == {"collections": ["b"]}
    assert not {filled["here"], filled["b1"]} & set(re.findall(r"\w+", json.dumps(explanation)))
    if filters == {"collections": ["b"]}:
        assert (response.json()["status"], response.json()["reason"]) == ("not_found", "nothing_retrieved")
    searched = client.post("/v1/search", json={"question": "drills", "filters": filters}, headers=limited).json()
    assert {passage["document"]["id"] for passage in searched["passages"]} <= permitted
    listed = client.get("/v1/documents", params=filters, headers=limited).json()
    assert {record["id"] for record in listed["documents"]} <= permitted and listed["total"] <= 2
    if not filters:
        assert cited(response) == permitted and listed["total"] == 2


def test_a_limited_key_cannot_tell_others_from_none(
    client: TestClient, filled: dict[str, str], limited: dict[str, str], problem: Check, store: Store
) -> None:
    answered = client.post(
        "/v1/ask",
        json={**ASK, "filters": {"collections": ["b"]}},
        headers={"authorization": f"Bearer {KeyRing(store).add('all')[1]}"},
    ).json()
    foreign = answered["answers"][0]["citation"]
    assert foreign["document"]["id"] == filled["b1"]
    before = store.catalogue.counts()
    for name in (filled["here"], filled["b1"], "0" * 16):
        for method, path in (("GET", ""), ("GET", "/text"), ("DELETE", "")):
            body = problem(client.request(method, f"/v1/documents/{name}{path}", headers=limited), 404, "not-found")
            assert body["detail"].replace(name, "ID") == "no document has the id 'ID'"
    verdict = client.post("/v1/citations/verify", json=foreign, headers=limited).json()
    assert not verdict["valid"] and "not there" in verdict["problems"][0]
    for path in ("/metrics", "/readyz"):
        problem(client.get(path, headers=limited), 403, "forbidden")
    sent = {"uri": "https://example.org/same.txt", "text": "Overwritten."}
    problem(client.post("/v1/documents", json={**sent, "collection": "b"}, headers=limited), 403, "forbidden")
    assert store.catalogue.counts() == before
    # Without a name it goes where the key is for, though another collection has the same URI.
    stored = client.post("/v1/documents", json=sent, headers=limited)
    assert stored.status_code == 201 and stored.json()["collection"] == "a" and stored.json()["id"] == filled["a1"]
    assert client.delete(f"/v1/documents/{filled['a2']}", headers=limited).status_code == 204


def test_a_limited_key_cannot_tell_when_others_write(
    serving: Callable[..., TestClient], store: Store, filled: dict[str, str], limited: dict[str, str]
) -> None:
    client = serving(cached_answers=10)

    def seen() -> list[Any]:
        """All that the key is shown, but for measured times."""
        answered = client.post("/v1/ask", json={**ASK, "explain": True}, headers=limited).json()
        searched = client.post("/v1/search", json={"question": "drills"}, headers=limited).json()
        # A kept answer took no time of reading.
        times = answered.pop("elapsed_ms")["retrieve"] > 0
        searched.pop("elapsed_ms")
        shown = [
            client.get(path, headers=limited)
            for path in ("/v1/documents", f"/v1/documents/{filled['a1']}", f"/v1/documents/{filled['a1']}/text")
        ]
        return [answered, times, searched, *((one.json(), one.headers.get("etag")) for one in shown)]

    first = seen()
    assert seen() == first
    assert first[0]["provenance"]["store_generation"] is first[2]["store_generation"] is None
    assert {passage["lexical_score"] for passage in first[0]["explanation"]["passages"]} == {None}
    assert first[0]["answers"] and first[2]["passages"][0]["lexical"]["score"] is None
    for number in range(3):
        store.put(Document(uri=f"new {number}", title="", text="More drills run there.", collection="b"))
        assert seen() == first


def test_a_limited_key_cannot_tell_whether_there_are_others(
    client: TestClient, store: Store, limited: dict[str, str], filled: dict[str, str]
) -> None:
    def outcomes() -> list[Any]:
        headers = {"authorization": f"Bearer {token}"}
        asked = client.post("/v1/ask", json={**ASK, "explain": True}, headers=headers).json()
        searched = client.post("/v1/search", json={"question": "drills"}, headers=headers).json()
        return [
            asked["reason"],
            asked["elapsed_ms"]["retrieve"] > 0,
            searched["reason"],
            searched["elapsed_ms"]["retrieve"] > 0,
            *asked["explanation"]["would_change"],
        ]

    token = KeyRing(store).add("nothing", ["read"], ["nowhere"])[1]
    with_others = outcomes()
    for document in filled.values():
        store.remove(document)
    assert outcomes() == with_others
    assert with_others[:4] == ["nothing_retrieved", True] * 2
    (said,) = with_others[4:]
    assert said["statement"] == "What it was restricted to leaves 0 documents, and no passage to read."


def test_whoever_sees_all_is_told_the_generation(client: TestClient, filled: dict[str, str]) -> None:
    assert client.post("/v1/ask", json=ASK).json()["provenance"]["store_generation"] == 4
    explanation = client.post("/v1/ask", json={**ASK, "explain": True}).json()["explanation"]
    assert explanation["passages"][0]["lexical_score"] > 0
    searched = client.post("/v1/search", json={"question": "drills"}).json()
    assert searched["store_generation"] == 4 and searched["passages"][0]["lexical"]["score"] > 0
