"""Comma- and tab-separated values. Every character is kept as decoded; each record is a row.

The separator is the one that a first line states (`sep=;`), else the comma, semicolon, bar or tab, whichever divides
the first records evenly. A quoted line break is part of its record. One or two records may name the columns, by words
or years. Rows are numbered as in a spreadsheet: the first record is row 1, whether or not it names columns.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import dropwhile, islice
from pathlib import Path

from index.documents import Document, Row
from index.loading.building import file_title, file_uri
from index.loading.encodings import decode_text
from index.loading.language import detect_language
from index.loading.registry import register
from index.loading.tables import head_rows
from index.text.structure import STATED_SEPARATOR

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_PROBED = 50
MAX_FIELD = 2**30


@register(".csv", ".tsv", ".tab")
def load_delimited(path: Path, content: bytes) -> Document:
    """Load a table of records."""
    text = decode_text(path, content)
    tabs = path.suffix.lower() in (".tsv", ".tab")
    return Document(
        uri=file_uri(path),
        title=file_title(path),
        text=text,
        media_type="text/tab-separated-values" if tabs else "text/csv",
        source_sha256=hashlib.sha256(content).hexdigest(),
        rows=tuple(_rows(text, "\t" if tabs else separator_of(text))),
        language=detect_language(text),
    )


def separator_of(text: str) -> str:
    """The separator between the cells of records: the one by which most of the first records have the same length."""
    if stated := STATED_SEPARATOR.match(text):
        return stated.group(1)
    lines = [line for line in islice((match.group() for match in _LINE.finditer(text)), _PROBED) if line.strip()]
    best, separator = (0.0, 0), ","
    for candidate in (",", ";", "\t", "|"):
        counts = Counter(len(record) for _, _, record in _records(lines, candidate) if record)
        (columns, often), *_ = counts.most_common(1) or [(1, 0)]
        score = (often / max(1, sum(counts.values())), columns)
        if columns > 1 and score > best:
            best, separator = score, candidate
    return separator


def _rows(text: str, separator: str) -> Iterator[Row]:
    stated = STATED_SEPARATOR.match(text)
    begin = stated.end() if stated else 0
    lines = [match.group() for match in _LINE.finditer(text, begin)]
    # An unclosed quote would turn the rest of the file into a single record.
    records = list(_records(lines, separator) if _is_quoted_well(lines, separator) else _unquoted(lines, separator))
    starts = [begin]
    for line in lines:
        starts.append(starts[-1] + len(line))
    heads = _heads([cells for _, _, cells in records[:_PROBED]])
    for number, (first, last, cells) in enumerate(records, start=1):
        start, end = starts[first], starts[last]
        end -= len(text[start:end]) - len(text[start:end].rstrip("\r\n"))
        if any(cell.strip() for cell in cells) and start < end:
            yield Row(number=number, start=start, end=end, header=number - 1 in heads)


def _heads(records: Sequence[Sequence[str]]) -> range:
    """Which of the first records name the columns: the first ones as long as most, below lines of a title."""
    filled = [(number, cells) for number, cells in enumerate(records) if any(cell.strip() for cell in cells)]
    usual = Counter(len(cells) for _, cells in filled).most_common(1)
    columns = usual[0][0] if usual else 0
    if columns > 1:
        filled = list(dropwhile(lambda entry: len([cell for cell in entry[1] if cell.strip()]) < 2, filled))
    if not filled:
        return range(0)
    first = filled[0][0]
    return range(first, first + head_rows([cells for _, cells in filled]))


def _records(lines: Sequence[str], separator: str) -> Iterator[tuple[int, int, list[str]]]:
    """For each record, its first line, the line after its last, and its cells."""
    csv.field_size_limit(MAX_FIELD)
    reader = csv.reader(iter(lines), delimiter=separator)
    first = 0
    for cells in reader:
        yield first, reader.line_num, cells
        first = reader.line_num


def _unquoted(lines: Sequence[str], separator: str) -> Iterator[tuple[int, int, list[str]]]:
    for number, line in enumerate(lines):
        yield number, number + 1, line.rstrip("\r\n").split(separator)


def _is_quoted_well(lines: Sequence[str], separator: str) -> bool:
    csv.field_size_limit(MAX_FIELD)
    try:
        for _ in csv.reader(iter(lines), delimiter=separator, strict=True):
            pass
    except csv.Error as error:
        return "unexpected end" not in str(error)
    return True
