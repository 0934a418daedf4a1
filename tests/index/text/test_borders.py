"""Borders that no answer crosses, and the part of a text that a span stands in."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.text.borders import borders, part_around
from index.text.legible import legible, named_cells

PIECES = st.sampled_from(
    [
        "Ada",
        "12",
        ",",
        "\t",
        "\n",
        "\r\n",
        "\n\n",
        ": ",
        ":\n",
        "# Head\n",
        "Fax: 3",
        " ",
        "|",
        ";",
        ".",
        "é",
        "\n---\n",
    ]
)
TEXTS = st.lists(PIECES, max_size=14).map("".join)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One two\nthree", ["One two\nthree"]),
        ("closed between noon\n\nParking", ["closed between noon", "Parking"]),
        ("a\r\n \t\r\nb", ["a", "b"]),
        ("Skipper\tOlaf Rime", ["Skipper", "Olaf Rime"]),
        ("Director:\nHermine Adler", ["Director:", "Hermine Adler"]),
        ("Phone: 12\nDirector: Ida Holm", ["Phone: 12", "Director: Ida Holm"]),
        ("# Visits\nThe gate opens", ["# Visits", "The gate opens"]),
        ("Visits\n------\nThe gate", ["Visits", "The gate"]),
        ("page one\fpage two", ["page one", "page two"]),
        ("It was said:  yes", ["It was said:  yes"]),
    ],
)
def test_where_parts_end(text: str, parts: list[str]) -> None:
    cuts = [-1, *borders(text), len(text)]
    pieces = [text[begin + 1 : end].strip() for begin, end in pairwise(cuts)]
    assert [piece for piece in pieces if piece.strip("-\n")] == parts


@given(TEXTS, st.data())
def test_a_part_holds_its_span_and_no_border_that_the_span_does_not_cross(text: str, data: st.DataObject) -> None:
    if not text:
        return
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    first, last = part_around(text, "", start, end)
    assert 0 <= first <= start and end <= last <= len(text)
    assert all(start <= at < end for at in borders(text) if first <= at < last)


@given(st.lists(st.text(alphabet="ab 1.", min_size=1, max_size=5).filter(str.strip), min_size=2, max_size=6), st.data())
@pytest.mark.parametrize("separator", [",", ";", "|", "\t"])
def test_cells_are_seen_apart_and_spans_stay_in_them(separator: str, cells: list[str], data: st.DataObject) -> None:
    row = separator.join(cells)
    for context in ("T > " + " | ".join(f"n{number}" for number in range(len(cells))), " | ".join([""] * len(cells))):
        spans = [(start, end) for _, start, end in named_cells(row, context)]
        assert [row[start:end] for start, end in spans] == [cell.strip() for cell in cells]
        seen = legible(row, context)
        cuts = borders(seen.text)
        begin = data.draw(st.integers(0, len(seen.text) - 1))
        end = next((cut for cut in cuts if cut >= begin), len(seen.text))
        place = seen.span_in_source(begin, max(begin + 1, end))
        if place is not None:
            assert any(first <= place[0] and place[1] <= last for first, last in spans)


def test_a_row_with_too_many_cells_has_no_names() -> None:
    assert legible("Ann,Sund,41", "Name | Age").text == "Ann;\tSund;\t41"
    assert legible("Ann,41,,", "Name | Age").text == "Name: Ann;\tAge: 41"
    assert legible("Ann", "Name | Age").text == "Ann"
    assert legible("Ida;52,3;A,b", "Name | Size | Note").text == "Name: Ida;\tSize: 52,3;\tNote: A,b"


def test_a_row_of_two_cells_is_a_label_and_its_value() -> None:
    assert legible("Skipper\tOlaf Rime").text == "Skipper:\tOlaf Rime"
    assert legible("Was it?\tYes.").text == "Was it?\tYes."
