"""Where an offset is in the structure of a document: under which headings, and in which table row."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence

from index.documents import Document, Row
from index.text.legible import COLUMNS, cells
from index.text.markdown import front_matter, markdown_headings
from index.text.sentences import LineBreaks

# Formats whose text is set in lines, so that line breaks have no other meaning.
_SET_IN_LINES = {"application/pdf"}
# Formats whose text may be: lines were broken by the author, or by a program.
_MAYBE_SET_IN_LINES = {"text/plain", "text/markdown", "message/rfc822"}
# Spreadsheet programs state the separator of a file of values in its first line.
STATED_SEPARATOR = re.compile(r"sep=([^\r\n])[ \t;,]*(?:\r\n|\r|\n)", re.IGNORECASE)


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


def body_start(document: Document) -> int:
    """Where the words of a document begin: what stands before them (the front matter of Markdown, the line by which a
    table of values states its separator) describes the document, and is no passage of it."""
    if document.media_type == "text/markdown":
        return front_matter(document.text)[0]
    stated = STATED_SEPARATOR.match(document.text) if document.media_type == "text/csv" else None
    return stated.end() if stated else 0


def column_names(document: Document) -> dict[int, str]:
    """The column names of each table row, by the offset of the row. The columns of a header row have none, nor have
    those of a table without one; its rows have no entry where tabs part their cells."""
    names_by_row: dict[int, str] = {}
    names: list[str] = []
    last, after_head = 0, False
    for row in document.rows:
        if row.number <= last:
            # Numbers rise within a table; when they do not, a new table begins.
            names, after_head = [], False
        last = row.number
        if len(names) > 1 and not row.header:
            names_by_row[row.start] = COLUMNS.join(names)
            after_head = False
            continue
        text = document.text[row.start : row.end]
        spans = cells(text)
        if len(spans) > 1 and (row.header or "\t" not in text):
            names_by_row[row.start] = COLUMNS.join([""] * len(spans))
        if row.header:
            listed = [column_name(text[start:end]) for start, end in spans]
            names = joined_names(names, listed) if after_head else listed
        after_head = row.header
    return names_by_row


def joined_names(upper: Sequence[str], lower: Sequence[str]) -> list[str]:
    """The names of columns that two rows give together. A group is named once, above the first of its columns."""
    names: list[str] = []
    group = ""
    for place in range(max(len(upper), len(lower))):
        above = upper[place] if place < len(upper) else ""
        below = lower[place] if place < len(lower) else ""
        group = above or (group if below else "")
        names.append(below if group.casefold() == below.casefold() else f"{group} {below}".strip())
    return names


def column_name(cell: str) -> str:
    """The words of a header cell on one line, without the marks that stand between names."""
    return " ".join(cell.replace("|", " ").replace(">", " ").split())
