"""Tables on a page: by their rules, or by cells that stand below each other."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from index.loading.formats.pdf.glyphs import SPACE, Glyph
from index.loading.formats.pdf.runs import RUN_GAP, Line, Word

Cell = list[Glyph]
_DIGITS = r"[\d.,:/%'\u2019 €$£¥\u00a0⁰-₉-]*"
_NUMBER = re.compile(rf"[-+−–(]?[€$£¥]?\s?{_DIGITS}\d{_DIGITS}\)?%?|[-–—]|n/?a", re.IGNORECASE)
_YEAR = re.compile(r"(?:FY ?)?(?:1[89]|20)\d\d(?:[/–-]\d\d(?:\d\d)?)?[EFA]?")
# In line heights: rows further apart are not of one table, and a strip this wide parts columns.
_MOST_PITCH = 4.0
_STRIP = 0.8
_NUMBER_STRIP = 0.3
# The lines of one cell are nearer to each other than this.
_LINE_IN_CELL = 1.45
_MOST_ROWS = 500
_MOST_ADDED = 150
# A gap between rows this much wider than usual may part two tables.
_PARTED = 1.25


@dataclass(slots=True)
class Table:
    """The cells of a table by rows, all of one length; `headers` tells whether the first row names the columns.

    `columns` are the left edges of its columns; `notes` are marks of footnotes that stood in it, `lines` those that it
    was made of.
    """

    rows: list[list[Cell]]
    header: bool
    columns: tuple[float, ...]
    top: float
    bottom: float
    notes: list[Glyph] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


def cell_text(cell: Cell) -> str:
    return "".join([glyph.char for glyph in cell])


def is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text.strip()) is not None


def split_tables(lines: Sequence[Line]) -> list[Line | Table]:
    """The lines of a column of a page, with those that are the rows of a table as one table each."""
    parts: list[Line | Table] = []
    at = 0
    while at < len(lines):
        stop = max(_end_of_region(lines, at), at + 1)
        new = _tables_of(lines[at:stop])
        # The cells of some rows may be so near to each other that they look like a line of words.
        while parts and isinstance(above := parts[-1], Line) and isinstance(first := new[0], Table):
            larger = _with_row(first, [above, *first.lines])
            if larger is None:
                break
            parts.pop()
            new[0] = larger
        while stop < len(lines) and isinstance(last := new[-1], Table):
            larger = _with_row(last, [*last.lines, lines[stop]])
            if larger is None:
                break
            new[-1] = larger
            stop += 1
        parts += new
        at = stop
    return parts


def _with_row(table: Table, lines: list[Line]) -> Table | None:
    """The table with another row at one end, if the cells of that stand below those of the others."""
    new = lines[0] if lines[0] not in table.lines else lines[-1]
    pitches = [above.bottom - below.bottom for above, below in pairwise(lines)]
    pitch = pitches[0] if new is lines[0] else pitches[-1]
    if pitch > 1.6 * median(pitches) or len(lines) > _MOST_ADDED:
        return None
    larger = _aligned(lines)
    if larger is None or len(larger.rows) != len(table.rows) + 1 or len(larger.columns) != len(table.columns):
        return None
    row = larger.rows[0 if new is lines[0] else -1]
    return larger if sum(bool(cell) for cell in row) >= max(2, 0.6 * len(row)) else None


def _tables_of(lines: Sequence[Line]) -> list[Line | Table]:
    """The table that lines make; else the tables of those above and below the widest gap between them."""
    if len(lines) < 2:
        return list(lines)
    table = _aligned(lines)
    if table is not None:
        return [table]
    pitches = [above.bottom - below.bottom for above, below in pairwise(lines)]
    widest = max(pitches)
    if widest >= _PARTED * median(pitches):
        at = pitches.index(widest) + 1
    else:
        counts = [len(line.runs) for line in lines]
        at = next((number for number in range(1, len(counts)) if counts[number] != counts[number - 1]), 0)
    if not at:
        return list(lines)
    return [*_tables_of(lines[:at]), *_tables_of(lines[at:])]


def _end_of_region(lines: Sequence[Line], at: int) -> int:
    """After the last of the lines from `at` that may be the rows of one table: each has cells, or continues some."""
    stop = at
    last_row = at
    while stop < len(lines) and stop - at < _MOST_ROWS:
        line = lines[stop]
        if stop > at:
            above = lines[stop - 1]
            if above.bottom - line.bottom > _MOST_PITCH * max(above.height, line.height):
                break
        if len(line.runs) > 1 and not _has_leaders(line):
            last_row = stop + 1
        elif (
            len(line.runs) > 1
            or stop == at
            or stop - last_row >= 2
            or not _fits_beside(lines[max(at, last_row - 1)], line)
        ):
            break
        stop += 1
    return last_row


def _has_leaders(line: Line) -> bool:
    """Whether points lead from one side of a line to the other, as in a table of contents."""
    text = line.text()
    return ". . . ." in text or "....." in text


def _fits_beside(row: Line, line: Line) -> bool:
    """Whether a line of one run stands below one cell of a row only, as the rest of what is in the cell."""
    run = line.runs[0]
    below = [other for other in row.runs if other.left < run.right and run.left < other.right]
    reach = [other for other in row.runs if other.left > run.left + 1]
    return len(below) <= 1 and all(run.right < other.left for other in reach)


def _aligned(lines: Sequence[Line]) -> Table | None:
    """The table that lines make, if the white between their cells lines up."""
    words = [[word for run in line.in_order() for word in run.words()] for line in lines]
    height = median(line.height for line in lines)
    for skipped in range(min(3, len(lines) - 1)):
        # Rows above may have cells over several columns.
        strips = _strips(words[skipped:], height)
        if strips and len(strips) + 1 >= min(3, max(len(line.runs) for line in lines[skipped:])):
            break
    else:
        return None
    edges = [(left + right) / 2 for left, right in strips]
    rows = [_cells(line, edges) for line in words]
    first = lines[0]
    spanning = rows[:skipped]
    merged = _merge_wrapped(rows[skipped:], list(lines[skipped:]))
    if len(merged) < 2 or not _is_tabular(merged):
        return None
    table_rows = [[joined(cell) for cell in row] for row in merged]
    if spanning and not (
        len(table_rows) > 2
        and _put_above(words[:skipped], table_rows[0], edges, words[skipped])
        and names_columns(table_rows)
    ):
        return None
    lefts = [min((cell[0].left for row in rows if (cell := row[n])), default=0.0) for n in range(len(edges) + 1)]
    return Table(
        table_rows,
        names_columns(table_rows),
        tuple(lefts),
        first.top,
        lines[-1].bottom,
        [note for line in lines for note in line.notes()],
        list(lines),
    )


def _middle(word: Word) -> float:
    return (word.left + word.right) / 2


def _strips(rows: Sequence[Sequence[Word]], height: float) -> list[tuple[float, float]]:
    """The white strips between columns: no word of any row crosses one."""
    spans = sorted((word.left, word.right) for row in rows for word in row)
    white: list[tuple[float, float]] = []
    reach = spans[0][1] if spans else 0.0
    for left, right in spans:
        if left - reach > _NUMBER_STRIP * height:
            white.append((reach, left))
        reach = max(reach, right)
    return [strip for strip in white if _parts_columns(strip, rows, height)]


def _parts_columns(strip: tuple[float, float], rows: Sequence[Sequence[Word]], height: float) -> bool:
    both = wide = numbers = beside = 0
    for row in rows:
        before = [word for word in row if word.right <= strip[0] + 0.01]
        after = [word for word in row if word.left >= strip[1] - 0.01]
        if after:
            beside += 1
            numbers += is_number(min(after, key=lambda word: word.left).text)
        if before and after:
            both += 1
            gap = min(word.left for word in after) - max(word.right for word in before)
            wide += gap > RUN_GAP * height
    if not both or beside < 2:
        return False
    if strip[1] - strip[0] >= _STRIP * height:
        return wide >= max(1, both / 3) or numbers >= 0.6 * beside
    return numbers >= 0.6 * beside


def _cells(words: Sequence[Word], edges: Sequence[float]) -> list[list[Word]]:
    cells: list[list[Word]] = [[] for _ in range(len(edges) + 1)]
    for word in words:
        cells[bisect_right(edges, _middle(word))].append(word)
    return cells


def _merge_wrapped(rows: list[list[list[Word]]], lines: list[Line]) -> list[list[list[Word]]]:
    """Rows, each with the lines that continue its cells: closer than rows are, or of words in cells that go on."""
    pitches = [above.bottom - below.bottom for above, below in pairwise(lines)]
    full = [pitch for pitch, row in zip(pitches, rows[1:], strict=True) if row[0] and len([c for c in row if c]) > 1]
    usual = median(full) if full else 0.0
    merged = rows[:1]
    for pitch, row, line in zip(pitches, rows[1:], lines[1:], strict=True):
        filled = [number for number, cell in enumerate(row) if cell]
        above = merged[-1]
        texts = [" ".join(word.text for word in row[number]) for number in filled]
        continues = (
            len(filled) < len(row)
            and pitch < _LINE_IN_CELL * line.height
            and all(above[number] for number in filled)
            and not any(is_number(text) for text in texts)
            and (pitch < 0.85 * usual or (0 not in filled and len(row) > 2) or all(t[:1].islower() for t in texts))
        )
        if continues and len(merged) > 0:
            merged[-1] = [[*upper, *lower] for upper, lower in zip(above, row, strict=True)]
        else:
            merged.append(row)
    return merged


def joined(words: Sequence[Word]) -> Cell:
    cell: Cell = []
    for word in words:
        cell += [SPACE, *word.glyphs] if cell else word.glyphs
    return cell


def _is_tabular(rows: Sequence[Sequence[Sequence[Word]]]) -> bool:
    """Whether most rows have most cells, and these are shorter than lines of text."""
    filled = [sum(bool(cell) for cell in row) for row in rows]
    full = sum(count >= max(2, 0.6 * len(rows[0])) for count in filled)
    return full >= 0.6 * len(rows)


def _put_above(
    upper: Sequence[Sequence[Word]], head: list[Cell], edges: Sequence[float], words: Sequence[Word]
) -> bool:
    """Put the cells of rows over several columns before the names of these columns; whether there are such."""
    centres = [
        (min(w.left for w in cell) + max(w.right for w in cell)) / 2 if cell else None for cell in _cells(words, edges)
    ]
    if any(is_number(cell_text(cell)) and not _YEAR.fullmatch(cell_text(cell)) for cell in head if cell):
        return False
    for row in reversed(upper):
        groups: list[list[Word]] = []
        for word in row:
            # Words of one cell are nearer to each other than cells.
            if groups and word.left - groups[-1][-1].right < 0.6 * (word.glyphs[0].top - word.glyphs[0].bottom):
                groups[-1].append(word)
            else:
                groups.append([word])
        middles = [(group[0].left + group[-1].right) / 2 for group in groups]
        for number, centre in enumerate(centres):
            if centre is None or (number == 0 and groups and centre < groups[0][0].left):
                continue
            nearest = min(range(len(groups)), key=lambda at: abs(middles[at] - centre))
            head[number] = [*joined(groups[nearest]), SPACE, *head[number]]
    return True


def names_columns(rows: Sequence[Sequence[Cell]]) -> bool:
    """Whether the first row names the columns: words or years, each once, where other rows have values."""
    names = [cell_text(cell).strip() for cell in rows[0]]
    named = [name for name in names if name]
    if len(rows) < 2 or not all(names[1:]) or len(named) < 2:
        return False
    if len({name.casefold() for name in named}) < len(named) or any(name.endswith(":") for name in named):
        return False
    below = [[cell_text(row[number]).strip() for row in rows[1:]] for number in range(len(names))]
    for name, column in zip(names, below, strict=True):
        years = sum(_YEAR.fullmatch(value) is not None for value in column)
        if name and is_number(name) and (not _YEAR.fullmatch(name) or years > len(column) / 2):
            return False
    # Of two columns the first may be labels, which name the values beside them: then the first row is no head.
    least = 0.5 if len(names) > 2 else 0.8
    if any(sum(is_number(value) for value in column if value) > least * len(column) for column in below):
        return True
    # A table of words only: names are short, and begin alike.
    short = all(len(name.split()) <= 3 and not name[0].islower() and name[0].isalnum() for name in named)
    return short and not any(c.isdigit() for name in named for c in name) and len(names) > 2
