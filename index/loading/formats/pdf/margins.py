"""What stands beside the text of a page: numbers of lines, watermarks, the heads and feet that run through pages."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from statistics import median

from index.loading.formats.pdf.glyphs import SPACE, Glyph
from index.loading.formats.pdf.runs import RUN_GAP, Line, Run, lines_of

_LEAST_LINE_NUMBERS = 5
# Numbers that stand at every fifth line may be fewer: so many lines are between them.
_LEAST_COUNTED = 2
# Watermarks are larger than the text by at least this factor, and stand on lines of it.
_WATERMARK = 2.2
_STEPS = (1, 2, 5, 10)


def without_line_numbers(runs: list[Run]) -> tuple[list[Run], list[Run]]:
    """The runs of a page without the numbers of its lines, and these."""
    candidates = [(run, _leading_number(run)) for run in runs]
    numbered = [(run, number) for run, number in candidates if number is not None]
    if len(numbered) < _LEAST_COUNTED:
        return runs, []
    whole = [(run, number.value) for run, number in numbered if number.is_whole]
    column = max((_number_column(whole, edge) for edge in ("left", "right")), key=len)
    if column and _is_beside_lines(column, runs):
        gone = {id(run) for run in column}
        return [run for run in runs if id(run) not in gone], column
    # Numbers so near to their lines that they stand in one run with them.
    joined = [(run, number.value) for run, number in numbered if not number.is_whole]
    column = _number_column(joined, "left")
    if column and _go_on([run.text.partition(" ")[2] for run in column]):
        return runs, [_cut_first_word(run) for run in column]
    return runs, []


@dataclass(frozen=True, slots=True)
class _Number:
    """The number that a run begins with, and whether it is all of the run."""

    value: int
    is_whole: bool


def _leading_number(run: Run) -> _Number | None:
    head = "".join([glyph.char for glyph in run.glyphs[:5]])
    match = re.match(r"\d{1,4}(?= |$)", head)
    if match is None or not match.group().isascii():
        return None
    return _Number(int(match.group()), len(match.group()) == len(run.glyphs))


def _number_column(numbered: Sequence[tuple[Run, int]], edge: str) -> list[Run]:
    """Runs below each other that count up: the most that have one edge in common."""
    by_edge: dict[int, list[tuple[Run, int]]] = {}
    for run, number in numbered:
        by_edge.setdefault(round(getattr(run, edge) / 3), []).append((run, number))
    best: list[Run] = []
    for place, here in by_edge.items():
        # Numbers are aligned on the left or on the right; a border between two places may run through them.
        column = sorted(here + by_edge.get(place + 1, []), key=lambda entry: -entry[0].middle)
        values = [value for _, value in column]
        counted = all(value % 5 == 0 for value in values)
        if len(values) < max(_LEAST_COUNTED if counted else _LEAST_LINE_NUMBERS, len(best) + 1):
            continue
        steps = [after - before for before, after in pairwise(values)]
        usual = max(set(steps), key=steps.count)
        if usual in _STEPS and steps.count(usual) >= 0.8 * len(steps):
            best = [run for run, _ in column]
    return best


def _is_beside_lines(column: list[Run], runs: Sequence[Run]) -> bool:
    """Whether there are lines of text, and not cells of a table, beside the numbers, all on one side of them."""
    left, right = min(run.left for run in column), max(run.right for run in column)
    ids = {id(run) for run in column}
    others = [run for run in runs if id(run) not in ids]
    top, bottom = max(run.top for run in column), min(run.bottom for run in column)
    beside = [run for run in others if run.bottom < top and run.top > bottom]
    inside = [run for run in beside if run.left < right and run.right > left]
    if len(beside) < len(column) / 2 or len(inside) > 0.1 * len(beside):
        return False
    before = [run for run in beside if run.right <= left]
    after = [run for run in beside if run.left >= right]
    side = max(before, after, key=len)
    if len(side) < 0.9 * (len(before) + len(after)):
        return False
    # One text to a line. The cells of tables are several.
    lines = lines_of(side)
    if len(column) < _LEAST_LINE_NUMBERS and not _is_every_fifth(column, lines):
        return False
    if sum(len(line.runs) == 1 for line in lines) < 0.8 * len(lines):
        return False
    return _go_on([line.text() for line in lines])


def _is_every_fifth(column: Sequence[Run], lines: Sequence[Line]) -> bool:
    """Whether the numbers stand at lines, of which each is the fifth after the one before."""
    places = [
        next((number for number, line in enumerate(lines) if line.bottom < run.middle < line.top), -1) for run in column
    ]
    return places[0] >= 0 and all(after - before == 5 for before, after in pairwise(places))


def _go_on(texts: Sequence[str]) -> bool:
    """Whether texts below each other are the lines of sentences, not the entries of a list."""
    if not texts or median(len(text) for text in texts) < 18:
        return False
    going = sum(
        text[:1].islower() or not before.rstrip().endswith((".", "?", "!", ":", ";"))
        for before, text in pairwise(texts)
    )
    lower = sum(text[:1].islower() for text in texts)
    return lower >= 0.12 * len(texts) and going >= 0.2 * len(texts)


def _cut_first_word(run: Run) -> Run:
    stop = run.glyphs.index(SPACE)
    word = run.glyphs[:stop]
    run.glyphs = run.glyphs[stop + 1 :]
    run.left = min(glyph.left for glyph in run.glyphs if glyph is not SPACE)
    return Run(word, word[0].left, word[-1].right, run.bottom, run.top)


def without_watermarks(runs: list[Run], usual_height: float) -> tuple[list[Run], list[Run]]:
    """The runs of a page without the large words that lie across its lines, and these."""
    large = [run for run in runs if run.height > _WATERMARK * usual_height]
    if not large or len(large) > 20:
        return runs, []
    over: list[Run] = []
    for mark in large:
        crossed = sum(
            run.height < mark.height / 1.5
            and run.left < mark.right
            and mark.left < run.right
            and min(run.top, mark.top) - max(run.bottom, mark.bottom) > 0.5 * run.height
            for run in runs
        )
        if crossed >= 2 or (crossed and mark.height > 2 * _WATERMARK * usual_height):
            over.append(mark)
    gone = {id(run) for run in over}
    return [run for run in runs if id(run) not in gone], over


@dataclass(frozen=True, slots=True)
class _Edge:
    """One of the outermost lines of a page: where it is, and its characters with each number as one sign."""

    pattern: str
    low: float
    high: float
    left: float
    upper: bool

    def repeats(self, other: _Edge) -> bool:
        return (
            self.pattern == other.pattern
            and self.upper == other.upper
            and abs(self.high - other.high) < 2
            and (abs(self.left - other.left) < 2 or self.pattern == "#")
        )


class RunningLines:
    """The heads and feet of a document: outermost lines that stand at one place of pages near each other.

    Pages are added in order; each is judged by up to two before and two after it.
    """

    def __init__(self) -> None:
        self._edges: dict[int, list[_Edge]] = {}

    def add(self, number: int, glyphs: Sequence[Glyph]) -> None:
        """Remember the outermost lines of a page."""
        self._edges[number] = _edges(glyphs)
        self._edges.pop(number - 6, None)

    def split(self, number: int, glyphs: list[Glyph]) -> tuple[list[Glyph], list[Glyph], list[Glyph]]:
        """The glyphs of a page without its heads and feet, those of the heads, and those of the feet."""
        others = [edge for near in (-2, -1, 1, 2) for edge in self._edges.get(number + near, [])]
        running = [edge for edge in self._edges.get(number, []) if any(edge.repeats(other) for other in others)]
        heads = [edge for edge in running if edge.upper]
        feet = [edge for edge in running if not edge.upper]
        if not running:
            return glyphs, [], []
        high = min((edge.low for edge in heads), default=math.inf)
        low = max((edge.high for edge in feet), default=-math.inf)
        parts: tuple[list[Glyph], list[Glyph], list[Glyph]] = ([], [], [])
        part = parts[0]
        for glyph in glyphs:
            # A space that was not drawn belongs to what is before it.
            if glyph is not SPACE:
                middle = (glyph[3] + glyph[4]) / 2
                part = parts[1 if middle > high else 2 if middle < low else 0]
            part.append(glyph)
        # Pages that are all alike have no text but this.
        return parts if any(not glyph.char.isspace() for glyph in parts[0]) else (glyphs, [], [])


_EDGE_LINES = 2
# In points: further inside the page no head or foot begins.
_EDGE_DEPTH = 70.0


def _edges(glyphs: Sequence[Glyph]) -> list[_Edge]:
    """The two uppermost and the two lowest lines of a page."""
    drawn = [glyph for glyph in glyphs if glyph[0] > " "]
    if not drawn:
        return []
    bottoms = {glyph[3] for glyph in drawn}
    highest, lowest = max(bottoms), min(bottoms)
    edges: list[_Edge] = []
    for upper, near in (
        (True, [glyph for glyph in drawn if glyph[3] > highest - _EDGE_DEPTH]),
        (False, [glyph for glyph in drawn if glyph[3] < lowest + _EDGE_DEPTH]),
    ):
        lines: list[list[Glyph]] = []
        rest = near
        while rest and len(lines) <= _EDGE_LINES:
            outermost = (max if upper else min)(rest, key=lambda glyph: glyph.bottom)
            level = (outermost.bottom + outermost.top) / 2
            lines.append([glyph for glyph in rest if glyph.bottom < level < glyph.top])
            rest = [glyph for glyph in rest if not glyph.bottom < level < glyph.top]
        for line, inner in zip_longest(lines[:_EDGE_LINES], lines[1 : _EDGE_LINES + 1]):
            if line and not (inner and _is_head_of_table(line, inner)):
                edges.append(_edge(line, upper))
    return edges


def _edge(line: list[Glyph], upper: bool) -> _Edge:
    text = re.sub(r"\d+", "#", "".join(glyph.char for glyph in line))
    high = max(glyph.top for glyph in line)
    return _Edge(text, min(glyph.bottom for glyph in line), high, min(glyph.left for glyph in line), upper)


def _is_head_of_table(line: list[Glyph], inner: list[Glyph]) -> bool:
    """Whether a line and the one further inside are rows of a table: near each other, and both of several cells."""
    height = max(glyph.top - glyph.bottom for glyph in line)
    near = abs(line[0].bottom - inner[0].bottom) < 2.2 * height
    return near and all(_gaps(glyphs, RUN_GAP * height) >= 2 for glyphs in (line, inner))


def _gaps(line: list[Glyph], least: float) -> int:
    ordered = sorted(line, key=lambda glyph: glyph.left)
    return sum(after.left - before.right > least for before, after in pairwise(ordered))
