"""Comma- and tab-separated values. Kept: every character, as it was decoded; each record is a row.

Separators are comma, semicolon, bar or tab, whichever divides the first records evenly. A quoted line break belongs to
its record. Rows are numbered as a spreadsheet shows them: the first record is row 1, names or not.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from index.documents import Document, Row
from index.loading.building import file_title, file_uri
from index.loading.encodings import decode_text
from index.loading.language import detect_language
from index.loading.registry import register

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_NUMBER = re.compile(r"[-+(]?[\d.,:/%$€£ -]+\)?")
_PROBED = 50
MAX_FIELD = 2**30


@register(".csv", ".tsv", ".tab")
def load_delimited(path: Path, content: bytes) -> Document:
    """Records of a table."""
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
    """What separates the cells of a text of records: the one that gives most of the first ones equally many cells."""
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
    lines = [match.group() for match in _LINE.finditer(text)]
    # A quote that is opened and not closed would make one record of the rest of the file.
    records = list(_records(lines, separator) if _is_quoted_well(lines, separator) else _unquoted(lines, separator))
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    names = next((cells for _, _, cells in records if any(cell.strip() for cell in cells)), None)
    header = names is not None and _are_names(
        names, [cells for _, _, cells in records[: _PROBED + 1] if cells is not names]
    )
    for number, (first, last, cells) in enumerate(records, start=1):
        start, end = starts[first], starts[last]
        end -= len(text[start:end]) - len(text[start:end].rstrip("\r\n"))
        if any(cell.strip() for cell in cells) and start < end:
            yield Row(number=number, start=start, end=end, header=header and cells is names)


def _records(lines: Sequence[str], separator: str) -> Iterator[tuple[int, int, list[str]]]:
    """First line, line after the last, and cells of each record."""
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


def _are_names(first: Sequence[str], others: Iterable[Sequence[str]]) -> bool:
    """Whether a first record names the columns: words, each once, above records that are not all of other length."""
    cells = [cell.strip() for cell in first]
    named = [cell for cell in cells if cell]
    if len(named) < max(1, len(cells) - 1) or len({cell.casefold() for cell in named}) < len(named):
        return False
    return bool(list(others)) and not any(_NUMBER.fullmatch(cell) for cell in named)
