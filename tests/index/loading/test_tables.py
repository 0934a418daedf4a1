"""Merged cells spread over what they cover, and rows that name columns."""

from __future__ import annotations

import pytest

from index.loading.tables import MAX_COLUMNS, Cell, head_rows, spread


def texts(rows: list[list[Cell]]) -> list[list[str]]:
    return [[cell.text for cell in row] for row in spread(rows)]


def test_merged_cells_stand_in_every_row_and_column_that_they_cover() -> None:
    rows = [
        [Cell("Oncology", rows=2), Cell("Morning"), Cell("Cyril")],
        [Cell("Evening"), Cell("Dora")],
        [Cell("None", columns=2), Cell("Ann")],
    ]
    assert texts(rows) == [
        ["Oncology", "Morning", "Cyril"],
        ["Oncology", "Evening", "Dora"],
        ["None", "None", "Ann"],
    ]


def test_a_title_across_the_table_stays_one_cell() -> None:
    assert texts([[Cell("Europe", columns=2)], [Cell("Oslo"), Cell("7")]]) == [["Europe"], ["Oslo", "7"]]


def test_spans_that_a_hostile_table_claims_are_bounded() -> None:
    rows = [[Cell("x", columns=60_000, rows=60_000), Cell("y")] for _ in range(300)]
    grid = spread(rows)
    assert len(grid) == 300
    assert max(map(len, grid)) <= 2 * MAX_COLUMNS and sum(map(len, grid)) < 120_000


@pytest.mark.parametrize(
    ("rows", "heads"),
    [
        ([["Name", "Age"], ["Ann", "4"]], 1),
        ([["Region", "2023", "2024"], ["North", "400", "455"]], 1),
        ([["", "2023", "2024"], ["North", "400", "455"]], 1),
        ([["1990", "1991"], ["1992", "1993"]], 0),
        ([["Ann", "4"], ["Bo", "5"]], 0),
        ([["Name", "Name"], ["Ann", "Bo"]], 0),
        ([["Name", "Age"]], 0),
        (
            [["Region", "Sales", "", "Costs", ""], ["", "2023", "2024", "2023", "2024"], ["North", "1", "2", "3", "4"]],
            2,
        ),
        ([["Item", "Price", "Weight"], ["Desk", "oak", "new"], ["Lamp", "tin", "old"]], 1),
    ],
)
def test_rows_that_name_columns(rows: list[list[str]], heads: int) -> None:
    assert head_rows(rows) == heads
