"""The rules that are drawn on a page, and the tables between them."""

from __future__ import annotations

import ctypes
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from index.loading.formats.pdf.glyphs import Box
from index.loading.formats.pdf.runs import Run, Word, lines_of
from index.loading.formats.pdf.tables import Table, joined, names_columns

# In points: a path this thin is a rule; ends this near to each other meet.
_THIN = 3.0
_NEAR = 3.0
# Drawings have many paths.
MOST_OBJECTS = 4_000
_MOST_RULES = 1_000


@dataclass(frozen=True, slots=True)
class Rule:
    """A line along one axis: its place on the other, and where it begins and ends."""

    at: float
    first: float
    last: float

    def turned(self, *, place: bool = True, ends: bool = True) -> Rule:
        """The rule on the other side of its axes' origin."""
        first, last = (-self.last, -self.first) if ends else (self.first, self.last)
        return Rule(-self.at if place else self.at, first, last)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a page, across and down."""

    across: list[Rule]
    down: list[Rule]

    def __bool__(self) -> bool:
        return len(self.across) >= 2 and len(self.down) >= 2

    def upright(self, angle: int) -> Rules:
        """The rules in the frame in which text that is turned by `angle` degrees stands upright."""
        if angle == 0:
            return self
        if angle == 180:
            return Rules([rule.turned() for rule in self.across], [rule.turned() for rule in self.down])
        if angle == 90:
            across = [rule.turned(ends=False) for rule in self.down]
            return Rules(across, [rule.turned(place=False) for rule in self.across])
        if angle == 270:
            across = [rule.turned(place=False) for rule in self.down]
            return Rules(across, [rule.turned(ends=False) for rule in self.across])
        return Rules([], [])


def read_rules(page: Any) -> Rules:
    """The rules on a PDFium page: thin paths, and the edges of rectangles."""
    from pypdfium2 import raw

    across: list[Rule] = []
    down: list[Rule] = []
    count = raw.FPDFPage_CountObjects(page.raw)
    if count > MOST_OBJECTS:
        return Rules([], [])
    edges = [ctypes.c_float() for _ in range(4)]
    for number in range(count):
        drawn = raw.FPDFPage_GetObject(page.raw, number)
        if raw.FPDFPageObj_GetType(drawn) != raw.FPDF_PAGEOBJ_PATH:
            continue
        if not raw.FPDFPageObj_GetBounds(drawn, *(ctypes.byref(edge) for edge in edges)):
            continue
        left, bottom, right, top = (edge.value for edge in edges)
        segments = raw.FPDFPath_CountSegments(drawn)
        if right - left <= _THIN or top - bottom <= _THIN:
            _add_box((left, bottom, right, top), across, down)
        elif segments > 5:
            _add_segments(drawn, min(segments, _MOST_RULES), across, down)
        elif segments >= 4:
            for box in (
                (left, bottom, right, bottom),
                (left, top, right, top),
                (left, bottom, left, top),
                (right, bottom, right, top),
            ):
                _add_box(box, across, down)
        if len(across) + len(down) > _MOST_RULES:
            return Rules([], [])
    return Rules(across, down)


def _add_box(box: Box, across: list[Rule], down: list[Rule]) -> None:
    left, bottom, right, top = box
    if right - left > max(8.0, top - bottom):
        across.append(Rule((bottom + top) / 2, left, right))
    elif top - bottom > 6.0 and right - left <= _THIN:
        down.append(Rule((left + right) / 2, bottom, top))


def _add_segments(path: Any, count: int, across: list[Rule], down: list[Rule]) -> None:
    """The straight segments of a path of many; in the coordinates of a path that is not transformed."""
    from pypdfium2 import raw

    matrix = raw.FS_MATRIX()
    if not raw.FPDFPageObj_GetMatrix(path, ctypes.byref(matrix)) or matrix.b or matrix.c:
        return
    x, y = ctypes.c_float(), ctypes.c_float()
    last: tuple[float, float] | None = None
    for number in range(count):
        segment = raw.FPDFPath_GetPathSegment(path, number)
        if not raw.FPDFPathSegment_GetPoint(segment, ctypes.byref(x), ctypes.byref(y)):
            return
        point = (matrix.a * x.value + matrix.e, matrix.d * y.value + matrix.f)
        if last is not None and raw.FPDFPathSegment_GetType(segment) == raw.FPDF_SEGMENT_LINETO:
            (x0, x1), (y0, y1) = sorted((last[0], point[0])), sorted((last[1], point[1]))
            _add_box((x0, y0, x1, y1), across, down)
        last = point


def ruled_tables(runs: list[Run], rules: Rules) -> tuple[list[Run], list[tuple[Run, Table]]]:
    """The runs outside of tables, and each table with a run that stands at its place."""
    tables: list[tuple[Run, Table]] = []
    for across, down in _grids(rules):
        rows = _places(rule.at for rule in across)
        columns = _places(rule.at for rule in down)
        if len(rows) < 3 or len(columns) < 3:
            continue
        left, right, bottom, top = columns[0], columns[-1], rows[0], rows[-1]
        inside = [run for run in runs if _is_within(run, left, right, bottom, top)]
        table = _table(inside, rows, columns, across, down)
        if table is None:
            continue
        gone = {id(run) for run in inside}
        runs = [run for run in runs if id(run) not in gone]
        place = max(inside, key=lambda run: len(run.glyphs))
        tables.append((Run(place.glyphs, left, right, bottom, top), table))
    return runs, tables


def _grids(rules: Rules) -> list[tuple[list[Rule], list[Rule]]]:
    """The rules that meet each other, group by group."""
    groups: list[tuple[list[Rule], list[Rule]]] = []
    waiting_across, waiting_down = list(rules.across), list(rules.down)
    while waiting_across and waiting_down:
        across, down = [waiting_across.pop()], list[Rule]()
        grown = True
        while grown:
            new_down = [rule for rule in waiting_down if any(_meet(other, rule) for other in across)]
            waiting_down = [rule for rule in waiting_down if rule not in new_down]
            down += new_down
            new_across = [rule for rule in waiting_across if any(_meet(rule, other) for other in down)]
            waiting_across = [rule for rule in waiting_across if rule not in new_across]
            across += new_across
            grown = bool(new_down or new_across)
        groups.append((across, down))
    return groups


def _meet(across: Rule, down: Rule) -> bool:
    return (
        across.first - _NEAR <= down.at <= across.last + _NEAR and down.first - _NEAR <= across.at <= down.last + _NEAR
    )


def _places(values: Iterable[float]) -> list[float]:
    """Places in order, those near each other as one."""
    places: list[float] = []
    for value in sorted(values):
        if not places or value - places[-1] > _NEAR:
            places.append(value)
    return places


def _is_within(run: Run, left: float, right: float, bottom: float, top: float) -> bool:
    middle = (run.left + run.right) / 2
    return left - 1 <= middle <= right + 1 and bottom - 1 <= run.middle <= top + 1


def _table(
    runs: Sequence[Run], rows: list[float], columns: list[float], across: Sequence[Rule], down: Sequence[Rule]
) -> Table | None:
    height, width = len(rows) - 1, len(columns) - 1
    cells: list[list[list[Word]]] = [[[] for _ in range(width)] for _ in range(height)]
    for line in lines_of(runs):
        for word in (word for run in line.in_order() for word in run.words()):
            glyph = word.glyphs[0]
            row = height - bisect_right(rows, (glyph.bottom + glyph.top) / 2)
            column = bisect_right(columns, (word.left + word.right) / 2) - 1
            cells[min(max(row, 0), height - 1)][min(max(column, 0), width - 1)].append(word)
    for number, row_cells in enumerate(cells):
        level = (rows[height - number] + rows[height - number - 1]) / 2
        row_cells[:] = _merged_across(row_cells, [_is_ruled(down, at, level) for at in columns[1:-1]])
    _merge_down(cells, rows, columns, across)
    filled = [_once_if_whole(row) for row in cells if any(row)]
    full = sum(sum(bool(cell) for cell in row) >= 2 for row in filled)
    if len(filled) < 2 or full < 0.5 * len(filled):
        return None
    if len(filled) > 2 and _is_over_columns(filled[0]):
        # A head of two rows: what stands over several columns belongs to the name of each.
        filled[:2] = [[a if a is b else [*a, *b] for a, b in zip(filled[0], filled[1], strict=True)]]
    texts = [[joined(cell) for cell in row] for row in filled]
    notes = [note for run in runs for note in run.notes]
    return Table(texts, names_columns(texts), tuple(columns[:-1]), rows[-1], rows[0], notes)


def _once_if_whole(row: list[list[Word]]) -> list[list[Word]]:
    """A row whose one cell reaches over all columns has it once."""
    return [row[0], *([] for _ in row[1:])] if all(cell is row[0] for cell in row) else row


def _is_over_columns(row: Sequence[list[Word]]) -> bool:
    return any(before and before is after for before, after in pairwise(row))


def _is_ruled(rules: Sequence[Rule], at: float, level: float) -> bool:
    return any(abs(rule.at - at) <= _NEAR and rule.first - _NEAR <= level <= rule.last + _NEAR for rule in rules)


def _merged_across(cells: list[list[Word]], borders: Sequence[bool]) -> list[list[Word]]:
    """The cells of a row, where those without a border between them are one that covers several columns."""
    merged: list[list[Word]] = []
    first = 0
    for number in range(len(cells)):
        if number == len(cells) - 1 or borders[number]:
            words = [word for cell in cells[first : number + 1] for word in cell]
            merged += [words] * (number + 1 - first)
            first = number + 1
    return merged


def _merge_down(
    cells: list[list[list[Word]]], rows: Sequence[float], columns: Sequence[float], across: Sequence[Rule]
) -> None:
    """A cell that reaches over several rows stands in each of them."""
    height = len(cells)
    for column in range(len(columns) - 1):
        level = (columns[column] + columns[column + 1]) / 2
        first = 0
        for number in range(height):
            if number == height - 1 or _is_ruled(across, rows[height - number - 1], level):
                if number > first:
                    words = [word for row in cells[first : number + 1] for word in row[column]]
                    for row in cells[first : number + 1]:
                        row[column] = words
                first = number + 1
