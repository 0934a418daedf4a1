"""The columns of a page, in reading order."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from statistics import median

from index.loading.formats.pdf.runs import Run, lines_of

_LEAST_COLUMN_LINES = 4
# A page is about a thousand points wide; one can be crafted to have an edge for every character.
_MOST_EDGES = 1_000
# The minimum median length of runs in a column of text, in characters; table cells are shorter.
_LEAST_COLUMN_WIDTH = 18


def in_order(runs: list[Run]) -> list[list[Run]]:
    """The runs of each column, in reading order."""
    gutter = _gutter(runs)
    if gutter is None:
        return [runs]
    left_edge, right_edge = gutter
    ordered: list[list[Run]] = []
    left: list[Run] = []
    right: list[Run] = []
    across: list[Run] = []

    def close() -> None:
        # A line across the whole page ends the columns above it.
        for side in (left, right):
            ordered.extend(in_order(list(side)) if side else [])
            side.clear()

    bands = sorted(runs, key=lambda run: -run.top)
    for run in bands:
        if run.right <= right_edge and run.left < left_edge:
            kind = left
        elif run.left >= left_edge:
            kind = right
        else:
            kind = across
        if kind is across:
            if left or right:
                close()
        elif across:
            ordered.append(list(across))
            across.clear()
        kind.append(run)
    close()
    if across:
        ordered.append(list(across))
    return ordered


def _gutter(runs: list[Run]) -> tuple[float, float] | None:
    """The white strip `(left, right)` between two columns of text; None if there is only one column."""
    if len(runs) < 2 * _LEAST_COLUMN_LINES:
        return None
    height = median(run.height for run in runs)
    first, last = min(run.left for run in runs), max(run.right for run in runs)
    width = last - first
    if width <= 0:
        return None
    best: tuple[int, float, float] | None = None
    # A column can only begin where several lines do.
    edges = Counter(round(run.left, 0) for run in runs).most_common(_MOST_EDGES)
    for edge in sorted(edge for edge, _ in edges):
        if not first + 0.2 * width < edge < last - 0.15 * width:
            continue
        right = [run for run in runs if run.left >= edge - 1]
        left = [run for run in runs if run.right <= edge]
        crossing = len(runs) - len(right) - len(left)
        if len(left) < _LEAST_COLUMN_LINES or len(right) < _LEAST_COLUMN_LINES:
            continue
        if not _are_columns(left, right, height):
            continue
        begins = sum(abs(run.left - edge) < 2 for run in runs)
        if crossing > 0.34 * len(runs) or begins < _LEAST_COLUMN_LINES / 2:
            continue
        # The left column ends where most of its lines do; a longer line spans both columns.
        end = max(run.right for run in left)
        if edge - end < 0.4 * height:
            continue
        if best is None or crossing < best[0]:
            best = (crossing, edge - 1, edge)
    return None if best is None else (best[1], best[2])


def _are_columns(left: list[Run], right: list[Run], height: float) -> bool:
    """Whether both sides are text that stands side by side, and not the cells of a table.

    Lines of text are long; where one side is a list of short ones, both sides are full and keep no common rows.
    """
    beside = min(max(run.top for run in left), max(run.top for run in right)) - max(
        min(run.bottom for run in left), min(run.bottom for run in right)
    )
    if beside <= 0:
        return False
    shorter = min(median(len(run.glyphs) for run in side) for side in (left, right))
    if shorter >= _LEAST_COLUMN_WIDTH:
        return True
    rows = sorted(run.bottom for run in right)
    common = sum(_nearest(rows, run.bottom) < 0.1 * height for run in left)
    return common < 0.5 * len(left) and all(_is_full(side, height) for side in (left, right))


def _nearest(rows: list[float], bottom: float) -> float:
    """How far the nearest of the rows is, given in order."""
    at = bisect_left(rows, bottom)
    return min(abs(bottom - row) for row in rows[max(0, at - 1) : at + 1])


def _is_full(runs: list[Run], height: float) -> bool:
    """Whether the lines follow each other without gaps, as in a column of text."""
    extent = max(run.top for run in runs) - min(run.bottom for run in runs)
    return len(lines_of(runs)) * 1.6 * height > 0.75 * extent
