"""Verifying citations: what cite() makes holds, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.documents import Document, Heading, Page, Row
from index.errors import InputError
from index.loading.files import load_file
from qa.citing.cite import cite
from qa.citing.verify import citations_in, verify, verify_against
from qa.types import Answer, Citation, Elapsed, ModelRef, Provenance, Response

TEXT = "It rained.\r\nAda Lovelace wrote the notes in 1843.\n\nThey were long, and were written in 1843 too."
PAGES = (Page(number=1, start=0, end=12), Page(number=2, start=12, end=len(TEXT)))

OUTLINE = (Heading(level=1, title="Notes", start=0), Heading(level=2, title="Later", start=52))
ROWS = (Row(number=3, start=12, end=49),)


class Shelf:
    """Documents by id."""

    def __init__(self, *documents: Document) -> None:
        self._documents = {document.id: document for document in documents}

    def document(self, document_id: str) -> Document | None:
        return self._documents.get(document_id)


def notes(**changes: object) -> Document:
    return Document.model_validate(
        {"uri": "file:///notes.txt", "title": "Notes", "text": TEXT, "pages": PAGES, "outline": OUTLINE, "rows": ROWS}
        | changes
    )


def citation(document: Document | None = None, words: str = "1843") -> Citation:
    document = document or notes()
    start = document.text.index(words)
    return cite(document, start, start + len(words), around=(0, len(document.text)))


PIECES = [
    "e\u0301",
    "👨‍👩‍👧",
    "\r\n",
    "\r",
    "\n\n",
    "\ufeff",
    "\u202eשלום",
    "\u200b",
    "One went. ",
    "\u2028",
    "𝒜",
    "\t",
    " ",
]


@given(
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(min_size=1, max_size=8)), min_size=1, max_size=15), st.data()
)
@settings(max_examples=60, deadline=None)
def test_every_citation_holds(pieces: list[str], data: st.DataObject) -> None:
    text = "".join(pieces)
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    document = notes(text=text, pages=(), outline=(), rows=())
    made = cite(document, start, end, around=(0, len(text)))
    verdict = verify(made, Shelf(document))
    assert (verdict.valid, verdict.problems) == (True, ())
    assert (verdict.quote, verdict.uri) == (text[start:end], document.uri)
    assert verify_against(made, document).valid


def change(path: str, value: Callable[[Any], Any]) -> Citation:
    """The good citation with one field changed."""
    record = citation().model_dump(mode="json")
    *above, last = path.split(".")
    at: Any = record
    for name in above:
        at = at[int(name)] if name.isdigit() else at[name]
    key = int(last) if last.isdigit() else last
    at[key] = value(at[key])
    return Citation.model_validate(record)


MUTATIONS: list[tuple[str, Callable[[Any], Any], str]] = [
    ("document.id", lambda v: "0" * 16, "document"),
    ("document.uri", lambda v: v + "x", "uri"),
    ("document.title", lambda v: v + "x", "title"),
    ("document.date", lambda v: "1999", "date"),
    ("document.sha256", lambda v: v[::-1], "sha256"),
    ("start", lambda v: v + 1, "quote"),
    ("start", lambda v: v - 1, "quote"),
    ("start", lambda v: -1, "offsets"),
    ("start", lambda v: v + 4, "offsets"),
    ("end", lambda v: v + 1, "quote"),
    ("end", lambda v: v - 1, "quote"),
    ("end", lambda v: 10_000, "offsets"),
    ("quote", lambda v: "1844", "quote"),
    ("quote", lambda v: "", "quote"),
    ("sentence.start", lambda v: v + 1, "sentence"),
    ("sentence.start", lambda v: v - 1, "sentence"),
    ("sentence.start", lambda v: -5, "sentence"),
    ("sentence.end", lambda v: v + 1, "sentence"),
    ("sentence.end", lambda v: v - 10, "sentence"),
    ("sentence.end", lambda v: 10_000, "sentence"),
    ("sentence.text", lambda v: v + " ", "sentence"),
    ("line", lambda v: v + 1, "line"),
    ("line", lambda v: 1, "line"),
    ("page", lambda v: 1, "page"),
    ("page", lambda v: None, "page"),
    ("page_line", lambda v: v + 1, "page_line"),
    ("page_line", lambda v: None, "page_line"),
    ("headings.0", lambda v: v + "x", "headings"),
    ("row", lambda v: v + 1, "row"),
    ("row", lambda v: None, "row"),
    ("selector.0.exact", lambda v: "1844", "selector"),
    ("occurrences", lambda v: v + 1, "occurrences"),
    ("selector.0.prefix", lambda v: v[1:], "selector"),
    ("selector.0.prefix", lambda v: "", "selector"),
    ("selector.0.suffix", lambda v: v + "x", "selector"),
    ("selector.1.start", lambda v: v + 1, "selector"),
    ("selector.1.end", lambda v: v - 1, "selector"),
]


@pytest.mark.parametrize(("path", "value", "named"), MUTATIONS)
def test_one_changed_field_is_found_and_named(path: str, value: Callable[[Any], Any], named: str) -> None:
    verdict = verify(change(path, value), Shelf(notes()))
    assert not verdict.valid
    assert any(problem.startswith(f"{named}:") for problem in verdict.problems), verdict.problems


def test_every_field_is_changed_above() -> None:
    def leaves(value: object, path: str) -> set[str]:
        if isinstance(value, dict):
            return {leaf for name, own in value.items() for leaf in leaves(own, f"{path}.{name}")}
        if isinstance(value, list):
            return {leaf for number, own in enumerate(value) for leaf in leaves(own, f"{path}.{number}")}
        return {path[1:]}

    fields = {leaf for leaf in leaves(citation().model_dump(mode="json"), "") if not leaf.endswith(".type")}
    assert fields == {path for path, _, _ in MUTATIONS}


@pytest.mark.parametrize("headings", [None, [], ["Later"], ["Notes", "Later"]])
def test_another_path_of_headings(headings: list[str] | None) -> None:
    made = Citation.model_validate(citation().model_dump(mode="json") | {"headings": headings})
    assert [problem.partition(":")[0] for problem in verify(made, Shelf(notes())).problems] == ["headings"]


def test_what_an_older_citation_does_not_state_is_not_held_against_it() -> None:
    record = citation().model_dump(mode="json")
    for name in ("page_line", "headings", "row"):
        del record[name]
    assert verify(Citation.model_validate(record), Shelf(notes())).valid


def test_the_id_of_another_document() -> None:
    other = notes(uri="file:///other.txt")
    forged = citation().model_copy(update={"document": citation().document.model_copy(update={"id": other.id})})
    problems = verify(forged, Shelf(notes(), other)).problems
    assert [problem.split(":")[0] for problem in problems] == ["uri"]


def test_the_same_words_elsewhere_do_not_do() -> None:
    later = TEXT.rindex("1843")
    record = citation().model_dump(mode="json") | {"start": later, "end": later + 4}
    problems = verify(Citation.model_validate(record), Shelf(notes())).problems
    places = {"line", "page_line", "headings", "row"}
    assert {problem.split(":")[0] for problem in problems} == places | {"sentence", "selector"}


def test_a_removed_document() -> None:
    verdict = verify(citation(), Shelf())
    assert not verdict.valid
    assert "file:///notes.txt is not there" in verdict.problems[0]


def test_an_edited_document_is_another_version_though_the_quote_stands() -> None:
    edited = notes(text=TEXT + " More.")
    assert [problem.split(":")[0] for problem in verify(citation(), Shelf(edited)).problems] == ["sha256"]


def test_an_edit_before_the_quote_names_what_stands_there_now() -> None:
    edited = notes(text="Well, " + TEXT)
    problems = verify(citation(), Shelf(edited)).problems
    assert {problem.split(":")[0] for problem in problems} >= {"sha256", "quote", "sentence", "selector"}
    assert any("not '1843'" in problem for problem in problems)


def test_a_text_that_became_shorter() -> None:
    problems = verify(citation(), Shelf(notes(text="short"))).problems
    assert [problem.split(":")[0] for problem in problems] == ["sha256", "offsets"]


# --- against a file


def test_against_its_source_file(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(("\ufeff" + TEXT).encode())
    made = citation(load_file(path))
    moved = tmp_path / "elsewhere.txt"
    path.rename(moved)
    assert verify_against(made, load_file(moved)).valid
    assert not verify(made, Shelf(load_file(moved))).valid


def test_against_a_file_with_other_newlines(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(TEXT.encode())
    made = citation(load_file(path))
    path.write_bytes(TEXT.replace("\r\n", "\n").encode())
    problems = verify_against(made, load_file(path)).problems
    assert {problem.split(":")[0] for problem in problems} >= {"sha256", "quote"}


# --- finding citations in JSON


def answer(**changes: object) -> Answer:
    made = citation()
    return Answer(text=made.quote, confidence=0.9, citation=made).model_copy(update=changes)


def response(*answers: Answer) -> Response:
    model = ModelRef(name="m", sha256="s")
    return Response(
        question="When?",
        status="answered" if answers else "not_found",
        reason=None if answers else "not_in_passages",
        answers=answers,
        threshold=0.5,
        elapsed_ms=Elapsed(embed=0, retrieve=0, read=0, total=0),
        provenance=Provenance(version="0", store_generation=1, embedder=model, reader=model),
    )


def test_citations_of_every_form() -> None:
    one, other = citation(), citation(words="Ada")
    supported = answer(supporting=(other,))

    def found(value: Any) -> list[Citation]:
        return list(citations_in(value))

    assert found(one.model_dump(mode="json")) == [one]
    assert found(supported.model_dump(mode="json")) == [one, other]
    assert found(response(supported, answer()).model_dump(mode="json")) == [one, other, one]
    assert found([one.model_dump(mode="json"), supported.model_dump(mode="json")]) == [one, one, other]
    assert found([response(answer()).model_dump(mode="json")] * 2) == [one, one]
    assert found({"citations": [other.model_dump(mode="json")]}) == [other]
    unsure = response().model_copy(update={"candidates": (answer(),), "also_found": (supported,)})
    assert found(unsure.model_dump(mode="json")) == [one, one, other]
    # The first version of the answer called what is also found rivals.
    assert found({"answers": [], "rivals": [supported.model_dump(mode="json")]}) == [one, other]


@pytest.mark.parametrize(
    "value", [None, 5, "quote", [], {}, [[]], {"answers": []}, {"quote": "x"}, {"other": {"quote": "x"}}]
)
def test_no_citation(value: Any) -> None:
    with pytest.raises(InputError, match="no citation found"):
        list(citations_in(value))


def test_a_question_without_answers_may_have_none() -> None:
    assert list(citations_in(response().model_dump(mode="json"))) == []


@pytest.mark.parametrize(
    ("name", "value", "where"),
    [
        ("start", "x", r"\$\.start"),
        ("line", 0, r"\$\.line"),
        ("quote", None, r"\$\.quote"),
        ("document", {"id": "a"}, r"\$\.document\.uri"),
        ("selector", [], r"\$\.selector"),
        ("extra", 1, r"\$\.extra"),
    ],
)
def test_a_malformed_citation_names_its_field(name: str, value: Any, where: str) -> None:
    record = citation().model_dump(mode="json") | {name: value}
    with pytest.raises(InputError, match=f"malformed citation at {where}"):
        list(citations_in(record))


def test_a_malformed_citation_names_its_place() -> None:
    record = response(answer(), answer()).model_dump(mode="json")
    del record["answers"][1]["citation"]["end"]
    with pytest.raises(InputError, match=r"\$\.answers\[1\]\.citation\.end"):
        list(citations_in(record))
    with pytest.raises(InputError, match=r"\$\[0\]\.answers\[1\]\.citation\.end"):
        list(citations_in([record]))
