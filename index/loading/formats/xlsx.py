"""Workbooks (.xlsx), by openpyxl.

Kept: the values of every sheet by row, numbered as the sheet numbers them; each sheet's name is a heading; dates in ISO
8601. Title, author, date and language of the properties. Of a formula the value that was last computed is kept. Not
kept: formulas, formats, charts, comments, hidden sheets.
"""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from index.documents import Document
from index.errors import InputError
from index.loading.building import TextBuilder
from index.loading.formats.archives import Archive
from index.loading.formats.docx import names_columns
from index.loading.registry import register


@register(".xlsx")
def load_xlsx(path: Path, content: bytes) -> Document:
    """The values of a workbook's sheets."""
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    Archive(path, content)
    try:
        with warnings.catch_warnings():
            # It warns of parts that it does not keep, which do not concern us.
            warnings.simplefilter("ignore")
            opened = openpyxl.load_workbook(BytesIO(content), read_only=True, data_only=True)
    except (InvalidFileException, KeyError, ValueError, TypeError, AttributeError, SyntaxError, OSError) as error:
        raise InputError(f"{path}: damaged, or no workbook ({error})") from error
    builder = TextBuilder()
    for sheet in opened.worksheets:
        if sheet.sheet_state == "visible":
            _sheet(builder, sheet)
    properties = opened.properties
    document = builder.document(
        path,
        content,
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        title=properties.title,
        author=properties.creator,
        date=properties.created,
        language=properties.language,
        nothing="has no values in its sheets",
    )
    return document if properties.title else document.model_copy(update={"title": path.name, "own_title": False})


def _sheet(builder: TextBuilder, sheet: Any) -> None:
    rows = [list(_values(row)) for row in sheet.iter_rows(values_only=True)]
    filled = next((number for number, row in enumerate(rows) if sum(bool(cell) for cell in row) > 1), 0)
    if not any(any(row) for row in rows):
        return
    builder.heading(1, sheet.title)
    # Lines above the table (a title, a note) are rows of the sheet, but do not name its columns.
    for number, row in enumerate(rows[:filled], start=1):
        builder.table([row], header=False, first=number)
    table = rows[filled:]
    columns = [row[: max(1, len(table[0]))] for row in table[:1]]
    builder.table(table, header=len(table) > 1 and names_columns([[c for c in columns[0] if c]]), first=filled + 1)


def _values(row: tuple[Any, ...]) -> Iterator[str]:
    last = max((number for number, value in enumerate(row) if value is not None), default=-1)
    for value in row[: last + 1]:
        yield _value(value)


def _value(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "TRUE" if value else "FALSE"
        case datetime.datetime():
            return value.date().isoformat() if value.time() == datetime.time() else value.isoformat(sep=" ")
        case datetime.date() | datetime.time():
            return value.isoformat()
        case float():
            return repr(round(value, 12)).removesuffix(".0")
        case _:
            return str(value)
