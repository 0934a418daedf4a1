"""From the characters of a page to its text in reading order: lines, columns, paragraphs."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import NamedTuple


class Glyph(NamedTuple):
    """A character and its box in points, from the lower left corner of the page. A space that was not drawn, but put in
    between words, has no box."""

    char: str
    left: float
    right: float
    bottom: float
    top: float


@dataclass(slots=True)
class _Run:
    """Characters on one line without a gap wide enough to part columns."""

    characters: list[str]
    left: float
    right: float
    bottom: float
    top: float

    @property
    def text(self) -> str:
        return "".join(self.characters)

    @property
    def height(self) -> float:
        return self.top - self.bottom

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2


class _Line:
    """Runs beside each other, with the box around them and the height of the highest."""

    def __init__(self, run: _Run) -> None:
        self.runs = [run]
        self.left, self.right, self.bottom, self.top = run.left, run.right, run.bottom, run.top
        self.height = run.height

    def add(self, run: _Run) -> None:
        self.runs.append(run)
        self.left, self.right = min(self.left, run.left), max(self.right, run.right)
        self.bottom, self.top = min(self.bottom, run.bottom), max(self.top, run.top)
        self.height = max(self.height, run.height)

    def text(self) -> str:
        runs = sorted(self.runs, key=lambda run: run.left)
        if _is_right_to_left("".join(run.text for run in runs)):
            runs.reverse()
        return "\t".join(run.text for run in runs)


# In heights of a line. A gap that wide ends a run; white space of justified lines rarely reaches it.
_RUN_GAP = 1.1
_SPACE_GAP = 0.25
# Lines further apart than usual by this factor belong to two paragraphs.
_PARAGRAPH_GAP = 1.3
_LEAST_COLUMN_LINES = 4
# Of a page of a thousand points; a page may also be made to have one for each of its characters.
_MOST_EDGES = 1_000
# Median characters of a run in a column of text; cells of tables are shorter.
_LEAST_COLUMN_WIDTH = 18
_MARKER = re.compile(r"(?:[•◦▪‣·*–—-]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s")


def page_text(glyphs: Sequence[Glyph]) -> str:
    """The text of a page: columns one after the other, lines as they are set, paragraphs a blank line apart.

    Cells that stand side by side, too short to be columns of text, are a tab apart.
    """
    return "\n\n".join(_column_text(runs) for runs in _in_order(_runs(glyphs)) if runs)


def _runs(glyphs: Sequence[Glyph]) -> list[_Run]:
    runs: list[_Run] = []
    run: _Run | None = None
    space = False
    for glyph in glyphs:
        if glyph.char.isspace():
            space = True
            continue
        height = glyph.top - glyph.bottom
        if height <= 0 and glyph.right <= glyph.left:
            continue
        if run is not None and _continues(run, glyph, height):
            gap = max(glyph.left - run.right, run.left - glyph.right)
            combining = unicodedata.combining(glyph.char) != 0
            if (space or gap > _SPACE_GAP * height) and not combining:
                run.characters.append(" ")
            run.characters.append(glyph.char)
            run.left, run.right = min(run.left, glyph.left), max(run.right, glyph.right)
            # A raised or lowered character (a footnote's number) does not move the line.
            if height >= 0.9 * run.height:
                run.bottom, run.top = min(run.bottom, glyph.bottom), max(run.top, glyph.top)
        else:
            run = _Run([glyph.char], glyph.left, glyph.right, glyph.bottom, glyph.top)
            runs.append(run)
        space = False
    return runs


def _continues(run: _Run, glyph: Glyph, height: float) -> bool:
    overlap = min(run.top, glyph.top) - max(run.bottom, glyph.bottom)
    if overlap < 0.4 * min(run.height, height):
        return False
    reach = _RUN_GAP * max(run.height, height)
    return glyph.left - run.right < reach and run.left - glyph.right < reach


def _in_order(runs: list[_Run]) -> list[list[_Run]]:
    """Runs of each column, in the order in which they are read."""
    gutter = _gutter(runs)
    if gutter is None:
        return [runs]
    left_edge, right_edge = gutter
    ordered: list[list[_Run]] = []
    left: list[_Run] = []
    right: list[_Run] = []
    across: list[_Run] = []

    def close() -> None:
        # What stands across the page ends the columns above it.
        for side in (left, right):
            ordered.extend(_in_order(list(side)) if side else [])
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


def _gutter(runs: list[_Run]) -> tuple[float, float] | None:
    """The white strip `(left, right)` between two columns of text; None where the text is of one column."""
    if len(runs) < 2 * _LEAST_COLUMN_LINES:
        return None
    height = median(run.height for run in runs)
    first, last = min(run.left for run in runs), max(run.right for run in runs)
    width = last - first
    if width <= 0:
        return None
    best: tuple[int, float, float] | None = None
    # Where a column may begin is where several lines do.
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
        # The left column ends where most of its lines do: one that runs over is set across both.
        end = max(run.right for run in left)
        if edge - end < 0.4 * height:
            continue
        if best is None or crossing < best[0]:
            best = (crossing, edge - 1, edge)
    return None if best is None else (best[1], best[2])


def _are_columns(left: list[_Run], right: list[_Run], height: float) -> bool:
    """Whether both sides are text that stands side by side, and not the cells of a table.

    Lines of text are long; where one side is a list of short ones, both sides are full and keep no common rows.
    """
    beside = min(max(run.top for run in left), max(run.top for run in right)) - max(
        min(run.bottom for run in left), min(run.bottom for run in right)
    )
    if beside <= 0:
        return False
    shorter = min(median(len(run.characters) for run in side) for side in (left, right))
    if shorter >= _LEAST_COLUMN_WIDTH:
        return True
    rows = sorted(run.bottom for run in right)
    common = sum(_nearest(rows, run.bottom) < 0.1 * height for run in left)
    return common < 0.5 * len(left) and all(_is_full(side, height) for side in (left, right))


def _nearest(rows: list[float], bottom: float) -> float:
    """How far the nearest of the rows is, given in order."""
    at = bisect_left(rows, bottom)
    return min(abs(bottom - row) for row in rows[max(0, at - 1) : at + 1])


def _is_full(runs: list[_Run], height: float) -> bool:
    """Whether lines follow each other without gaps, as in a column of text."""
    extent = max(run.top for run in runs) - min(run.bottom for run in runs)
    return len(_lines(runs)) * 1.6 * height > 0.75 * extent


def _column_text(runs: list[_Run]) -> str:
    lines = _lines(runs)
    if not lines:
        return ""
    pitches = [above.bottom - below.bottom for above, below in pairwise(lines)]
    usual = median([pitch for pitch in pitches if pitch > 0] or [0.0])
    left, right = min(line.left for line in lines), max(line.right for line in lines)
    pieces = [lines[0].text()]
    for above, below in pairwise(lines):
        pieces += ["\n\n" if _is_break(above, below, usual, left, right) else "\n", below.text()]
    return "".join(pieces)


def _lines(runs: list[_Run]) -> list[_Line]:
    lines: list[_Line] = []
    for run in sorted(runs, key=lambda run: (-run.middle, run.left)):
        last = lines[-1] if lines else None
        if last is not None and min(last.top, run.top) - max(last.bottom, run.bottom) > 0.5 * min(
            last.height, run.height
        ):
            last.add(run)
        else:
            lines.append(_Line(run))
    return lines


def _is_break(above: _Line, below: _Line, usual: float, left: float, right: float) -> bool:
    pitch = above.bottom - below.bottom
    if pitch > _PARAGRAPH_GAP * usual and pitch > 1.15 * below.height:
        return True
    if abs(above.height - below.height) > 0.12 * max(above.height, below.height):
        return True
    # Rows of a table are no lines of a paragraph.
    if len(above.runs) > 1 or len(below.runs) > 1:
        return len(above.runs) != len(below.runs)
    first = below.text()
    if _MARKER.match(first):
        return True
    word = first.split(" ", 1)[0]
    of_one = (below.right - below.left) / max(1, len(first))
    # The line above had room for the first word below, and yet ends: so does the paragraph.
    return above.right + (len(word) + 2) * of_one < right - 0.02 * (right - left) and not above.text().endswith("-")


def _is_right_to_left(text: str) -> bool:
    directions = [unicodedata.bidirectional(char) for char in text]
    return sum(d in ("R", "AL") for d in directions) > sum(d == "L" for d in directions)
