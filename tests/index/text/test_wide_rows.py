"""Rows that are longer than a passage: cut between their cells, each part with the names of its own columns."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from index.documents import Document, Row
from index.text.legible import legible
from index.text.passages import CutSettings, cut_passages


def by_words(texts: Sequence[str]) -> list[int]:
    return [len(text.replace(",", " ").replace("\t", " ").split()) for text in texts]


def table(rows: list[list[str]], separator: str, media_type: str = "text/csv") -> Document:
    lines = [separator.join(row) for row in rows]
    text = "\n".join(lines)
    begins = [sum(len(line) + 1 for line in lines[:number]) for number in range(len(lines))]
    places = [
        Row(number=number, start=begin, end=begin + len(line), header=number == 1)
        for number, (begin, line) in enumerate(zip(begins, lines, strict=True), start=1)
    ]
    return Document(uri="file:///t.csv", title="t.csv", text=text, media_type=media_type, rows=tuple(places))


@pytest.mark.parametrize("separator", [",", "\t"])
def test_every_cell_of_a_wide_row_is_seen_under_its_own_column(separator: str) -> None:
    names = ["Student", *(f"Field {number}" for number in range(150)), "Final grade"]
    values = ["Petra Falk", *(str(1000 + number) for number in range(150)), "B plus"]
    document = table([names, values], separator)
    passages = cut_passages(document, by_words, CutSettings(maximum=60, minimum=30, overlap=10))
    row = [p for p in passages if p.start >= document.rows[1].start]
    seen = [legible(document.text[p.start : p.end], p.context).text for p in row]
    assert len(row) > 3
    for name, value in zip(names, values, strict=True):
        # The first cell is named in each part.
        assert sum(f"{name}: {value}" in part for part in seen) == (len(row) if name == "Student" else 1), name
    # Each part says whose row it is.
    assert all("Petra Falk" in p.context or "Petra Falk" in part for p, part in zip(row, seen, strict=True))


def test_a_long_cell_is_cut_between_its_sentences_and_shares_no_passage() -> None:
    sentences = [f"The keeper of light {number} wrote a letter, and nobody read it." for number in range(40)]
    document = table([["Id", "Note", "Place"], ["7", f'"{" ".join(sentences)}"', "Vik"]], ",")
    passages = cut_passages(document, by_words, CutSettings(maximum=60, minimum=30, overlap=10))
    texts = [document.text[p.start : p.end] for p in passages]
    assert "Vik" in texts and not any("Vik" in text and "keeper" in text for text in texts)
    assert all(any(sentence in text for text in texts) for sentence in sentences)
    assert {p.context for p in passages if "keeper" in document.text[p.start : p.end]} == {"Id: 7 > Note"}
