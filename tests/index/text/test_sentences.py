"""Sentences: exact, ordered, complete over any text; sensible over ordinary ones."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from index.text.sentences import MAX_BLOCK, split_sentences

SCRAPS = st.sampled_from(
    [
        "\r\n",
        "\r",
        "\n",
        "\n\n",
        "\r\n\r\n",
        "\x0b",
        "\f",
        "\x1c",
        "\x85",
        "\u2028",
        "\u2029",
        "\ufeff",
        "\u200b",
        "\u200d",
        "\u00a0",
        "\u3000",
        "\u00ad",
        "e\u0301",
        "a\u0300\u0323",
        "👩‍👩‍👧‍👦",
        "🇫🇷",
        "👍🏽",
        "שלום. ",
        "مرحبا؟ ",
        "\u202e",
        "\u2066",
        "中文。",
        "什么？",
        "한국어. ",
        "हिन्दी। ",
        "Dr. ",
        "U.S. ",
        "e.g. ",
        "3.14",
        "...",
        "?!",
        "“Yes.” ",
        "# ",
        "## ",
        "```",
        "- ",
        "1. ",
        " ",
        "\t",
        "    ",
        "\x00",
        "\U0010ffff",
        "Hello there. ",
        "This one is a line that is long enough to be wrapped.",
    ]
)
TEXTS = st.lists(SCRAPS | st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8), max_size=40).map(
    "".join
)


def quotes(text: str, *, markdown: bool = False) -> list[str]:
    return [text[s.start : s.end] for s in split_sentences(text, markdown=markdown)]


def blocks(text: str) -> int:
    return len({s.block for s in split_sentences(text)})


def check(text: str, markdown: bool) -> None:
    before, block = 0, 0
    for sentence in split_sentences(text, markdown=markdown):
        assert before <= sentence.start < sentence.end <= len(text)
        assert not text[before : sentence.start].strip(), "only white space may be left out"
        quote = text[sentence.start : sentence.end]
        assert quote == quote.strip()
        assert sentence.block >= block
        before, block = sentence.end, sentence.block
    assert not text[before:].strip()


@given(TEXTS, st.booleans())
@example("\r\n" * 3, True)
@example("  # a\rb", True)
def test_sentences_cover_any_text_in_order(text: str, markdown: bool) -> None:
    check(text, markdown)


@pytest.mark.parametrize("unit", ["x", "é", "😀", "word ", "A sentence. ", "a.", "?", "\u200b", "e\u0301"])
def test_a_line_longer_than_a_block_is_covered(unit: str) -> None:
    check(unit * (2 * MAX_BLOCK // len(unit) + 7), False)


def test_no_sentence_is_cut_where_a_long_line_is_taken_in_pieces() -> None:
    one = "The same plain sentence stands here again and again."
    text = " ".join([one] * (3 * MAX_BLOCK // len(one)))
    assert set(quotes(text)) == {one}


def test_a_sentence_longer_than_a_piece_is_cut_at_a_space() -> None:
    text = "word " * MAX_BLOCK
    assert {word for quote in quotes(text) for word in quote.split()} == {"word"}


def test_many_wrapped_lines_are_one_block() -> None:
    # Took minutes while the lines so far were looked at again for each new one.
    text = "These are the words of one line that is neither short nor long,\n" * 20_000
    assert blocks(text) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Smith met Mr. Jones. They talked.", ["Dr. Smith met Mr. Jones.", "They talked."]),
        ("The U.S. Army came. It left.", ["The U.S. Army came.", "It left."]),
        ("He arrived on Jan. 3. It rained.", ["He arrived on Jan. 3.", "It rained."]),
        ("It cost $3.5 million, e.g. a lot. Yes.", ["It cost $3.5 million, e.g. a lot.", "Yes."]),
        ("Prof. A. B. Lee left. Why?", ["Prof. A. B. Lee left.", "Why?"]),
        ('He said "No." Then he left.', ['He said "No."', "Then he left."]),
        ("Née 😀 Ada. She wrote. 中文。好的。", ["Née 😀 Ada.", "She wrote.", "中文。", "好的。"]),
        ("  One.  ", ["One."]),
        ("", []),
        (" \r\n\t\u2029", []),
    ],
)
def test_examples(text: str, expected: list[str]) -> None:
    assert quotes(text) == expected


WRAPPED = [
    "The first line of a paragraph that is wrapped at some seventy",
    "characters a line, as mail and old text files are. The next one is",
    "short.",
]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\u2028"])
def test_hard_wrapped_lines_are_one_paragraph(newline: str) -> None:
    text = newline.join(WRAPPED)
    found = split_sentences(text)
    assert blocks(text) == 1
    assert len(found) == 2, "a sentence goes on over the line break"
    assert text[found[1].start : found[1].end].split() == ["The", "next", "one", "is", "short."]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_blank_line_ends_a_paragraph_whatever_the_newline(newline: str) -> None:
    text = newline.join([*WRAPPED[:1], "", *WRAPPED[1:]])
    assert blocks(text) == 2
    assert blocks(text.replace(newline * 2, newline + " \t" + newline)) == 2


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_one_line_paragraphs_are_paragraphs_each(newline: str) -> None:
    line = "This paragraph stands on one line, as word processors and the web write them. " * 3
    assert blocks(newline.join([line.strip()] * 3)) == 3
    assert blocks(newline.join(["Short", "lines", "of a list"])) == 3


def test_a_form_feed_and_a_paragraph_separator_end_a_paragraph() -> None:
    assert quotes("one\ftwo\u2029three") == ["one", "two", "three"]
    assert blocks("one\ftwo\u2029three") == 3


def test_sentences_know_their_markdown_headings() -> None:
    text = "Before.\n# A #\nIn a.\n\n## B\r\nIn b.\n### C\n\nIn c.\n## D\nIn d.\n# E\n\nIn e."
    found = {text[s.start : s.end]: s.heading for s in split_sentences(text, markdown=True)}
    assert found["Before."] == ()
    assert found["In a."] == ("A",)
    assert found["In b."] == ("A", "B")
    assert found["In c."] == ("A", "B", "C")
    assert found["In d."] == ("A", "D")
    assert found["In e."] == ("E",)
    assert all(s.heading == () for s in split_sentences(text))


@pytest.mark.parametrize(
    "text",
    [
        "She came with Ms. Perpetua Lind of Skagen.",
        "With her colleague, Ms.\nPerpetua Lind, she saw him.",
        "Ask Mx. Doe at noon.",
        "It is shown in Figs. 3 and 4, and in Vol. II.",
        "It weighs approx. 40 tonnes.",
    ],
)
def test_an_abbreviation_ends_no_sentence(text: str) -> None:
    assert [text[s.start : s.end] for s in split_sentences(text, line_breaks="wrap")] == [text]
