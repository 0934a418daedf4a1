"""Where an offset is in the structure of a document: under which headings, and in which table row."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping

from index.documents import Document, Row
from index.text.legible import COLUMNS, cells
from index.text.markdown import markdown_headings
from index.text.sentences import LineBreaks

# Formats whose text is set in lines, so that line breaks have no other meaning.
_SET_IN_LINES = {"application/pdf"}
# Formats whose text may be: lines were broken by the author, or by a program.
_MAYBE_SET_IN_LINES = {"text/plain", "text/markdown", "message/rfc822"}


def line_breaks(document: Document) -> LineBreaks:
    """What a single line break means in a document of this format."""
    if document.media_type in _SET_IN_LINES:
        return "wrap"
    return "guess" if document.media_type in _MAYBE_SET_IN_LINES else "end"


def headings(document: Document) -> Mapping[int, tuple[int, str]]:
    """The level and title of each heading by its offset, in order."""
    if document.outline:
        return {heading.start: (heading.level, heading.title) for heading in document.outline}
    # Documents that were stored before outlines were recorded.
    return markdown_headings(document.text) if document.media_type == "text/markdown" else {}


def heading_path(document: Document, offset: int) -> tuple[str, ...]:
    """The titles of the headings above an offset, topmost first; a heading includes itself."""
    path: list[tuple[int, str]] = []
    for start, (level, title) in headings(document).items():
        if start > offset:
            break
        path = [(other, name) for other, name in path if other < level] + [(level, title)]
    return tuple(name for _, name in path)


def row_at(document: Document, offset: int) -> Row | None:
    """The table row that an offset is in; None if it is in none."""
    number = bisect_right(document.rows, offset, key=lambda row: row.start) - 1
    row = document.rows[number] if number >= 0 else None
    return row if row is not None and offset < row.end else None


def column_names(document: Document) -> dict[int, str]:
    """The column names of each table row, by the offset of the row. The columns of a header row, and of a table without
    one, have no names where only the document's format says what parts their cells; where tabs do, such rows have no
    entry, nor have those of one cell."""
    names_by_row: dict[int, str] = {}
    names, last = "", 0
    for row in document.rows:
        if row.number <= last:
            # Numbers rise within a table; when they do not, a new table begins.
            names = ""
        last = row.number
        if names and not row.header:
            names_by_row[row.start] = names
            continue
        text = document.text[row.start : row.end]
        spans = cells(text)
        if len(spans) > 1 and "\t" not in text:
            names_by_row[row.start] = COLUMNS.join([""] * len(spans))
        if row.header:
            names = COLUMNS.join(column_name(text[start:end]) for start, end in spans)
    return names_by_row


def column_name(cell: str) -> str:
    """The words of a header cell on one line, without the marks that stand between names."""
    return " ".join(cell.replace("|", " ").replace(">", " ").split())
