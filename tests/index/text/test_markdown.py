"""Headings, front matter and literal text of Markdown, by their places in the text as it is."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import index.text.markdown
from index.loading.files import document_from_bytes
from index.text.markdown import literal_lines, markdown_headings
from index.text.sentences import split_sentences
from index.text.structure import heading_path


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("# One\r\n## Two\r\r### Three ###", ["One", "Two", "Three"]),
        ("#hashtag\n####### seven\n    # code\ntext # no", []),
        ("   # indented\n# C#\n# a # b", ["indented", "C#", "a # b"]),
        ("```sh\n# a comment\n```\n# Real", ["Real"]),
        ("~~~\n```\n# no\n~~~~\n# Real", ["Real"]),
        ("```\n# never closed", []),
        ("```inline``` code\n# Real", ["Real"]),
        ("Title\n=====\n\nx\n\n  Sub\n---\n", ["Title", "Sub"]),
        ("Long\r\nname\r\n===\r\nx", ["Long name"]),
        ("x\n\n---\n\ny\n***\n===", []),
        ("```\nTitle\n===\n```\nReal\n-", ["Real"]),
        ("<div>\n# no\nno\n===\n</div>\n\n# Real", ["Real"]),
        ("<!-- # no\n\n# no\n-->\n# Real", ["Real"]),
        ("    code\n    ===\n# Real", ["Real"]),
        ("> # quoted\n\n- # listed\n- a\n\n  so too\n  ===\n\n# Real", ["Real"]),
        ("- item\n# Real\n> quote\n===", ["Real"]),
        ("---\n# a comment\ntitle: x\n---\n# Real", ["Real"]),
        ("---\nno yaml mapping\n---\n# Real", ["no yaml mapping", "Real"]),
        ("#\n# \n## ##\n# Real", ["Real"]),
        ("a|b\n-|-\n1|2", []),
        ("# a\u2028# b\f# c\x85d", ["a", "b", "c\x85d"]),
        ("# a" + " " * 50_000 + "b", ["a" + " " * 50_000 + "b"]),
    ],
)
def test_markdown_headings(text: str, names: list[str]) -> None:
    found = markdown_headings(text)
    assert [name for _, name in found.values()] == names
    for offset, (level, name) in found.items():
        assert text[offset:].startswith(("#" * level, name.split(" ")[0]))
    shown = {s.heading[-1] for s in split_sentences(text, markdown=True) if s.heading}
    assert shown == set(names)


PIECES = [
    *("# One", "## Two ##", "Words", "=====", "---", "```", "~~~~", "> ", "- ", "    ", "<div>", "</div>", "title: x"),
    *("\n", "\n", "\n\n", "\r\n", "\r", "\f", "\u2028", "\x85", "\t", " ", "\ufeff", "👨", "|", "[a]: b", "1. "),
]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
@example("\x85# One\n=====")
def test_the_outline_points_at_the_headings_words(text: str) -> None:
    document = document_from_bytes("a.md", f"{text}\nWords.".encode(), uri="upload:1")
    text = document.text
    for heading in document.outline:
        # Behind a control character a # is a word of an underlined heading, and no mark.
        marks = "" if heading.title.startswith("#") else "#"
        rest = text[heading.start :].lstrip(marks).lstrip(" \t")
        assert rest.startswith(heading.title.split(" ")[0])
        assert " ".join(rest.split()).startswith(" ".join(heading.title.split()))
        assert not text[heading.start].isspace()
    starts = [heading.start for heading in document.outline]
    assert starts == sorted(set(starts))


@pytest.mark.slow
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join), st.integers(1, 4))
def test_long_texts_are_parsed_piece_by_piece(text: str, lines: int) -> None:
    whole = markdown_headings(text), literal_lines(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index.text.markdown, "CHUNK_LINES", lines)
        assert (markdown_headings(text), literal_lines(text)) == whole


def test_a_block_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index.text.markdown, "CHUNK_LINES", 4)
    monkeypatch.setattr(index.text.markdown, "MOST_LINES", 16)
    text = "- item\n" * 1_000 + "\n# Real"
    assert list(markdown_headings(text).values()) == [(1, "Real")]


def test_text_stands_under_an_underlined_heading() -> None:
    text = "Harbours\n========\n\nOld ones.\n\nLindal\n------\nOpened in 1911.\n\nTowns\n=====\nMany."
    document = document_from_bytes("a.md", text.encode(), uri="upload:1")
    assert (document.title, document.own_title, document.text) == ("Harbours", True, text)
    assert heading_path(document, text.index("Old")) == ("Harbours",)
    assert heading_path(document, text.index("1911")) == ("Harbours", "Lindal")
    assert heading_path(document, text.index("Many")) == ("Towns",)


def test_what_is_literal_holds_no_tables() -> None:
    table = "a | b\n--|--\n1 | 2\n"
    text = f"```\n{table}```\n\n<pre>\n{table}</pre>\n\n{table}"
    document = document_from_bytes("a.md", text.encode(), uri="upload:1")
    assert [row.start for row in document.rows] == [text.rindex("a | b"), text.rindex("1 | 2")]
