"""Asking, searching and checking citations over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.client import ApiError, Client
from index.documents import Document, DocumentRecord
from index.store.store import Store
from qa.types import Citation, Filters

Check = Callable[..., dict[str, Any]]
DRILLS = "When do the drills run?"


@pytest.fixture
def stored(api: Client, text: str) -> DocumentRecord:
    """An indexed document whose text is TEXT."""
    return api.put_document("https://example.org/drills.txt", text).document


def cited(api: Client) -> Citation:
    return api.ask(DRILLS).answers[0].citation


def test_an_answer_and_its_offsets(api: Client, stored: DocumentRecord) -> None:
    response = api.ask(DRILLS)
    assert (response.status, response.reason, len(response.answers)) == ("answered", None, 1)
    citation = response.answers[0].citation
    shown = api.show_text(citation.document.id)
    assert shown.text[citation.start : citation.end] == citation.quote == "August 9 to 13"
    assert shown.sha256 == citation.document.sha256 == stored.sha256
    assert shown.text[citation.sentence.start : citation.sentence.end] == citation.sentence.text
    assert citation.line == 2


def test_every_reason_for_not_answering(api: Client, reader: Any) -> None:
    assert api.ask(DRILLS).reason == "empty_index"
    api.put_document("a", "The drills run from August 9 to 13.")
    assert api.ask(DRILLS, filters=Filters(uri_prefix="other")).reason == "nothing_retrieved"
    assert api.ask(DRILLS, filters=Filters(document_ids=("0" * 16,))).reason == "nothing_retrieved"
    assert api.ask(DRILLS, threshold=1).reason == "below_threshold"
    reader.margins = {"August": -9.0}
    response = api.ask(DRILLS)
    assert (response.status, response.reason, response.candidates) == ("not_found", "not_in_passages", ())
    shown = api.ask(DRILLS, candidates=True)
    assert (shown.status, shown.answers, shown.candidates[0].text) == ("not_found", (), "August")


def test_what_is_not_sure_enough_is_a_candidate(api: Client, stored: DocumentRecord) -> None:
    response = api.ask(DRILLS, threshold=1)
    assert (response.status, response.reason, response.answers) == ("unsure", "below_threshold", ())
    assert response.candidates[0].text == "August 9 to 13"
    assert api.verify_citation(response.candidates[0].citation).valid
    summary = api.ask("Summarise the drills")
    assert summary.reason == "not_a_span_question" and summary.hint is not None and not summary.answers


def test_why_is_told_to_who_asks(api: Client, stored: DocumentRecord, text: str) -> None:
    assert api.ask(DRILLS).explanation is None
    explanation = api.ask(DRILLS, explain=True).explanation
    assert explanation is not None
    assert (explanation.threshold, explanation.threshold_from) == (0.5, "calibration")
    first = explanation.candidates[0]
    assert text[first.start : first.end] == first.text == "August 9 to 13"
    passage = next(one for one in explanation.passages if one.read and one.read.text == first.text)
    assert passage.document.model_dump() == stored.model_dump(include={"id", "uri", "title", "sha256"})
    assert passage.start <= first.start < first.end <= passage.end
    assert passage.lexical_score is not None and passage.lexical_score > 0
    refused = api.ask(DRILLS, explain=True, filters=Filters(uri_prefix="other")).explanation
    assert refused is not None and refused.passages == ()
    assert [change.kind for change in refused.would_change] == ["documents"] * 2


def test_a_filter_keeps_other_documents_out(api: Client, stored: DocumentRecord, text: str) -> None:
    other = api.put_document("https://example.org/other.txt", text + "\n").document
    for wanted in (stored, other):
        answer = api.ask(DRILLS, filters=Filters(document_ids=(wanted.id,))).answers[0]
        assert answer.citation.document.id == wanted.id and answer.supporting == ()
        hits = api.search(DRILLS, filters=Filters(uri_prefix=wanted.uri)).passages
        assert hits and {hit.document.id for hit in hits} == {wanted.id}


def test_search_shows_both_lists(api: Client, stored: DocumentRecord, text: str) -> None:
    api.put_document("far", "Nothing of that kind stands here, only other words.")
    response = api.search(DRILLS, passages=5)
    assert response.reason is None and response.store_generation == 2
    first, last = response.passages[0], response.passages[-1]
    assert first.document.model_dump() == stored.model_dump(include={"id", "uri", "title", "sha256", "date"})
    assert text[first.start : first.end] == first.text
    assert first.dense is not None and first.lexical is not None
    assert first.dense.rank == first.lexical.rank == first.rank == 1
    assert first.lexical.score > 0 and -1 <= first.dense.score <= 1
    assert first.score > last.score > 0
    assert last.document.uri == "far" and last.lexical is None
    assert last.dense is not None and last.dense.rank == 2
    assert len(api.search(DRILLS, passages=1).passages) == 1


def test_search_in_an_empty_store(api: Client) -> None:
    response = api.search(DRILLS)
    assert (response.passages, response.reason) == ((), "empty_index")


def test_citations_are_verified(api: Client, stored: DocumentRecord) -> None:
    citation = cited(api)
    verdict = api.verify_citation(citation)
    assert (verdict.valid, verdict.quote, verdict.uri, verdict.problems) == (True, "August 9 to 13", stored.uri, ())
    assert verdict.anchor is not None
    assert (verdict.anchor.state, verdict.anchor.start, verdict.anchor.end) == (
        "unchanged",
        citation.start,
        citation.end,
    )
    moved = citation.model_copy(update={"start": citation.start + 1})
    many = api.verify_citations([citation, moved])
    assert [verdict.valid for verdict in many] == [True, False]
    assert many[1].problems[0].startswith("quote: ")


def test_verdicts_come_in_the_order_of_their_citations(api: Client, stored: DocumentRecord, text: str) -> None:
    other = api.put_document("other", text).document
    citations = [
        api.ask(DRILLS, filters=Filters(document_ids=(wanted,))).answers[0].citation
        for wanted in (stored.id, other.id, stored.id, other.id)
    ]
    citations[2] = citations[2].model_copy(update={"line": 9})
    verdicts = api.verify_citations(citations)
    assert [(verdict.uri, verdict.valid) for verdict in verdicts] == [
        (stored.uri, True),
        ("other", True),
        (stored.uri, False),
        ("other", True),
    ]


def test_verifying_names_the_wrong_field(client: TestClient, document: dict[str, Any], problem: Check) -> None:
    citation = client.post("/v1/ask", json={"question": DRILLS}).json()["answers"][0]["citation"]
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


def test_a_removed_document_answers_no_more(api: Client, stored: DocumentRecord) -> None:
    citation = cited(api)
    api.remove_document(stored.id)
    assert api.ask(DRILLS).reason == "empty_index"
    assert api.search(DRILLS).passages == ()
    verdict = api.verify_citation(citation)
    assert not verdict.valid and "is not there" in verdict.problems[0]
    for show in (api.show_document, api.show_text, api.etag, api.remove_document):
        with pytest.raises(ApiError) as raised:
            show(stored.id)
        assert (raised.value.status, raised.value.type) == (404, "urn:spanqa:problem:not-found")


def test_a_replaced_document_breaks_its_citation(api: Client, stored: DocumentRecord, text: str) -> None:
    citation = cited(api)
    api.put_document(stored.uri, "New. " + text)
    verdict = api.verify_citation(citation)
    assert not verdict.valid
    assert [problem.partition(":")[0] for problem in verdict.problems][:2] == ["sha256", "quote"]
    assert api.verify_citation(cited(api)).valid


def test_a_document_that_another_process_adds_is_found(api: Client, store: Store) -> None:
    text = "The drills run from August 9 to 13."
    other = Store(store.folder, store.embedder)
    try:
        other.put(Document(uri="elsewhere.txt", title="elsewhere.txt", text=text))
    finally:
        other.close()
    assert cited(api).document.uri == "elsewhere.txt"
