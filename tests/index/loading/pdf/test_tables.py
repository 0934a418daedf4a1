"""Tables of PDF files become rows: with rules and without, aligned left, right or in the middle."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pytest
from corpus.drawing import BODY, BODY_TEXT, draw_lines, drawn, loaded
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table

from index.documents import Document
from index.text.legible import legible
from index.text.structure import column_names

Cells = list[list[str]]
BLACK = colors.black
GRID = [("GRID", (0, 0), (-1, -1), 0.5, BLACK)]
STYLE = getSampleStyleSheet()["BodyText"]
PEOPLE = [
    ["Name", "Office", "Phone"],
    ["Mina Okafor", "118", "4471"],
    ["Erik Sund", "220", "4472"],
    ["Lotte Brahm", "305", "4473"],
]
RESULTS = [
    ["", "2021", "2022", "2023"],
    ["Revenue", "118.4", "131.0", "140.7"],
    ["Operating profit", "12.1", "9.8", "15.3"],
    ["Employees", "840", "865", "912"],
]
SHIPS = [
    ["Ship", "Captain", "Home port"],
    ["Cygnus", "Ada Berg", "Oslo"],
    ["Boreas", "Ole Ruud", "Bodo"],
    ["Argo", "Ines Vik", "Turku"],
]
PARTS = [
    ["Item", "Description", "Price"],
    ["A1", "A pump with a long description that has to be set on several lines of the cell", "450.00"],
    ["B2", "A seal kit for pumps", "12.50"],
    ["C3", "Another description that is long enough to be set on more than one line here", "7.25"],
]
WEATHER = [
    ["Month", "Rain", "Snow"],
    ["January", "12 mm", "40 cm"],
    ["April", "55 mm", ""],
    ["July", "", "0 cm"],
    ["October", "80 mm", "3 cm"],
]
TAXES = [["Tax", "Rate"], ["VAT", "23%"], ["Duty", "4.5%"], ["Levy", "0.3%"]]
PLANS = [["", "2022", "", "2023", ""], ["", "Plan", "Actual", "Plan", "Actual"], ["North", "10", "11", "12", "13"]]
WARDS = [["Ward", "Shift", "Nurse"], ["Oncology", "day", "Ada Berg"], ["", "evening", "Dora Quist"]]


def set_table(cells: Cells, style: Sequence[Any] = (), **how: Any) -> bytes:
    """A table as reportlab sets it, between two paragraphs."""
    held = io.BytesIO()
    shown: list[list[Any]] = list(cells)
    if how.pop("wrap", False):
        shown = [[Paragraph(cell, STYLE) for cell in row] for row in cells]
    template = SimpleDocTemplate(held, pagesize=how.pop("size", A4))
    table = Table(shown, style=style, **how)
    above, below = Paragraph("The table follows.", STYLE), Paragraph("This text stands below the table.", STYLE)
    template.build([above, Spacer(1, 12), table, Spacer(1, 12), below])
    return held.getvalue()


def draw_table(
    cells: Cells, at: Sequence[float], how: str = "", *, pitch: float = 16, font: str = "Helvetica", size: int = 10
) -> bytes:
    """A table without rules: each column at a place, aligned on the left, right (r) or centre (c)."""

    def draw(canvas: Canvas) -> None:
        canvas.setFont(font, size)
        canvas.drawString(72, 760, "Words above the table that run on for a good while, as a paragraph does.")
        for number, row in enumerate(cells):
            for column, (x, cell) in enumerate(zip(at, row, strict=True)):
                kind = how[column] if how else "l"
                put = {"l": canvas.drawString, "r": canvas.drawRightString, "c": canvas.drawCentredString}[kind]
                put(x, 720 - pitch * number, cell)
        below = 700 - pitch * len(cells)
        canvas.drawString(72, below, "Words below the table that run on for a good while, as a paragraph does.")

    return drawn(draw)


def cells_of(document: Document) -> Cells:
    return [document.text[row.start : row.end].split("\t") for row in document.rows]


@pytest.mark.parametrize(
    ("content", "cells"),
    [
        pytest.param(set_table(PEOPLE, GRID), PEOPLE, id="grid"),
        pytest.param(set_table(RESULTS, GRID), RESULTS, id="grid of years"),
        pytest.param(set_table(SHIPS, GRID), SHIPS, id="grid of words"),
        pytest.param(set_table(PARTS, GRID, colWidths=[50, 200, 80], wrap=True), PARTS, id="wrapped cells"),
        pytest.param(set_table(PEOPLE, [("LINEBELOW", (0, 0), (-1, -1), 1, BLACK)]), PEOPLE, id="rules across"),
        pytest.param(
            set_table(RESULTS, [("LINEABOVE", (0, 0), (-1, 0), 1, BLACK), ("LINEBELOW", (0, 0), (-1, 0), 1, BLACK)]),
            RESULTS,
            id="rules around the head",
        ),
        pytest.param(set_table(PEOPLE), PEOPLE, id="no rules"),
        pytest.param(
            set_table(SHIPS, [("ROWBACKGROUNDS", (0, 0), (-1, -1), [colors.white, colors.lightgrey])]),
            SHIPS,
            id="shaded rows",
        ),
        pytest.param(
            set_table(PEOPLE, [("BOX", (0, 0), (-1, -1), 1, BLACK), ("INNERGRID", (0, 0), (-1, -1), 0.25, BLACK)]),
            PEOPLE,
            id="box and inner grid",
        ),
        pytest.param(set_table(RESULTS, GRID, size=landscape(A4)), RESULTS, id="landscape"),
        pytest.param(
            set_table(PLANS, [*GRID, ("SPAN", (1, 0), (2, 0)), ("SPAN", (3, 0), (4, 0))]),
            [["", "2022 Plan", "2022 Actual", "2023 Plan", "2023 Actual"], PLANS[2]],
            id="head over columns",
        ),
        pytest.param(
            set_table(WARDS, [*GRID, ("SPAN", (0, 1), (0, 2))]),
            [*WARDS[:2], ["Oncology", "evening", "Dora Quist"]],
            id="cell over rows",
        ),
        pytest.param(draw_table(PEOPLE, [72, 220, 360]), PEOPLE, id="left"),
        pytest.param(draw_table(RESULTS, [72, 260, 340, 420], "lrrr"), RESULTS, id="right"),
        pytest.param(draw_table(RESULTS, [72, 200, 235, 270], "lrrr", pitch=13), RESULTS, id="close together"),
        pytest.param(draw_table(SHIPS, [110, 250, 400], "ccc"), SHIPS, id="centred"),
        pytest.param(draw_table(PEOPLE, [72, 220, 360], font="Courier"), PEOPLE, id="typewriter"),
        pytest.param(draw_table(RESULTS, [72, 260, 340, 420], "lrrr", pitch=30), RESULTS, id="far apart"),
        pytest.param(draw_table(WEATHER, [72, 260, 400]), WEATHER, id="empty cells"),
        pytest.param(draw_table(TAXES, [72, 260], size=8, pitch=11), TAXES, id="small"),
    ],
)
def test_a_table_becomes_rows_with_its_head(content: bytes, cells: Cells) -> None:
    document = loaded(content)
    assert cells_of(document) == cells
    assert [row.header for row in document.rows] == [True] + [False] * (len(cells) - 1)
    assert [row.number for row in document.rows] == list(range(1, len(cells) + 1))


def test_the_reader_sees_the_names_of_the_columns() -> None:
    document = loaded(draw_table(RESULTS, [72, 200, 235, 270], "lrrr", pitch=13))
    row = document.rows[3]
    shown = legible(document.text[row.start : row.end], column_names(document)[row.start])
    assert shown.text.replace("\t", " ") == "Employees; 2021: 840; 2022: 865; 2023: 912"


def test_tables_on_a_page_that_is_shown_turned() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setPageRotation(90)
        canvas.translate(595.28, 0)
        canvas.rotate(90)
        table = Table(PEOPLE, style=GRID)
        table.wrapOn(canvas, 400, 400)
        table.drawOn(canvas, 72, 300)

    assert cells_of(loaded(drawn(draw))) == PEOPLE


def test_a_table_that_goes_on_overleaf_keeps_its_head() -> None:
    cells = [["Month", "Rain", "Snow"], *([f"Month {n}", f"{n} mm", f"{2 * n} cm"] for n in range(1, 61))]
    document = loaded(set_table(cells, GRID))
    assert len(document.pages) == 2
    assert cells_of(document) == cells
    assert [row.number for row in document.rows] == list(range(1, 62))
    names = column_names(document)
    assert all(names[row.start] == "Month | Rain | Snow" for row in document.rows[1:])


def test_a_head_that_is_repeated_overleaf_is_a_head_there() -> None:
    cells = [["Month", "Rain", "Snow"], *([f"Month {n}", f"{n} mm", f"{2 * n} cm"] for n in range(1, 61))]
    document = loaded(set_table(cells, GRID, repeatRows=1))
    assert sum(row.header for row in document.rows) == 2
    assert len(document.rows) == 62


def test_labels_and_values_are_cells_without_a_head() -> None:
    cells = [["Name", "Silvana Petrescu"], ["Born", "7 August 1988"], ["Height", "172"], ["Town", "Constanta"]]
    document = loaded(draw_table(cells, [72, 200]))
    assert cells_of(document) == cells
    assert not any(row.header for row in document.rows)
    cells = [["Subtotal", "1,025.00"], ["VAT 23%", "235.75"], ["Total due", "1,260.75"]]
    document = loaded(draw_table(cells, [300, 500], "lr"))
    assert cells_of(document) == cells
    assert not any(row.header for row in document.rows)


def test_text_is_no_table() -> None:
    def columns(canvas: Canvas) -> None:
        for x in (50, 320):
            canvas.setFont("Times-Roman", 9)
            for number, line in enumerate(BODY):
                canvas.drawString(x, 700 - 12 * number, line)

    document = loaded(drawn(lambda canvas: draw_lines(canvas, BODY), columns))
    assert document.rows == ()
    assert document.text == f"{BODY_TEXT}\f{BODY_TEXT}\n\n{BODY_TEXT}"


def test_a_table_of_contents_is_no_table() -> None:
    lines = [f"{n} Chapter of the book . . . . . . . . . . . . . . . . . . {12 * n}" for n in range(1, 9)]
    assert loaded(drawn(lambda canvas: draw_lines(canvas, lines))).rows == ()
