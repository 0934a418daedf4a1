"""Workbooks (.xlsx, .xlsm, and their templates).

Kept: the values of every sheet by row, numbered as in the sheet and written as it shows them; merged cells in every row
that they cover; each sheet's name is a heading; words of page headers and footers, text boxes and diagrams. Title,
author, date and language come from the properties. A formula is represented by its last computed value; one that has
none is computed where it is plain arithmetic, and named as unread in any case. Not kept: formulas, charts, comments
(which are named), hidden sheets.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from index.documents import Document
from index.loading.building import TextBuilder
from index.loading.formats.office.drawings import add_drawing
from index.loading.formats.office.package import RELATIONSHIP, Package, Reference, every
from index.loading.formats.office.sheets import Sheet, Styles, read_sheet, read_strings
from index.loading.formats.office.tables import Merge, add_table, count_heads, seen_rows
from index.loading.registry import register

_NAMED_CELLS = 3


@register(".xlsx", ".xlsm", ".xltx", ".xltm")
def load_xlsx(path: Path, content: bytes) -> Document:
    """Load the values of a workbook, sheet by sheet."""
    package = Package(path, content)
    name, workbook = package.main("workbook", "workbook", "xl/workbook.xml")
    references = package.references(name, "the workbook")
    shared = {one.kind: one.target for one in references.values()}
    strings = read_strings(package, shared["sharedStrings"]) if package.has(shared.get("sharedStrings", "")) else []
    styles = Styles.of(package.xml(shared.get("styles", ""), "formats of numbers"))
    from_1904 = any(one.get("date1904") in ("1", "true", "on") for one in every(workbook, "workbookPr"))
    builder = TextBuilder()
    for sheet in every(workbook, "sheet"):
        if (sheet.get("state") or "visible") != "visible":
            continue
        title = sheet.get("name") or ""
        where = references.get(sheet.get(f"{RELATIONSHIP}id") or "", Reference("", ""))
        if where.kind == "chartsheet":
            continue
        if not package.has(where.target):
            package.leave_out(f"sheet {title}", "missing in the file")
            continue
        _sheet(
            builder,
            package,
            where.target,
            title,
            read_sheet(package, where.target, title, strings, styles, from_1904=from_1904),
        )
    said = package.properties()
    document = builder.document(
        path,
        content,
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        title=said.get("title"),
        author=said.get("creator"),
        date=said.get("created"),
        language=said.get("language"),
        nothing="has no values in its sheets",
    ).with_unread(package.unread)
    return document if said.get("title") else document.model_copy(update={"title": path.name, "own_title": False})


def _sheet(builder: TextBuilder, package: Package, name: str, title: str, sheet: Sheet) -> None:
    beside = TextBuilder()
    references = package.references(name, f"sheet {title}")
    for one in references.values():
        if one.kind == "drawing":
            add_drawing(beside, package, one.target, f"drawings of sheet {title}")
        elif one.kind in ("comments", "threadedComment"):
            package.leave_out(f"comments in sheet {title}", "comments are not read")
    if sheet.unknown:
        reason = "a formula whose value is not in the file: open it in a spreadsheet program and save it"
        package.leave_out(f"{_cells(sheet.unknown)} of sheet {title}", reason)
    if sheet.computed:
        reason = "a formula whose value is not in the file; it was computed from the cells that it names"
        package.leave_out(f"{_cells(sheet.computed)} of sheet {title}", reason)
    if not sheet.rows and not sheet.margins and not beside.length:
        return
    builder.heading(1, title)
    for line in dict.fromkeys(sheet.margins):
        builder.paragraph(line)
    _tables(builder, sheet)
    builder.paragraphs_of(beside)


def _cells(places: list[str]) -> str:
    more = len(places) - _NAMED_CELLS
    named = ", ".join(places[:_NAMED_CELLS]) + (f" and {more:,} more" if more > 0 else "")
    return f"cell{'' if len(places) == 1 else 's'} {named}"


def _tables(builder: TextBuilder, sheet: Sheet) -> None:
    """The rows of a sheet. A blank row ends a table where the next row names columns; else the table goes on."""
    width = 0
    for first, rows in _blocks(sheet):
        last = first + len(rows) - 1
        merges = [
            Merge(one.top - first + 1, one.left, one.bottom - first + 1, one.right)
            for one in sheet.merges
            if one.top + 1 <= last and one.bottom + 1 >= first
        ]
        if width and not _begins_anew(sheet, first, rows, merges):
            builder.table(seen_rows(rows, merges, width), header=0, first=first)
            continue
        add_table(builder, rows, merges, first=first)
        if any(sum(map(bool, row)) > 1 for row in rows):
            width = max(len(row) for row in rows)


def _blocks(sheet: Sheet) -> Iterator[tuple[int, list[list[str]]]]:
    """Stretches of rows without a blank one among them, each with the number of its first row."""
    first = 0
    rows: list[list[str]] = []
    for number in sorted(sheet.rows):
        if rows and number > first + len(rows):
            yield first, rows
            rows = []
        if not rows:
            first = number
        rows.append(sheet.rows[number])
    if rows:
        yield first, rows


def _begins_anew(sheet: Sheet, first: int, rows: list[list[str]], merges: list[Merge]) -> bool:
    """Whether a block below another table has heads of its own: it looks so, and they are set in bold or are words
    above numbers."""
    seen = seen_rows(rows, merges)
    start = next((number for number, row in enumerate(seen) if sum(map(bool, row)) > 1), None)
    if start is None or not count_heads(seen[start:]):
        return False
    head, body = seen[start], seen[start + 1 :]
    if first + start in sheet.bold and first + start + 1 not in sheet.bold:
        return True
    columns = [[row[place] for row in body if row[place]] for place, cell in enumerate(head) if cell]
    return any(values and not any(any(char.isalpha() for char in value) for value in values) for values in columns)
