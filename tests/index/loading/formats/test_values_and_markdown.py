"""Separated values and Markdown: separators and heads as programs write them, and front matter."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.documents import Document
from index.errors import InputError
from index.loading.reading import parse
from index.text.passages import cut_passages
from index.text.structure import column_names


def loaded(name: str, content: str | bytes) -> Document:
    document = parse(Path(name), content if isinstance(content, bytes) else content.encode()).document
    assert document is not None
    return document


def passages(document: Document) -> list[str]:
    cut = cut_passages(document, lambda texts: [len(text.split()) for text in texts])
    return [document.text[passage.start : passage.end] for passage in cut]


def test_a_separator_that_is_stated() -> None:
    document = loaded("a.csv", "sep=;\r\nName;Salary;City\r\nIda;52.300,50;Bodø\r\n")
    assert document.text.startswith("sep=;") and passages(document) == ["Name;Salary;City", "Ida;52.300,50;Bodø"]
    assert [(row.number, row.header) for row in document.rows] == [(1, True), (2, False)]


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("Region,2023,2024\nNorth,400,455\n", "Region | 2023 | 2024"),
        ("Region,Sales,,Costs\n,2023,2024,2023\nNorth,1,2,3\n", "Region | Sales 2023 | Sales 2024 | Costs 2023"),
        ("Sales of all regions\n\nRegion;2023;2024\nNorth;4,5;1\n", "Region | 2023 | 2024"),
    ],
)
def test_heads(content: str, names: str) -> None:
    document = loaded("a.csv", content)
    assert column_names(document)[document.text.index("North")] == names


def test_front_matter_describes_a_document_and_is_none_of_its_passages() -> None:
    document = loaded(
        "a.md",
        "---\ntitle: Rota\ndate: 2024-03-05\nauthors:\n  - name: Ida Holm\ntags: [harbour, 'night shift']\n---\n\n"
        "# Visits\n\nThe gate opens at 7 a.m.\n",
    )
    assert (document.title, document.date, document.author) == ("Rota", "2024-03-05", "Ida Holm")
    assert document.tags == ("harbour", "night shift")
    assert passages(document) == ["# Visits\n\nThe gate opens at 7 a.m."]
    assert document.text.startswith("---\ntitle")
    assert loaded("b.md", "---\nkeywords: one, two\n---\nWords.").tags == ("one", "two")


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp932", "名前,年齢\nさくら,41\n"),
        ("cp932", "価格は百円です"),
        ("euc_jp", "名前,年齢\nさくら,41\n"),
        ("cp1252", "Straße,Größe\nMüller,41\n"),
        ("cp1250", "Příliš žluťoučký kůň"),
        ("cp1251", "Имя,Возраст\nИван,41\n"),
    ],
)
def test_short_texts_of_older_encodings(encoding: str, text: str) -> None:
    assert loaded("a.csv", text.encode(encoding)).text == text


@pytest.mark.parametrize(("encoding", "text"), [("euc_jp", "東京,大阪\n"), ("gb18030", "北京市"), ("cp1251", "Москва")])
def test_what_is_too_short_to_tell_is_refused_with_what_was_tried(encoding: str, text: str) -> None:
    with pytest.raises(InputError, match=r"too short to tell its encoding.*tried: UTF-8"):
        loaded("a.csv", text.encode(encoding))
