"""Spans completed to what people would not cut, within their own paragraph or cell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.text.legible import named_cells
from qa.judging.whole_spans import whole_span


def widened(text: str, words: str, *, context: str = "", dated: bool = False) -> str:
    start = text.index(words)
    first, last = whole_span(text, start, start + len(words), context=context, dated=dated)
    return text[first:last]


@pytest.mark.parametrize(
    ("text", "words", "whole"),
    [
        ("It costs 1,250.50 euros.", "250", "1,250.50"),
        ("Rs 12,34,567 in all", "34", "12,34,567"),
        ("about 1.234,5 kg", "234", "1.234,5"),
        ("rooms 12,14,18 are free", "14", "14"),
        ("4472,305,61500", "305", "305"),
        ("67.83,20.33,459", "20", "20.33"),
        ("under § 12(b)(6) on", "§ 12(b)", "§ 12(b)(6)"),
        ("under § 12(b)(6) on", "12", "§ 12(b)(6)"),
        ("opens at 7 a.m.\n\nCars", "7 a.m", "7 a.m."),
        ("by Acme Inc. and", "Acme Inc", "Acme Inc."),
        ("It opens at noon. Then", "noon", "noon"),
        ("closed between noon and 2 p.m.\n", "between noon", "between noon and 2 p.m."),
        ("closed between noon and 2 p.m.\n", "noon and 2", "between noon and 2 p.m."),
        ("closed between noon and 2 p.m.\n", "2 p.m.", "2 p.m."),
        ("between Oslo and New York every day", "between Oslo", "between Oslo and New York"),
        ("open from 9 a.m. to 5 p.m. daily", "from 9 a.m.", "from 9 a.m. to 5 p.m."),
        ("costs € 4,500 now", "4,500", "€ 4,500"),
        ("Speed 130 km/h now", "130", "130 km/h"),
        ("pays 8.5% now", "8.5", "8.5%"),
        ("It was 1,250³ thousand", "1,250", "1,250"),
        ("It held 3 × 10⁶ cells", "3 × 10", "3 × 10⁶"),
        ("The guide is “Ola” Brekke.", "Ola” Brekke", "“Ola” Brekke"),
        ("by the firm (Oslo) in", "firm (Oslo", "firm (Oslo)"),
        ("covers 450 m² in all", "450 m", "450 m²"),
    ],
)
def test_expressions_are_whole(text: str, words: str, whole: str) -> None:
    assert widened(text, words) == whole


def test_nothing_is_widened_over_a_paragraph() -> None:
    text = "closed between noon\n\nand 2 p.m. it opens"
    assert widened(text, "between noon") == "between noon"


@pytest.mark.parametrize(
    ("text", "dated", "whole"),
    [
        ("The next meeting is in two weeks.", True, "in two weeks"),
        ("It was built two weeks ago.", True, "two weeks ago"),
        ("It took two weeks in all.", True, "two weeks"),
        ("The next meeting is in two weeks.", False, "two weeks"),
    ],
)
def test_a_point_in_time_has_its_preposition_where_the_question_asks_when(text: str, dated: bool, whole: str) -> None:
    assert widened(text, "two weeks", dated=dated) == whole


def test_a_date_in_numbers_is_whole_where_the_question_asks_when() -> None:
    assert widened("It arrives 2024-05-01 at noon.", "2024", dated=True) == "2024-05-01"
    assert widened("It arrives 01.05.2024.", "05", dated=True) == "01.05.2024"
    assert widened("It arrives 2024-05-01 at noon.", "2024") == "2024"


CELL = st.text(alphabet="a1 .,§()km/h%", min_size=1, max_size=8).filter(
    lambda cell: cell.strip() == cell and cell[0] != '"'
)


@given(st.lists(CELL.map(lambda cell: cell.replace(",", "")).filter(bool), min_size=2, max_size=6), st.data())
@pytest.mark.parametrize("separator", [",", ";", "|", "\t"])
def test_no_answer_leaves_its_cell(separator: str, cells: list[str], data: st.DataObject) -> None:
    cells = [cell.strip() or "x" for cell in cells]
    row, context = separator.join(cells), " | ".join(f"n{number}" for number in range(len(cells)))
    spans = [(first, last) for _, first, last in named_cells(row, context)]
    first, last = data.draw(st.sampled_from(spans))
    start = data.draw(st.integers(first, last - 1))
    end = data.draw(st.integers(start + 1, last))
    for sentences in ((), ((0, len(row)),)):
        left, right = whole_span(row, start, end, context=context, sentences=sentences, dated=True)
        assert first <= left <= start and end <= right <= last
