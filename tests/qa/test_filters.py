"""Filters bind everything that leaves the engine: passages, answers, citations and supporting places."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from index.documents import Document
from index.store.store import Store
from qa.engine import Engine
from qa.judging.confidence import FEATURES, Calibration
from qa.reading.spans import Span
from qa.types import Citation, Filters, Question

ANSWER = "August 9 to 13"
COLLECTIONS = ("default", "a", "b")
TAGS = ("x", "y", "X")
DATES = (None, "2020", "2021-06", "2021-06-15", "2021-06-15T10:00:00Z", "2022-01-01")
FOLDERS = ("file:///docs/", "file:///Docs/", "file:///docs_")


class Embedder:
    """Every text is the same: only filters tell documents apart."""

    name, sha256, dimensions = "same", "e" * 64, 4

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.full((len(texts), 4), 0.5, dtype=np.float32)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]


class Reader:
    """Finds the answer wherever it stands."""

    name, sha256 = "finds", "f" * 64

    def read(
        self, questions: Sequence[str], passages: Sequence[Sequence[str]], headings: object = None
    ) -> list[list[list[Span]]]:
        return [
            [
                [Span(text.index(ANSWER), text.index(ANSWER) + len(ANSWER), 5.0)] if ANSWER in text else []
                for text in own
            ]
            for own in passages
        ]


def _documents() -> Iterator[Document]:
    some_tags = [(), ("x",), ("x", "y"), ("X",)]
    for number, (collection, tags, date) in enumerate(itertools.product(COLLECTIONS, some_tags, DATES)):
        yield Document(
            uri=f"{FOLDERS[number % 3]}{number % 40}",
            title=str(number),
            text=f"Report {number}. The drills run from {ANSWER} in Ningxia.",
            collection=collection,
            tags=tags,
            date=date,
        )


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    store = Store(tmp_path_factory.mktemp("filters") / "store", Embedder())
    changes = list(store.put_all(_documents()))
    store.sync()
    assert len({change.document.id for change in changes}) == len(changes)
    zeros = (0.0,) * len(FEATURES)
    fitted = Calibration(
        features=FEATURES,
        mean=zeros,
        scale=(1.0,) * len(FEATURES),
        weights=zeros,
        bias=2.0,
        threshold=0.5,
        reader_sha256="f" * 64,
        embedder_sha256="e" * 64,
        fitted_on="nothing",
    )
    yield Engine(store, Reader(), fitted)
    store.close()


def _days(stated: str) -> tuple[str, str]:
    day = stated.partition("T")[0]
    return (day + "-01-01")[:10], (day + ("-12-31" if len(day) == 4 else "-31"))[:10]


def _meets(document: Document, filters: Filters) -> bool:
    """The definition, in plain words: every field, one of its values."""
    return (
        (not filters.document_ids or document.id in filters.document_ids)
        and document.uri.startswith(filters.uri_prefix)
        and (not filters.collections or document.collection in filters.collections)
        and (not filters.tags or bool(set(filters.tags) & set(document.tags)))
        and _within(document.date, filters.date_from, filters.date_to)
    )


def _within(stated: str | None, date_from: str | None, date_to: str | None) -> bool:
    if date_from is None and date_to is None:
        return True
    if stated is None:
        return False
    first, last = _days(stated)
    return (date_from is None or last >= _days(date_from)[0]) and (date_to is None or first <= _days(date_to)[1])


DOCUMENTS = {document.id: document for document in _documents()}
NAMES = [*COLLECTIONS, "c", ""]
STATED = st.none() | st.sampled_from(["2020", "2021", "2021-06", "2021-06-14", "2021-06-15", "2021-07", "2023"])
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "document_ids": st.lists(st.sampled_from([*DOCUMENTS, "unknown"]), max_size=30),
        "uri_prefix": st.sampled_from(["", *FOLDERS, "file:///", "file:///docs/1", "%"]),
        "collections": st.lists(st.sampled_from(NAMES), max_size=3),
        "tags": st.lists(st.sampled_from([*TAGS, "z"]), max_size=3),
        "date_from": STATED,
        "date_to": STATED,
    },
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(fields=FILTERS)
def test_nothing_escapes_a_filter(engine: Engine, fields: dict[str, Any]) -> None:
    try:
        filters = Filters.model_validate(fields)
    except ValidationError:
        assert fields["date_from"] > fields["date_to"]
        return
    expected = {key for key, document in DOCUMENTS.items() if _meets(document, filters)}
    question = Question(
        question="When do the drills run?", answers=20, passages=200, filters=filters, threshold=0, candidates=True
    )
    (trace,) = engine.trace([question])
    response = trace.response
    assert {entry.passage.document_id for entry in trace.read} == expected
    cited = [citation for answer in response.answers for citation in (answer.citation, *answer.supporting)]
    for citation in cited:
        assert isinstance(citation, Citation) and citation.document.id in expected
        text = DOCUMENTS[citation.document.id].text
        assert text[citation.start : citation.end] == citation.quote == ANSWER
    assert (response.status, response.reason) == (
        ("answered", None) if expected else ("not_found", "nothing_retrieved")
    )
    assert len(cited) == min(len(expected), 11)


@pytest.mark.parametrize(
    "fields",
    [
        {"date_from": "21"},
        {"date_from": "2021-13"},
        {"date_to": "2021-02-30"},
        {"date_to": "2021-06-15T10:00:00Z"},
        {"date_from": "２０２１"},
        {"date_from": "2021-06-02", "date_to": "2021-06-01"},
        {"date_from": "2022", "date_to": "2021-12"},
        {"tags": ["x" * 201]},
    ],
)
def test_filters_that_are_none(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Filters.model_validate(fields)
