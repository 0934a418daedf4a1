"""Passages: complete, bounded, in order; cut at sentences, paragraphs and headings."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.documents import Document, Passage, Row
from index.models.embedder import open_embedder
from index.text.passages import CHARACTERS_A_TOKEN, CutSettings, TokenCounter, cut_passages, passage_around
from index.text.sentences import Sentence, split_sentences


def by_words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def by_letters(texts: Sequence[str]) -> list[int]:
    """Adds up over joined sentences: white space has no tokens, as in WordPiece."""
    return [sum(not letter.isspace() for letter in text) for text in texts]


def by_bytes(texts: Sequence[str]) -> list[int]:
    """As byte-level tokenizers at their worst: several tokens a character."""
    return [len("".join(text.split()).encode()) for text in texts]


def tokens_of(text: str, count: TokenCounter) -> int:
    """As passages are measured: a very long word is given more tokens than a counter may see in it."""
    return max(*count([text]), len(text) // CHARACTERS_A_TOKEN)


SCRAPS = st.sampled_from(
    [
        "One two three four five. ",
        "Short. ",
        "Why? ",
        "\n\n",
        "\r\n\r\n",
        "\n",
        "\r",
        "\n# Head\n",
        "\r\n## Sub\r\n\r\n",
        "\n\n### Deep\n\n",
        "word " * 30,
        "x" * 70,
        "😀" * 20,
        "👩‍👩‍👧‍👦",
        "e\u0301. ",
        "\u2029",
        "\u2028",
        "\x85",
        "\ufeff",
        "\u200b",
        "שלום. ",
        "中文。",
        "```\n",
        "- item\n",
        "This is one line of a paragraph that is wrapped to a width,\n",
    ]
)
TEXTS = st.lists(SCRAPS | st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=6), max_size=40).map(
    "".join
)
COUNTERS = st.sampled_from([by_words, by_letters, by_bytes])


@st.composite
def cuts(draw: st.DrawFn) -> CutSettings:
    # A character has at most four bytes, and so can always be a piece of its own.
    maximum = draw(st.integers(4, 60))
    return CutSettings(
        minimum=draw(st.integers(1, maximum)), maximum=maximum, overlap=draw(st.integers(0, maximum - 1))
    )


def document(text: str, media_type: str = "text/plain", **changes: object) -> Document:
    return Document.model_validate({"uri": "u", "title": "T", "text": text, "media_type": media_type} | changes)


def of(sentences: list[Sentence], start: int, end: int) -> list[Sentence]:
    return [s for s in sentences if s.start < end and s.end > start]


@given(TEXTS, st.booleans(), COUNTERS, cuts())
def test_passages_of_any_text(text: str, markdown: bool, count: TokenCounter, settings: CutSettings) -> None:
    given_document = document(text, "text/markdown" if markdown else "text/plain")
    sentences = split_sentences(text, markdown=markdown)
    passages = cut_passages(given_document, count, settings)
    # Inside the text, in order, each further than the one before.
    edges = [(p.start, p.end) for p in passages]
    assert all(0 <= start < end <= len(text) for start, end in edges)
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(edges))
    # Together everything.
    covered = 0
    for start, end in edges:
        assert not text[covered:start].strip()
        covered = end
    assert not text[covered:].strip()
    for passage in passages:
        quote = text[passage.start : passage.end]
        assert tokens_of(quote, count) <= settings.maximum
        touched = of(sentences, passage.start, passage.end)
        assert len({s.heading for s in touched}) == 1
        for cut in touched:
            if cut.start < passage.start or cut.end > passage.end:
                assert tokens_of(text[cut.start : cut.end], count) > settings.maximum
    for a, b in pairwise(passages):
        if b.start < a.end:
            repeated = of(sentences, b.start, a.end)
            assert len({s.block for s in repeated}) == 1, "only a paragraph's own sentences are repeated"
            assert tokens_of(text[b.start : a.end], count) <= settings.overlap


def texts_of(given_document: Document, count: TokenCounter = by_words, **lengths: int) -> list[str]:
    return [given_document.text[p.start : p.end] for p in cut_passages(given_document, count, CutSettings(**lengths))]


def test_no_text_no_passages() -> None:
    assert cut_passages(document(" \n"), by_words) == []


def test_short_paragraphs_are_joined_and_long_enough_ones_close() -> None:
    text = "a b c.\n\nd e f.\n\ng h i.\n\nj k l."
    assert texts_of(document(text), minimum=5, maximum=20, overlap=0) == ["a b c.\n\nd e f.", "g h i.\n\nj k l."]


def test_neighbours_in_a_paragraph_share_sentences() -> None:
    text = "Ada wrote a note. Bob read the note. Cyd lost the note. Dan found the note."
    found = texts_of(document(text), minimum=8, maximum=8, overlap=4)
    assert found == [
        "Ada wrote a note. Bob read the note.",
        "Bob read the note. Cyd lost the note.",
        "Cyd lost the note. Dan found the note.",
    ]


def test_the_overlap_is_bounded() -> None:
    text = "Ada wrote notes. Bob read notes. Cyd lost notes. Dan found notes. Eve sold notes."
    assert texts_of(document(text), minimum=12, maximum=12, overlap=5) == [
        "Ada wrote notes. Bob read notes. Cyd lost notes. Dan found notes.",
        "Dan found notes. Eve sold notes.",
    ]


def test_nothing_is_repeated_where_the_next_sentence_would_not_fit() -> None:
    text = "Ada wrote notes. Bob read them all. Cyd lost each of them on the way."
    assert texts_of(document(text), minimum=10, maximum=10, overlap=5) == [
        "Ada wrote notes. Bob read them all.",
        "Cyd lost each of them on the way.",
    ]


def test_the_overlap_stays_in_its_paragraph() -> None:
    text = "Ada wrote. Bob read.\n\nCyd lost all the notes. She" + " then" * 13 + " left."
    assert texts_of(document(text), minimum=20, maximum=22, overlap=10) == [
        "Ada wrote. Bob read.\n\nCyd lost all the notes.",
        "Cyd lost all the notes. She" + " then" * 13 + " left.",
    ]


def test_a_paragraph_goes_whole_into_the_next_passage_rather_than_in_half() -> None:
    text = "A b c d e f.\n\nG h i. J k l m n o p q."
    assert texts_of(document(text), minimum=12, maximum=14, overlap=0) == ["A b c d e f.", "G h i. J k l m n o p q."]


def test_a_word_longer_than_a_passage_is_cut_between_characters() -> None:
    assert texts_of(document("😀" * 10), by_bytes, minimum=1, maximum=8, overlap=0) == ["😀😀"] * 5


def test_a_sentence_longer_than_a_passage_is_cut_at_white_space() -> None:
    found = texts_of(document("one two three four five six seven eight nine."), minimum=1, maximum=6, overlap=0)
    assert found == ["one two three four five six", "seven eight nine."]


def test_context_is_the_own_title_and_the_headings_without_repeats() -> None:
    text = "# T\n\nOne.\n\n## Sub\n\nTwo."
    own = cut_passages(document(text, "text/markdown", own_title=True), by_words)
    assert [(text[p.start : p.end].rsplit(maxsplit=1)[-1], p.context) for p in own] == [
        ("One.", "T"),
        ("Two.", "T > Sub"),
    ]
    named = cut_passages(document("One.", title="file.txt"), by_words)
    assert [p.context for p in named] == [""], "a file name says nothing about the content"


@pytest.mark.parametrize("bad", [{"overlap": 200}, {"overlap": -1}, {"minimum": 0}, {"minimum": 201}])
def test_lengths_that_do_not_fit_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        CutSettings(**bad)


def test_a_passage_is_not_empty() -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        Passage(start=3, end=3)


def test_the_bundled_tokenizer_keeps_passages_within_the_maximum() -> None:
    count = open_embedder(runtime="torch").count_tokens
    paragraph = "Dr. Née paid $3.50 (e.g. for 한국어 or 中文) 😀. Unbelievably-long-words/and/paths.were here. "
    text = "\n\n".join([paragraph * 12, "x" * 3000, "한" * 500, paragraph * 3])
    passages = cut_passages(document(text), count)
    assert len(passages) >= 4
    assert max(count([text[p.start : p.end] for p in passages])) <= CutSettings().maximum


def test_a_long_word_that_is_one_token_is_still_cut() -> None:
    text = "A word: " + "x" * 50_000 + "."
    cut = cut_passages(Document(uri="file:///a.txt", title="a", text=text), lambda texts: [1] * len(texts))
    assert max(passage.end - passage.start for passage in cut) <= 200 * CHARACTERS_A_TOKEN + CHARACTERS_A_TOKEN
    assert "".join(text[passage.start : passage.end] for passage in cut).count("x") == 50_000


def test_a_passage_around_a_span_stands_under_what_passages_there_do() -> None:
    text = "# Cities\n\nOne. Two. Three. Four.\n\nname | people\n--- | ---\nOslo | 717710\nBergen | 291940\n"
    rows = [
        Row(number=number, start=text.index(line), end=text.index(line) + len(line), header=number == 1)
        for number, line in enumerate(("name | people", "Oslo | 717710", "Bergen | 291940"), start=1)
    ]
    own = document(text, "text/markdown", rows=tuple(rows), own_title=True)
    passages = {text[p.start : p.end]: p for p in cut_passages(own, by_words)}
    at = text.index("717710")
    assert passage_around(own, at, at + 6) == passages["Oslo | 717710"]
    at = text.index("Two")
    around = passage_around(own, at, at + 3)
    assert (text[around.start : around.end], around.context) == ("One. Two. Three.", "T > Cities")
    assert passage_around(document(" x "), 0, 1) == Passage(start=0, end=1, context="")
