"""Documents: their ids, and the dates that sources state."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from index.documents import Document, document_id, first_day


@given(st.tuples(st.text(), st.text()), st.tuples(st.text(), st.text()))
def test_ids_differ_where_collection_or_uri_does(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert (document_id(one[1], one[0]) == document_id(other[1], other[0])) == (one == other)


@given(st.text(), st.text(min_size=1))
def test_no_uri_of_the_default_collection_means_a_document_of_another(uri: str, collection: str) -> None:
    if collection != "default":
        own = document_id(uri, collection)
        assert own not in {document_id(uri), document_id(f"{collection}\xff{uri}"), document_id(f"{collection}{uri}")}


def test_the_id_in_the_default_collection_is_what_it_always_was() -> None:
    assert document_id("file:///notes/a%20b.md") == "c8b3b5dea3e4a0ce"


@pytest.mark.parametrize(
    ("stated", "day"),
    [
        ("2024", date(2024, 1, 1)),
        ("2024-05", date(2024, 5, 1)),
        ("2024-02-29", date(2024, 2, 29)),
        ("2024-02-29T10:00:00Z", date(2024, 2, 29)),
    ],
)
def test_first_day(stated: str, day: date) -> None:
    assert first_day(stated) == day
    assert Document(uri="a", title="", text="", date=stated).date == stated


@pytest.mark.parametrize(
    "stated", ["", "24", "2024-5", "2024-13", "2023-02-29", "20240229", "May 2024", "2024-W05", "T"]
)
def test_what_is_no_date(stated: str) -> None:
    with pytest.raises(ValueError):
        first_day(stated)
    with pytest.raises(ValidationError):
        Document(uri="a", title="", text="", date=stated)


def test_tags_are_kept_in_order_once() -> None:
    assert Document(uri="a", title="", text="", tags=("b", "a", "b")).tags == ("b", "a")
