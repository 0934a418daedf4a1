"""Citations of any span of any text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.documents import Document, Page, document_id, text_sha256
from index.text.sentences import split_sentences
from qa.citing.cite import CONTEXT, cite, line_of, page_of, selectors

PIECES = [
    "e\u0301",
    "👨‍👩‍👧",
    "\r\n",
    "\r",
    "\n",
    "\n\n",
    "\ufeff",
    "\u202e",
    "שלום",
    "\u200b",
    "Dr. Smith went. ",
    "\u2028",
    "\u2029",
    "\x0b",
    "\x0c",
    "\x85",
    "A sentence. ",
    "“Why?” ",
    "3.14 ",
    "𝒜",
    "\t",
    " ",
    "\u00a0",
    "# Head\n",
    "- item\n",
]
TEXT = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=10)), max_size=20).map("".join)


@st.composite
def spans(draw: st.DrawFn) -> tuple[str, int, int]:
    text = draw(TEXT.filter(bool))
    start = draw(st.integers(0, len(text) - 1))
    return text, start, draw(st.integers(start + 1, len(text)))


def document(text: str, **changes: object) -> Document:
    return Document.model_validate({"uri": "file:///a.txt", "title": "A", "text": text} | changes)


@given(spans(), st.integers(0, 40), st.integers(0, 40))
@settings(max_examples=100, deadline=None)
def test_a_citation_says_what_the_text_says(span: tuple[str, int, int], before: int, after: int) -> None:
    text, start, end = span
    around = (max(0, start - before), min(len(text), end + after))
    made = cite(document(text), start, end, around=around)
    assert (made.start, made.end) == (start, end)
    assert text[made.start : made.end] == made.quote
    assert made.document.sha256 == text_sha256(text)
    sentence = made.sentence
    assert around[0] <= sentence.start <= start < end <= sentence.end <= around[1]
    assert text[sentence.start : sentence.end] == sentence.text
    quote, position = made.selector
    assert (position.start, position.end, quote.exact) == (start, end, made.quote)
    assert text[:start].endswith(quote.prefix) and text[end:].startswith(quote.suffix)
    for context, words, room in (
        (quote.prefix, quote.prefix + quote.exact, start),
        (quote.suffix, quote.exact + quote.suffix, len(text) - end),
    ):
        if context:
            assert len(re.findall(f"(?={re.escape(words)})", text)) == 1
            assert len(context) >= min(room, CONTEXT)
    assert made.line == 1 + len([m for m in re.finditer(r"\r\n|\r|\n", text) if m.end() <= start])
    assert made.page is None
    assert type(made).model_validate_json(made.model_dump_json()) == made


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (2, 2), (3, 2), (0, 7), (6, 7), (-3, -1)])
def test_what_is_no_span(start: int, end: int) -> None:
    with pytest.raises(ValueError, match=r"is not a span of file:///a.txt \(6 characters\)"):
        cite(document("abcdef"), start, end, around=(0, 6))


def test_the_empty_text_has_no_span() -> None:
    with pytest.raises(ValueError, match="not a span"):
        cite(document(""), 0, 1, around=(0, 0))


def test_the_sentence_around_an_answer() -> None:
    text = "It rained. Ada Lovelace wrote the notes in 1843. They were long."
    start = text.index("1843")
    made = cite(document(text), start, start + 4, around=(0, len(text)))
    assert made.sentence.text == "Ada Lovelace wrote the notes in 1843."


def test_a_span_over_two_sentences_has_both() -> None:
    text = "It rained. Ada wrote. They were long."
    made = cite(document(text), text.index("wrote"), text.index("were"), around=(0, len(text)))
    assert made.sentence.text == "Ada wrote. They were long."


def test_sentences_of_a_passage_in_the_middle_of_a_text() -> None:
    text = "First one. Second one here. Third one. Fourth one."
    passage = (text.index("Second"), text.index(" Fourth"))
    start = text.index("here")
    made = cite(document(text), start, start + 4, around=passage)
    (expected,) = [s for s in split_sentences(text) if s.start <= start < s.end]
    assert (made.sentence.start, made.sentence.end) == (expected.start, expected.end)


def test_a_span_that_the_stretch_does_not_hold_is_still_held_by_its_sentence() -> None:
    text = "First one. Second one."
    made = cite(document(text), 0, len(text), around=(5, 9))
    assert (made.sentence.start, made.sentence.end) == (0, len(text))


def test_identity_of_the_document() -> None:
    made = cite(document("abc", uri="file:///x y.txt", title="“T”"), 0, 1, around=(0, 3)).document
    assert (made.id, made.uri, made.title) == (document_id("file:///x y.txt"), "file:///x y.txt", "“T”")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a\nb\nc", [1, 1, 2, 2, 3]),
        ("a\r\nb", [1, 1, 1, 2]),
        ("a\rb", [1, 1, 2]),
        ("\r\r\n\nb", [1, 2, 2, 3, 4]),
        ("a\u2028b\x0bc\x85d\x0ce", [1] * 9),
    ],
)
def test_lines(text: str, lines: list[int]) -> None:
    assert [line_of(text, offset) for offset in range(len(text))] == lines


def test_pages() -> None:
    paged = document(
        "onetwo--four",
        pages=(Page(number=1, start=0, end=3), Page(number=2, start=3, end=6), Page(number=4, start=8, end=12)),
    )
    assert [page_of(paged, offset) for offset in (0, 2, 3, 5, 6, 8, 11)] == [1, 1, 2, 2, None, 4, 4]
    assert cite(paged, 2, 9, around=(0, 12)).page == 1
    assert page_of(document("abc"), 1) is None


def test_selectors_are_as_long_as_it_takes_to_tell_places_apart() -> None:
    row = "Country: Norway. Status: active. Members: many. "
    text = f"Oslo. {row}Founded in 1911. {row}Bergen. {row}Founded in 1911. {row}Molde."
    start = text.rindex("1911")
    quote, _ = selectors(text, start, start + 4)
    assert "gen. " in quote.prefix and "Molde" in quote.suffix
    copied = f"{text * 2}{'x' * 5000}"
    assert selectors(copied, start, start + 4)[0].prefix == ""


def test_selectors_at_the_borders() -> None:
    quote, position = selectors("abcdef", 0, 6)
    assert (quote.exact, quote.prefix, quote.suffix) == ("abcdef", "", "")
    assert (position.start, position.end) == (0, 6)
    assert (quote.type, position.type) == ("TextQuoteSelector", "TextPositionSelector")
