"""Tables as people see them: merged cells spread over what they cover, and the rows that name the columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from index.text.structure import joined_names

# A table of a hostile file may claim spans of any size: so many cells more than it has are filled at most.
MAX_COLUMNS = 1_000
_MORE_CELLS = 20_000
_YEAR = re.compile(r"(?:1[5-9]|20|21)\d\d(?:[-–/](?:\d\d)?\d\d)?")
_NUMBER = re.compile(r"[-+(]?[\d.,:/%$€£ ’'-]+\)?")
# How many rows below the heads are looked at.
_PROBED = 50


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell with the number of columns and rows that it covers, and whether its format marks it as a head."""

    text: str
    columns: int = 1
    rows: int = 1
    head: bool = False


def spread(rows: Sequence[Sequence[Cell]]) -> list[list[Cell]]:
    """The rows with every merged cell repeated in each row and column that it covers, so that a value stands under its
    own column. A cell that is alone in its row, a title across the table, stays one."""
    left = _MORE_CELLS + 4 * sum(len(row) for row in rows)
    width = max((len(row) for row in rows), default=0)
    grid: list[list[Cell]] = []
    # The cells from above that cover a column, with how many more rows they do.
    above: dict[int, tuple[Cell, int]] = {}
    for row in rows:
        if len(row) == 1 and not above and row[0].columns >= max(2, width):
            grid.append([row[0]])
            continue
        left -= len(above)
        if left < 0:
            above = {}
        line: dict[int, Cell] = {column: cell for column, (cell, _) in above.items()}
        above = {column: (cell, more - 1) for column, (cell, more) in above.items() if more > 1}
        column = 0
        for cell in row:
            while column in line:
                column += 1
            covered = max(1, min(cell.columns, MAX_COLUMNS - column, left))
            for place in range(column, column + covered):
                line[place] = cell
                if cell.rows > 1 and left > 0:
                    above[place] = (cell, min(cell.rows, len(rows)) - 1)
            left -= covered - 1
            column += covered
        grid.append([line.get(place, Cell("")) for place in range(max(line, default=-1) + 1)])
    return grid


def head_rows(rows: Sequence[Sequence[str]]) -> int:
    """How many of the first rows name the columns of those after them, by their words alone: none, one or two.

    The names are words or years, each different, and other rows follow; of two rows the upper one groups the columns
    of the lower one, which has names where rows below it have numbers.
    """
    if len(rows) < 2:
        return 0
    first, second, rest = rows[0], rows[1], rows[2 : 2 + _PROBED]
    if rest and _groups(first) and _all_labels(second):
        names = joined_names([cell.strip() for cell in first], [cell.strip() for cell in second])
        filled = [name for name in names if name]
        if len(filled) >= max(2, len(names) - 1) and _distinct(filled) and _numbers_below(second, rest):
            return 2
    named = [cell for cell in first if cell.strip()]
    if len(named) < max(1, len(first) - 1) or not _distinct(named) or not _all_labels(first):
        return 0
    years = [place for place, cell in enumerate(first) if _YEAR.fullmatch(cell.strip())]
    if not years:
        return 1
    below = [row[place].strip() for row in rows[1 : 1 + _PROBED] for place in years if place < len(row)]
    return 1 if len(years) < len(first) and any(cell and not _YEAR.fullmatch(cell) for cell in below) else 0


def _groups(cells: Sequence[str]) -> bool:
    """Whether a row may name groups of columns: it leaves some without a name, or names some alike."""
    named = [cell for cell in cells if cell.strip()]
    gaps = any(not cell.strip() for cell in cells[1:])
    return len(named) > 0 and _all_labels(cells) and len(cells) > 2 and (gaps or not _distinct(named))


def _numbers_below(names: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    return any(_NUMBER.fullmatch(row[place].strip()) for row in rows for place in _filled(names) if place < len(row))


def _filled(cells: Sequence[str]) -> Iterator[int]:
    yield from (place for place, cell in enumerate(cells) if cell.strip())


def _all_labels(cells: Sequence[str]) -> bool:
    filled = [cell.strip() for cell in cells if cell.strip()]
    return bool(filled) and all(_YEAR.fullmatch(cell) or not _NUMBER.fullmatch(cell) for cell in filled)


def _distinct(cells: Sequence[str]) -> bool:
    return len({cell.strip().casefold() for cell in cells}) == len(cells)
