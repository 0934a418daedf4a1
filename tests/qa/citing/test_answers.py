"""Answers with their citations, of the very version that was read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fakes.embedders import FakeEmbedder

from index.documents import Document
from index.store.store import Store
from qa.asking.asked import Asked
from qa.citing.answers import MAX_SUPPORTING, cited_answer, cited_documents
from qa.citing.verify import verify
from qa.judging.candidates import Candidate, Place
from qa.judging.judge import Judged
from qa.retrieval.fusion import Fused
from qa.types import Question

ASKED = Asked(Question(question="When did the pier open?"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "store", FakeEmbedder())
    texts = [f"Note {number}: the pier opened on 9 August." for number in range(MAX_SUPPORTING + 4)]
    list(
        made.put_all(
            Document(uri=f"file:///{number}.txt", title="Pier", text=text, date="1831")
            for number, text in enumerate(texts)
        )
    )
    yield made
    made.close()


def places(store: Store, text: str, margin: float = 2.0) -> list[Place]:
    """Where a text stands in each document."""
    snapshot = store.catalogue.snapshot(list(range(1, 1 + store.catalogue.counts()[1])))
    return [
        Place(
            passage.document_id,
            passage.start + passage.text.index(text),
            passage.start + passage.text.index(text) + len(text),
            text,
            margin,
            margin,
            passage,
            Fused(number, 0.1),
            0.5,
        )
        for number, passage in sorted(snapshot.passages.items())
    ]


def judged(best: Place, *others: Place) -> Judged:
    return Judged(Candidate(best, others), np.zeros(1), 0.9)


def test_an_answer_is_cited_where_it_stands(store: Store) -> None:
    best, *others = places(store, "9 August")
    entry = judged(best, *others)
    snapshot = store.catalogue.snapshot([best.passage.id, *(place.passage.id for place in others)])
    documents = cited_documents(store.catalogue, [entry], snapshot)
    assert documents is not None
    answer = cited_answer(ASKED, entry, documents, snapshot)
    assert (answer.text, answer.confidence) == ("9 August", 0.9)
    assert answer.citation.document.id == best.document_id
    assert len(answer.supporting) == MAX_SUPPORTING
    assert all(verify(cited, store.catalogue).valid for cited in (answer.citation, *answer.supporting))
    # The year is the document's.
    assert answer.normalized is not None and answer.normalized.type == "date"


def test_places_far_behind_the_best_support_nothing(store: Store) -> None:
    best, other = places(store, "9 August")[0], places(store, "9 August", margin=-9.0)[1]
    snapshot = store.catalogue.snapshot([best.passage.id, other.passage.id])
    documents = cited_documents(store.catalogue, [judged(best, other)], snapshot)
    assert documents is not None and set(documents) == {best.document_id}
    assert cited_answer(ASKED, judged(best, other), documents, snapshot).supporting == ()


@pytest.mark.parametrize("change", ["replaced", "removed"])
def test_a_document_that_is_no_longer_what_was_read_is_not_cited(store: Store, change: str) -> None:
    best = places(store, "9 August")[0]
    snapshot = store.catalogue.snapshot([best.passage.id])
    if change == "removed":
        store.remove(best.document_id)
    else:
        uri = snapshot.documents[best.document_id].uri
        store.put(Document(uri=uri, title="Pier", text="Note 0: the pier opened on 8 August."))
    assert cited_documents(store.catalogue, [judged(best)], snapshot) is None


def test_nothing_cites_nothing(store: Store) -> None:
    assert cited_documents(store.catalogue, [], store.catalogue.snapshot([])) == {}


def test_a_span_that_its_source_does_not_hold_is_never_given(store: Store) -> None:
    best = places(store, "9 August")[0]
    snapshot = store.catalogue.snapshot([best.passage.id])
    wrong = Place(*(getattr(best, name) if name != "text" else "8 August" for name in best.__slots__))
    documents = cited_documents(store.catalogue, [judged(wrong)], snapshot)
    assert documents is not None
    with pytest.raises(AssertionError, match="8 August"):
        cited_answer(ASKED, judged(wrong), documents, snapshot)
