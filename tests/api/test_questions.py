"""Asking, searching and checking citations over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi.testclient import TestClient

from index.documents import Document
from index.store import Store
from qa.types import Response

Check = Callable[..., dict[str, Any]]
ASK = {"question": "When do the drills run?"}


def ask(client: TestClient, **changes: Any) -> dict[str, Any]:
    response = client.post("/v1/ask", json={**ASK, **changes})
    assert response.status_code == 200, response.text
    Response.model_validate(response.json())
    body: dict[str, Any] = response.json()
    return body


def test_an_answer_and_its_offsets(client: TestClient, document: dict[str, Any]) -> None:
    body = ask(client)
    assert (body["status"], body["reason"], len(body["answers"])) == ("answered", None, 1)
    citation = body["answers"][0]["citation"]
    stored = client.get(f"/v1/documents/{citation['document']['id']}/text").json()
    assert stored["text"][citation["start"] : citation["end"]] == citation["quote"] == "August 9 to 13"
    assert stored["sha256"] == citation["document"]["sha256"] == document["sha256"]
    sentence = citation["sentence"]
    assert stored["text"][sentence["start"] : sentence["end"]] == sentence["text"]
    assert citation["line"] == 2


def test_every_reason_for_abstaining(client: TestClient, reader: Any) -> None:
    assert ask(client)["reason"] == "empty_index"
    client.post("/v1/documents", json={"uri": "a", "text": "The drills run from August 9 to 13."})
    assert ask(client, filters={"uri_prefix": "other"})["reason"] == "nothing_retrieved"
    assert ask(client, filters={"document_ids": ["0" * 16]})["reason"] == "nothing_retrieved"
    assert ask(client, threshold=1)["reason"] == "below_threshold"
    reader.margins = {"August": -2.0}
    body = ask(client)
    assert (body["status"], body["reason"], body["answers"]) == ("abstained", "not_in_passages", [])
    shown = ask(client, candidates=True)
    assert shown["status"] == "abstained" and shown["answers"][0]["text"] == "August"


def test_a_filter_keeps_other_documents_out(client: TestClient, document: dict[str, Any], text: str) -> None:
    other = client.post("/v1/documents", json={"uri": "https://example.org/other.txt", "text": text + "\n"}).json()
    for wanted in (document, other):
        found = ask(client, filters={"document_ids": [wanted["id"]]})["answers"][0]
        assert found["citation"]["document"]["id"] == wanted["id"] and found["supporting"] == []
        hits = client.post("/v1/search", json={**ASK, "filters": {"uri_prefix": wanted["uri"]}}).json()["passages"]
        assert hits and {hit["document"]["id"] for hit in hits} == {wanted["id"]}


def test_search_shows_both_lists(client: TestClient, document: dict[str, Any], text: str) -> None:
    client.post("/v1/documents", json={"uri": "far", "text": "Nothing of that kind stands here, only other words."})
    body = client.post("/v1/search", json={**ASK, "passages": 5}).json()
    assert body["reason"] is None and body["store_generation"] == 2
    first, last = body["passages"][0], body["passages"][-1]
    assert first["document"] == {name: document[name] for name in ("id", "uri", "title", "sha256")}
    assert text[first["start"] : first["end"]] == first["text"]
    assert first["dense"]["rank"] == first["lexical"]["rank"] == first["rank"] == 1
    assert first["lexical"]["score"] > 0 and -1 <= first["dense"]["score"] <= 1
    assert first["score"] > last["score"] > 0
    assert last["document"]["uri"] == "far" and last["lexical"] is None and last["dense"]["rank"] == 2
    assert len(client.post("/v1/search", json={**ASK, "passages": 1}).json()["passages"]) == 1


def test_search_in_an_empty_store(client: TestClient) -> None:
    body = client.post("/v1/search", json=ASK).json()
    assert (body["passages"], body["reason"]) == ([], "empty_index")


def test_citations_are_verified(client: TestClient, document: dict[str, Any]) -> None:
    citation = ask(client)["answers"][0]["citation"]
    one = client.post("/v1/citations/verify", json=citation).json()
    place = {"state": "unchanged", "start": citation["start"], "end": citation["end"]}
    assert one == {"valid": True, "quote": "August 9 to 13", "uri": document["uri"], "problems": [], "anchor": place}
    moved = {**citation, "start": citation["start"] + 1}
    many = client.post("/v1/citations/verify", json={"citations": [citation, moved]}).json()["verdicts"]
    assert [verdict["valid"] for verdict in many] == [True, False]
    assert many[1]["problems"][0].startswith("quote: ")


def test_verifying_names_the_wrong_field(client: TestClient, document: dict[str, Any], problem: Check) -> None:
    citation = ask(client)["answers"][0]["citation"]
    body = problem(client.post("/v1/citations/verify", json={**citation, "line": 0}), 422, "invalid-request")
    assert [error["field"] for error in body["errors"]] == ["line"]
    broken = {"citations": [citation, {**citation, "document": {"id": "x"}}]}
    body = problem(client.post("/v1/citations/verify", json=broken), 422, "invalid-request")
    assert {error["field"] for error in body["errors"]} == {
        f"citations.1.document.{f}" for f in ("uri", "title", "sha256")
    }
    bodies: tuple[Any, ...] = ({"citations": []}, {}, [], 1, "text")
    for wrong in bodies:
        problem(client.post("/v1/citations/verify", json=wrong), 422, "invalid-request")


def test_a_removed_document_answers_no_more(client: TestClient, document: dict[str, Any], problem: Check) -> None:
    citation = ask(client)["answers"][0]["citation"]
    assert client.delete(f"/v1/documents/{document['id']}").status_code == 204
    assert ask(client)["reason"] == "empty_index"
    assert client.post("/v1/search", json=ASK).json()["passages"] == []
    verdict = client.post("/v1/citations/verify", json=citation).json()
    assert not verdict["valid"] and "is not there" in verdict["problems"][0]
    problem(client.get(f"/v1/documents/{document['id']}"), 404, "not-found")
    problem(client.get(f"/v1/documents/{document['id']}/text"), 404, "not-found")


def test_a_replaced_document_breaks_its_citation(client: TestClient, document: dict[str, Any], text: str) -> None:
    citation = ask(client)["answers"][0]["citation"]
    client.post("/v1/documents", json={"uri": document["uri"], "text": "New. " + text})
    verdict = client.post("/v1/citations/verify", json=citation).json()
    assert not verdict["valid"]
    assert [problem.partition(":")[0] for problem in verdict["problems"]][:2] == ["sha256", "quote"]
    assert client.post("/v1/citations/verify", json=ask(client)["answers"][0]["citation"]).json()["valid"]


def test_a_document_that_another_process_adds_is_found(client: TestClient, store: Store) -> None:
    text = "The drills run from August 9 to 13."
    other = Store(store.folder, store.embedder)
    try:
        other.put(Document(uri="elsewhere.txt", title="elsewhere.txt", text=text))
    finally:
        other.close()
    assert ask(client)["answers"][0]["citation"]["document"]["uri"] == "elsewhere.txt"
