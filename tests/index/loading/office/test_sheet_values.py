"""Values of workbooks as the sheet shows them, and formulas whose values are not in the file."""

from __future__ import annotations

import datetime
from pathlib import Path

import openpyxl
import pytest

from index.documents import Document, Unread
from index.loading.files import load_file


def load(folder: Path, *cells: tuple[object, str | None], rows: tuple[list[object], ...] = ()) -> Document:
    made = openpyxl.Workbook()
    made.active.title = "Terms"
    for row in rows:
        made.active.append(row)
    for number, (value, code) in enumerate(cells, start=1):
        cell = made.active.cell(number, 1, value)
        if code is not None:
            cell.number_format = code
    made.save(folder / "a.xlsx")
    return load_file(folder / "a.xlsx")


EUROS = '_-* #,##0.00\\ "€"_-;\\-* #,##0.00\\ "€"_-;_-* "-"??\\ "€"_-;_-@_-'


@pytest.mark.parametrize(
    ("value", "code", "seen"),
    [
        (0.085, "0.0%", "8.5%"),
        (0.5, "0%", "50%"),
        (1_250_000, '"$"#,##0.00', "$1,250,000.00"),
        (501, "00000", "00501"),
        (1.5625, "[h]:mm", "37:30"),
        (0.3854166666666667, "h:mm AM/PM", "9:15 AM"),
        (0.5208333333333334, "h:mm", "12:30"),
        (1 / 96, "[mm]:ss", "15:00"),
        (0.3, '0.00 "kg"', "0.30 kg"),
        (12, "General", "12"),
        (0.1 + 0.2, None, "0.3"),
        (-1234.5, "#,##0.00;[Red]-#,##0.00", "-1,234.50"),
        (-1234.5, "#,##0.00_);(#,##0.00)", "(1,234.50)"),
        (1234.5, EUROS, "1,234.50 €"),
        (-1234.5, EUROS, "-1,234.50 €"),
        (1234.5, "[$€-2] #,##0.00", "€ 1,234.50"),
        (1234.5, "#,##0.00 [$kr-414]", "1,234.50 kr"),
        (1_234_567_890, '0.0,,"M"', "1234.6M"),
        (12345.678, "0.00E+00", "1.23E+04"),
        (1.75, "# ?/?", "1 3/4"),
        (1.5, "# ?/8", "1 4/8"),
        (5551234567, "(###) ###-####", "(555) 123-4567"),
        (5, "0.##", "5"),
        (0, '0;-0;"none"', "none"),
        (150, '[>=100]"many";0', "many"),
        (7, '[>=100]"many";0', "7"),
        (-0.001, "0.00", "0.00"),
        (2.5, "0", "3"),
        # What is not understood, or no day of the calendar, is the plain number.
        (-5, "yyyy-mm-dd", "-5"),
        (True, None, "TRUE"),
    ],
)
def test_numbers(tmp_path: Path, value: object, code: str | None, seen: str) -> None:
    assert load(tmp_path, (value, code), ("end", None)).text == f"Terms\n\n{seen}\nend"


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ("yyyy-mm-dd", "2024-03-05"),
        ("dd/mm/yyyy", "05/03/2024"),
        ("d. mmmm yyyy", "5. March 2024"),
        ("[$-407]dddd, d. mmmm yyyy", "Dienstag, 5. März 2024"),
        ("mmm-yy", "Mar-24"),
        ("yyyy-mm-dd hh:mm", "2024-03-05 18:30"),
        # Of another calendar.
        ("[$-411]ggge\u5e74m\u6708d\u65e5", "2024-03-05 18:30"),
        # Of the day as the computer shows it, which differs.
        ("mm-dd-yy", "2024-03-05 18:30"),
        ("[$-F800]dddd\\, mmmm dd\\, yyyy", "2024-03-05 18:30"),
    ],
)
@pytest.mark.parametrize("from_1904", [False, True])
def test_days(tmp_path: Path, code: str, seen: str, from_1904: bool) -> None:
    made = openpyxl.Workbook()
    if from_1904:
        made.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    made.active["A1"], made.active["A2"] = datetime.datetime(2024, 3, 5, 18, 30), "end"
    made.active["A1"].number_format = code
    made.save(tmp_path / "a.xlsx")
    assert load_file(tmp_path / "a.xlsx").text == f"Sheet\n\n{seen}\nend"


COSTS = (["Item", "Cost"], ["Rent", 1200], ["Heating", 300])


@pytest.mark.parametrize(
    ("formula", "seen"),
    [
        ("=SUM(B2:B3)", "1500"),
        ("=B2+B3", "1500"),
        ("=-B3^2/(B2-300)*10%", "10"),
        ("=ROUND(AVERAGE(B2:B3)/7,2)", "107.14"),
        ("=MAX($B$2:$B$3)-MIN(B2,B3)+COUNT(A1:B3)", "902"),
        ("=SUM(A2:B3)", "1500"),
    ],
)
def test_plain_arithmetic_without_a_value_is_computed_and_named(tmp_path: Path, formula: str, seen: str) -> None:
    document = load(tmp_path, rows=(*COSTS, ["Total", formula]))
    assert document.text.endswith(f"Total\t{seen}")
    assert document.unread == (
        Unread(
            part="cell B4 of sheet Terms",
            reason="a formula whose value is not in the file; it was computed from the cells that it names",
        ),
    )


@pytest.mark.parametrize(
    "formula",
    ["=VLOOKUP(A2,A2:B3,2)", "=B4+1", "=A2*2", "=B2/0", '=IF(B2>1,"a","b")', "=Other!B2", "=TODAY()", "=SUM(B5:B5)"],
)
def test_other_formulas_without_a_value_are_named_and_left_empty(tmp_path: Path, formula: str) -> None:
    document = load(tmp_path, rows=(*COSTS, ["Total", formula], ["Rest", "=HYPERLINK(1)"]))
    assert document.text.endswith("Total\t\nRest\t")
    reason = "a formula whose value is not in the file: open it in a spreadsheet program and save it"
    assert document.unread == (Unread(part="cells B4, B5 of sheet Terms", reason=reason),)


def test_a_formula_that_comes_to_nothing_is_no_gap(tmp_path: Path) -> None:
    from corpus.packages import change, replaced

    load(tmp_path, rows=(*COSTS, ["Note", '=""']))
    path = tmp_path / "a.xlsx"
    change(path, {"xl/worksheets/sheet1.xml": replaced(('<c r="B4">', '<c r="B4" t="str">'))})
    assert load_file(path).unread == ()
