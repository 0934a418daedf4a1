"""Tables of office files as their readers see them: merged cells, heads, and what stands around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import docx
import openpyxl
import pptx
import pytest
from openpyxl.styles import Font
from pptx.util import Inches

from index.documents import Document
from index.loading.files import load_file
from index.text.structure import column_names

Cells = Sequence[Sequence[object]]
# Rows and columns from 0, both corners.
Area = tuple[int, int, int, int]
Write = Callable[[Path, Cells, Sequence[Area]], Path]


def in_word(folder: Path, rows: Cells, areas: Sequence[Area]) -> Path:
    made = docx.Document()
    table = made.add_table(len(rows), len(rows[0]))
    for top, left, bottom, right in areas:
        table.cell(top, left).merge(table.cell(bottom, right))
    for number, row in enumerate(rows):
        for place, value in enumerate(row):
            if value is not None:
                table.cell(number, place).text = str(value)
    made.save(str(folder / "a.docx"))
    return folder / "a.docx"


def on_a_slide(folder: Path, rows: Cells, areas: Sequence[Area]) -> Path:
    made = pptx.Presentation()
    slide = made.slides.add_slide(made.slide_layouts[6])
    frame = slide.shapes.add_table(len(rows), len(rows[0]), Inches(1), Inches(1), Inches(6), Inches(3))
    frame.table.first_row = False
    for top, left, bottom, right in areas:
        frame.table.cell(top, left).merge(frame.table.cell(bottom, right))
    for number, row in enumerate(rows):
        for place, value in enumerate(row):
            if value is not None:
                frame.table.cell(number, place).text = str(value)
    made.save(str(folder / "a.pptx"))
    return folder / "a.pptx"


def in_a_sheet(folder: Path, rows: Cells, areas: Sequence[Area]) -> Path:
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(list(row))
    for top, left, bottom, right in areas:
        made.active.merge_cells(start_row=top + 1, start_column=left + 1, end_row=bottom + 1, end_column=right + 1)
    made.save(folder / "a.xlsx")
    return folder / "a.xlsx"


@pytest.fixture(params=[in_word, on_a_slide, in_a_sheet], ids=["docx", "pptx", "xlsx"])
def load(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Document]:
    return lambda rows, areas=(): load_file(request.param(tmp_path, rows, areas))


def rows_of(document: Document) -> list[str]:
    return [document.text[row.start : row.end] for row in document.rows]


def heads_of(document: Document) -> set[str]:
    headers = {row.start for row in document.rows if row.header}
    return {names for start, names in column_names(document).items() if start not in headers}


def test_a_cell_over_several_rows_stands_in_each(load: Callable[..., Document]) -> None:
    document = load(
        [
            ["Ward", "Shift", "Nurse"],
            ["Cardiology", "Morning", "Aldous Penn"],
            [None, "Evening", "Brita Lund"],
            ["Oncology", "Morning", "Cyril Vance"],
            [None, "Evening", "Dora Quist"],
        ],
        [(1, 0, 2, 0), (3, 0, 4, 0)],
    )
    assert rows_of(document)[2:] == [
        "Cardiology\tEvening\tBrita Lund",
        "Oncology\tMorning\tCyril Vance",
        "Oncology\tEvening\tDora Quist",
    ]
    assert heads_of(document) == {"Ward | Shift | Nurse"}


def test_a_cell_over_several_columns_stands_in_each_and_moves_none(load: Callable[..., Document]) -> None:
    document = load(
        [["Day", "Morning", "Noon", "Evening"], ["Monday", "closed", None, "Ida"], ["Tuesday", "Per", "Liv", "Ole"]],
        [(1, 1, 1, 2)],
    )
    assert rows_of(document)[1:] == ["Monday\tclosed\tclosed\tIda", "Tuesday\tPer\tLiv\tOle"]


def test_a_block_of_rows_and_columns(load: Callable[..., Document]) -> None:
    document = load(
        [["Hour", "Hall", "Yard"], ["8", "swimming", None], ["9", None, None], ["10", "chess", "tennis"]],
        [(1, 1, 2, 2)],
    )
    assert rows_of(document)[1:] == ["8\tswimming\tswimming", "9\tswimming\tswimming", "10\tchess\ttennis"]


def test_a_line_as_wide_as_the_table_is_written_once_and_names_nothing(load: Callable[..., Document]) -> None:
    document = load([["Tariffs of the port", None, None], ["Ship", "Berth", "Fee"], ["Tug", "A", "40"]], [(0, 0, 0, 2)])
    assert rows_of(document)[0].strip() == "Tariffs of the port"
    assert heads_of(document) == {"Ship | Berth | Fee"}
    assert [row.number for row in document.rows] == [1, 2, 3]


def test_heads_in_two_rows_are_said_together(load: Callable[..., Document]) -> None:
    document = load(
        [
            ["Region", "2023", None, "2024", None],
            [None, "Sales", "Staff", "Sales", "Staff"],
            ["North", "410", "7", "455", "9"],
        ],
        [(0, 0, 1, 0), (0, 1, 0, 2), (0, 3, 0, 4)],
    )
    assert heads_of(document) == {"Region | 2023 Sales | 2023 Staff | 2024 Sales | 2024 Staff"}
    assert rows_of(document)[2] == "North\t410\t7\t455\t9"


def test_a_wide_head_over_values_is_one_row_of_heads(load: Callable[..., Document]) -> None:
    document = load(
        [["Name", "Contact", None], ["Ida Foss", "by post", "ida at home"], ["Per Rud", "by phone", "4471"]],
        [(0, 1, 0, 2)],
    )
    assert heads_of(document) == {"Name | Contact | Contact"}


def test_heads_over_several_columns_that_are_not_merged(load: Callable[..., Document]) -> None:
    document = load(
        [
            [None, "Spring", None, "Autumn", None],
            ["Farm", "Wheat", "Rye", "Wheat", "Rye"],
            ["Dal", "12", "3", "15", "4"],
        ]
    )
    assert heads_of(document) == {"Farm | Spring Wheat | Spring Rye | Autumn Wheat | Autumn Rye"}


@pytest.mark.parametrize(
    "years", [["2022", "2023", "2024"], ["2022/23", "2023/24", "2024/25"], ["31.12.2024", "31.12.2023", "x"]]
)
def test_years_and_days_are_heads(load: Callable[..., Document], years: list[str]) -> None:
    document = load([["Region", *years], ["North", "410", "455", "498"], ["South", "380", "362", "401"]])
    assert heads_of(document) == {f"Region | {' | '.join(years)}"}


def test_years_above_years_are_values(load: Callable[..., Document]) -> None:
    document = load([["Nord", "2004", "1998"], ["Sør", "2010", "2001"], ["Vest", "2011", "2002"]])
    assert heads_of(document) == set()


def test_rows_have_as_many_cells_as_there_are_columns(load: Callable[..., Document]) -> None:
    # A row with fewer would lose the names of its columns.
    names = [f"Question {number}" for number in range(40)]
    document = load([["Pupil", *names], ["Ada", "yes", *[None] * 39], ["Bo", *[None] * 39, "no"]])
    assert {row.count("\t") for row in rows_of(document)} == {40}


class TestSheets:
    def book(self, folder: Path, fill: Callable[[openpyxl.Workbook], None]) -> Document:
        made = openpyxl.Workbook()
        fill(made)
        made.save(folder / "a.xlsx")
        return load_file(folder / "a.xlsx")

    def test_numbers_as_years(self, tmp_path: Path) -> None:
        def fill(made: openpyxl.Workbook) -> None:
            for row in (["Region", 2023, 2024], ["North", 410, 455.5]):
                made.active.append(row)

        assert heads_of(self.book(tmp_path, fill)) == {"Region | 2023 | 2024"}

    def test_all_cells_are_read_whatever_size_is_stated(self, tmp_path: Path) -> None:
        from corpus.packages import change, replaced

        path = in_a_sheet(tmp_path, [["Name", "Role"], ["Milo Brandt", "Treasurer"]], [])
        change(path, {"xl/worksheets/sheet1.xml": replaced(('<dimension ref="A1:B2"', '<dimension ref="A1"'))})
        assert rows_of(load_file(path)) == ["Name\tRole", "Milo Brandt\tTreasurer"]

    def test_two_hundred_columns(self, tmp_path: Path) -> None:
        def fill(made: openpyxl.Workbook) -> None:
            made.active.append(["Pupil", *(f"Test {number}" for number in range(1, 200)), "Final grade"])
            made.active.append(["Petra Falk", *range(1, 200), "B plus"])

        document = self.book(tmp_path, fill)
        assert rows_of(document)[1].split("\t")[-1] == "B plus"
        (names,) = heads_of(document)
        assert names.endswith("Test 199 | Final grade") and names.count(" | ") == 200

    def test_a_second_table_below_a_blank_row_has_its_own_heads(self, tmp_path: Path) -> None:
        def fill(made: openpyxl.Workbook) -> None:
            rows = [["Ship", "Length"], ["Cygnus", 31], [], ["Port", "Pilot"], ["Vik", "Ida Foss"], [], ["Sund", "Ole"]]
            for row in rows:
                made.active.append(row)
            for cell in made.active[4]:
                cell.font = Font(bold=True)

        document = self.book(tmp_path, fill)
        names = column_names(document)
        assert [(row.number, names.get(row.start)) for row in document.rows if not row.header] == [
            (2, "Ship | Length"),
            (5, "Port | Pilot"),
            (7, "Port | Pilot"),
        ]

    def test_hidden_sheets_and_far_cells(self, tmp_path: Path) -> None:
        def fill(made: openpyxl.Workbook) -> None:
            made.active["A1048576"] = "the last row"
            made.active["XFD1"] = "the last column"
            hidden = made.create_sheet("Secret")
            hidden["A1"], hidden.sheet_state = "secret", "veryHidden"

        document = self.book(tmp_path, fill)
        assert "the last row" in document.text and "the last column" in document.text and "secret" not in document.text
        assert document.rows[-1].number == 1_048_576
