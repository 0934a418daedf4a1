"""Where in a document's structure a place stands: its headings, and its row of a table."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping

from index.documents import Document, Row
from index.text.legible import COLUMNS, cells
from index.text.markdown import markdown_headings
from index.text.sentences import LineBreaks

# Formats whose text is set in lines of a width, and whose line breaks say nothing else.
_SET_IN_LINES = {"application/pdf"}
# Formats that may be: whoever wrote the text may have broken its lines, or a program.
_MAYBE_SET_IN_LINES = {"text/plain", "text/markdown", "message/rfc822"}


def line_breaks(document: Document) -> LineBreaks:
    """What a single line break means in a document of this format."""
    if document.media_type in _SET_IN_LINES:
        return "wrap"
    return "guess" if document.media_type in _MAYBE_SET_IN_LINES else "end"


def headings(document: Document) -> Mapping[int, tuple[int, str]]:
    """Level and title of each heading by where it begins, in order."""
    if document.outline:
        return {heading.start: (heading.level, heading.title) for heading in document.outline}
    # Documents that were stored before outlines were.
    return markdown_headings(document.text) if document.media_type == "text/markdown" else {}


def heading_path(document: Document, offset: int) -> tuple[str, ...]:
    """The titles that an offset stands under, topmost first; a heading stands under itself."""
    path: list[tuple[int, str]] = []
    for start, (level, title) in headings(document).items():
        if start > offset:
            break
        path = [(other, name) for other, name in path if other < level] + [(level, title)]
    return tuple(name for _, name in path)


def row_at(document: Document, offset: int) -> Row | None:
    """The row of a table that an offset stands in."""
    number = bisect_right(document.rows, offset, key=lambda row: row.start) - 1
    row = document.rows[number] if number >= 0 else None
    return row if row is not None and offset < row.end else None


def column_names(document: Document) -> dict[int, str]:
    """The names of the columns of each row by where it begins; none for rows of tables that name none, and for the row
    of names itself."""
    names_by_row: dict[int, str] = {}
    names, last = "", 0
    for row in document.rows:
        if row.number <= last:
            # Numbers rise within a table; where they do not, another begins.
            names = ""
        last = row.number
        if row.header:
            text = document.text[row.start : row.end]
            names = COLUMNS.join(" ".join(text[start:end].split()) for start, end in cells(text))
        elif names:
            names_by_row[row.start] = names
    return names_by_row
