"""Tables as readers see them: merged cells stand in every row that they cover, and the first rows may be heads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from index.loading.building import TextBuilder, one_line

# A value that is longer is a text of its own, and stands in the first row that it covers only.
_REPEATED_CHARACTERS = 200
_MOST_HEADS = 3
# A year, a span of years, a quarter, a month or a day, which may name a column though it has no word in it.
_PERIOD = re.compile(
    r"(?:FY ?|Q[1-4] ?)?(?:1[89]|20|21)\d\d(?:\s?[-\u2013/]\s?(?:\d\d|\d{4}))?"
    r"(?:[-/.](?:0?[1-9]|1[0-2])(?:[-/.][0-3]?\d)?)?E?"
    r"|[0-3]?\d[./-][01]?\d[./-](?:\d\d|\d{4})|[01]?\d[./](?:1[89]|20|21)\d\d"
)


@dataclass(frozen=True, slots=True)
class Merge:
    """A cell that covers rows `top` to `bottom` and columns `left` to `right`, from 0, both included."""

    top: int
    left: int
    bottom: int
    right: int


def add_table(
    builder: TextBuilder,
    rows: Sequence[Sequence[str]],
    merges: Sequence[Merge] = (),
    *,
    marked: int = 0,
    first: int = 1,
    width: int = 0,
) -> None:
    """Add a table whose rows are numbered from `first`; `marked` rows are said to be heads by whoever made it.

    A line with a single cell before the table proper, a title or a note, names no columns. Rows get at least `width`
    cells.
    """
    seen = seen_rows(rows, merges, width)
    proper = next((number for number, row in enumerate(seen) if sum(bool(cell) for cell in row) > 1), None)
    if proper is None:
        builder.table(seen, header=0, first=first)
        return
    for number, row in enumerate(seen[:proper]):
        builder.table([row], header=0, first=first + number)
    below = [one for one in (_from(one, proper) for one in merges) if one.bottom >= 0]
    rest = seen[proper:]
    if not _wide(below, 0) and (spread := implied(rest)):
        below += spread
        rest = seen_rows(rest, spread, width)
    heads = max(marked - proper, count_heads(rest, below))
    filled = sum(any(row) for row in rest)
    builder.table(rest, header=heads if filled > heads else 0, first=first + proper)


def seen_rows(rows: Sequence[Sequence[str]], merges: Sequence[Merge] = (), width: int = 0) -> list[list[str]]:
    """The rows, all as wide as the table and at least `width`, with the value of a merged cell wherever it stands.

    One that is as wide as the table (a title, the name of a section) is written once a row; rows of which nothing but
    merged cells are left stay empty.
    """
    grid = [[one_line(cell) for cell in row] for row in rows]
    width = max([width, *(number + 1 for row in grid for number, cell in enumerate(row) if cell)])
    grid = [(row + [""] * width)[:width] for row in grid]
    there = [any(row) for row in grid]
    for merge in merges:
        if merge.top >= len(grid) or merge.left >= width:
            continue
        value = grid[merge.top][merge.left]
        if not value or len(value) > _REPEATED_CHARACTERS:
            continue
        is_whole = merge.left == 0 and merge.right >= width - 1
        right = merge.left if is_whole else min(merge.right, width - 1)
        for number in range(merge.top, min(merge.bottom + 1, len(grid))):
            if there[number]:
                for column in range(merge.left, right + 1):
                    grid[number][column] = grid[number][column] or value
    return grid


def count_heads(rows: Sequence[Sequence[str]], merges: Sequence[Merge] = ()) -> int:
    """How many of the first rows, as `seen_rows` gives them, name the columns; 0 where none does.

    Below a head that covers several columns stands another row of heads, if nothing new stands under the others.
    """
    if len(rows) < 2 or not _names(_own(rows[0], merges, 0), rows[1:]):
        return 0
    count = 1
    while count < min(_MOST_HEADS, len(rows) - 1):
        covered = {place for one in _wide(merges, count - 1) for place in range(one.left, one.right + 1)}
        above, row = rows[count - 1], rows[count]
        others = [place for place in range(len(row)) if place not in covered]
        if (
            not covered
            or not any(row[place] for place in covered)
            or any(row[place] and above[place] and row[place] != above[place] for place in others)
            or not _names(_own(row, merges, count), rows[count + 1 :], each_once=False)
        ):
            break
        count += 1
    return count


def implied(rows: Sequence[Sequence[str]]) -> list[Merge]:
    """Heads that stand over several columns without being merged: "2023", nothing, "2024", nothing over "Sales",
    "Staff", "Sales", "Staff"."""
    if len(rows) < 3:
        return []
    upper, lower = rows[0], rows[1]
    said = [place for place, cell in enumerate(upper) if cell]
    under = [cell for cell in lower if cell]
    if len(said) < 2 or len(set(under)) == len(under) or not all(map(_is_label, [*under, *filter(None, upper)])):
        return []
    ends = [place - 1 for place in said[1:]] + [len(upper) - 1]
    merges = [Merge(0, start, 0, end) for start, end in zip(said, ends, strict=True) if end > start]
    whole = seen_rows(rows[:2], merges)
    names = list(zip(*whole, strict=True))
    return merges if len(set(names)) == len(names) else []


def _wide(merges: Sequence[Merge], row: int) -> list[Merge]:
    return [one for one in merges if one.top == row and one.right > one.left]


def _own(row: Sequence[str], merges: Sequence[Merge], number: int) -> list[str]:
    """The cells of a row, those that cover several columns once."""
    repeated = {place for one in _wide(merges, number) for place in range(one.left + 1, one.right + 1)}
    return ["" if place in repeated else cell for place, cell in enumerate(row)]


def _names(names: Sequence[str], body: Sequence[Sequence[str]], *, each_once: bool = True) -> bool:
    """Whether these name columns: several words, each once, or periods above values that are none."""
    said = [(place, name) for place, name in enumerate(names) if name]
    if len(said) < 2 or not all(_is_label(name) for _, name in said):
        return False
    if each_once and len({name.casefold() for _, name in said}) < len(said):
        return False
    below = [[row[place] for row in body if row[place]] for place, name in said if _PERIOD.fullmatch(name)]
    return not any(values and all(_PERIOD.fullmatch(value) for value in values) for values in below)


def _is_label(cell: str) -> bool:
    return any(char.isalpha() for char in cell) or _PERIOD.fullmatch(cell) is not None


def _from(one: Merge, row: int) -> Merge:
    return Merge(one.top - row, one.left, one.bottom - row, one.right)
