"""Assembling the characters of a page into text in reading order: lines, columns, paragraphs, tables, side matter."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from index.loading.formats.pdf.columns import in_order
from index.loading.formats.pdf.glyphs import NEWLINE, TAB, Glyph
from index.loading.formats.pdf.margins import without_line_numbers, without_watermarks
from index.loading.formats.pdf.marks import note_numbers, set_marks_apart
from index.loading.formats.pdf.rules import Rules, ruled_tables
from index.loading.formats.pdf.runs import Line, Run, lines_of, runs_of
from index.loading.formats.pdf.tables import Table, split_tables

# Lines that are farther apart than usual by this factor are in different paragraphs; so are those that are this many
# line heights apart.
_PARAGRAPH_GAP = 1.3
_FAR_APART = 2.6
_SENTENCE_ENDS = (".", "!", "?", ":", ";", "…", "”", '"', ")")
_MARKER = re.compile(r"(?:[•◦▪‣·*–—-]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s")


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row in the text of a page; `number` counts from 1 in each table, `columns` are its columns' left edges."""

    start: int
    end: int
    number: int
    header: bool
    columns: tuple[float, ...]


@dataclass(slots=True)
class PageText:
    """The text of a page as glyphs, those between words without a box, with its table rows.

    Its body is `[body_start, body_end)`, without heads, feet and what stands across.
    """

    glyphs: list[Glyph] = field(default_factory=list)
    rows: list[TableRow] = field(default_factory=list)
    body_start: int = 0
    body_end: int = 0

    @property
    def text(self) -> str:
        return "".join([glyph.char for glyph in self.glyphs])

    def begin_paragraph(self) -> None:
        if self.glyphs:
            self.glyphs += (NEWLINE, NEWLINE)


def page_text(glyphs: Sequence[Glyph]) -> str:
    """The text of a page: column by column, with lines as they are set and a blank line between paragraphs.

    Cells side by side that are too short to be columns of text are separated by tabs.
    """
    return lay_out(glyphs).text


def lay_out(
    glyphs: Sequence[Glyph],
    *,
    heads: Sequence[Glyph] = (),
    feet: Sequence[Glyph] = (),
    turned: Iterable[Sequence[Glyph]] = (),
    rules: Rules | None = None,
) -> PageText:
    """The text of a page: its head, the columns of its body, its foot, and what stands across or is turned.

    Numbers of lines are left out.
    """
    page = PageText()
    if heads:
        _add_plain(page, runs_of(heads))
    runs = runs_of(glyphs)
    runs, _ = without_line_numbers(runs)
    runs, across = without_watermarks(runs, _usual(runs, "height"))
    if any(run.mixed for run in runs):
        notes = note_numbers(runs, _usual(runs, "size"))
        for run in runs:
            set_marks_apart(run, notes)
    tables: list[tuple[Run, Table]] = []
    if rules:
        runs, tables = ruled_tables(runs, rules)
    by_id = {id(run): table for run, table in tables}
    page.body_start = len(page.glyphs) + 2 if page.glyphs else 0
    for column in in_order([*runs, *(run for run, _ in tables)]):
        text = [run for run in column if id(run) not in by_id]
        _add_column(page, text, [by_id[id(run)] for run in column if id(run) in by_id])
    page.body_end = len(page.glyphs)
    for extra in (runs_of(feet), across, *(runs_of(group) for group in turned)):
        _add_plain(page, extra)
    return page


def _usual(runs: Iterable[Run], name: str) -> float:
    """The height or size that most characters have."""
    counts: Counter[float] = Counter()
    for run in runs:
        counts[round(getattr(run, name), 1)] += len(run.glyphs)
    return counts.most_common(1)[0][0] if counts else 0.0


def _add_plain(page: PageText, runs: Sequence[Run]) -> None:
    """Add runs as a paragraph, line by line."""
    if not runs:
        return
    page.begin_paragraph()
    for number, line in enumerate(lines_of(runs)):
        if number:
            page.glyphs.append(NEWLINE)
        page.glyphs += line.glyphs()


def _add_column(page: PageText, runs: list[Run], tables: list[Table]) -> None:
    """Add the lines of a column, from top to bottom, with the tables that stand between them."""
    for table in sorted(tables, key=lambda table: -table.top):
        above = [run for run in runs if run.middle > table.top]
        runs = [run for run in runs if run.middle <= table.top]
        _add_lines(page, lines_of(above))
        _add_table(page, table)
    _add_lines(page, lines_of(runs))


def _add_lines(page: PageText, lines: Sequence[Line]) -> None:
    plain: list[Line] = []
    for part in split_tables(lines):
        if isinstance(part, Table):
            _add_paragraphs(page, plain)
            plain = []
            _add_table(page, part)
        else:
            plain.append(part)
    _add_paragraphs(page, plain)


def _add_table(page: PageText, table: Table) -> None:
    page.begin_paragraph()
    first = True
    for number, cells in enumerate(table.rows, start=1):
        if not any(cells):
            continue
        if not first:
            page.glyphs.append(NEWLINE)
        start = len(page.glyphs)
        for place, cell in enumerate(cells):
            if place:
                page.glyphs.append(TAB)
            page.glyphs += cell
        page.rows.append(TableRow(start, len(page.glyphs), number, table.header and first, table.columns))
        first = False
    if table.notes:
        page.begin_paragraph()
        page.glyphs += table.notes[1:]


def _add_paragraphs(page: PageText, lines: Sequence[Line]) -> None:
    for paragraph in _paragraphs(lines):
        page.begin_paragraph()
        notes: list[Glyph] = []
        for number, line in enumerate(paragraph):
            if number:
                page.glyphs.append(NEWLINE)
            page.glyphs += line.glyphs()
            notes += line.notes()
        page.glyphs += notes


def _paragraphs(lines: Sequence[Line]) -> list[list[Line]]:
    blocks: list[list[Line]] = []
    usual = _usual_pitches(lines)
    for line in lines:
        if blocks and not _is_apart(blocks[-1][-1], line, usual):
            blocks[-1].append(line)
        else:
            blocks.append([line])
    paragraphs: list[list[Line]] = []
    for block in blocks:
        left, right = min(line.left for line in block), max(line.right for line in block)
        paragraphs.append(block[:1])
        for above, below in pairwise(block):
            if _ends_short(above, below, left, right):
                paragraphs.append([below])
            else:
                paragraphs[-1].append(below)
    return paragraphs


def _usual_pitches(lines: Sequence[Line]) -> dict[float, float]:
    """How far lines of each height usually are apart."""
    pitches: dict[float, list[float]] = {}
    for above, below in pairwise(lines):
        pitch = above.bottom - below.bottom
        if pitch > 0 and round(above.height) == round(below.height):
            pitches.setdefault(round(below.height), []).append(pitch)
    return {height: median(values) for height, values in pitches.items()}


def _is_apart(above: Line, below: Line, usual: dict[float, float]) -> bool:
    pitch = above.bottom - below.bottom
    if pitch > _FAR_APART * below.height:
        return True
    if pitch > _PARAGRAPH_GAP * usual.get(round(below.height), below.height) and pitch > 1.15 * below.height:
        return True
    if abs(above.height - below.height) > 0.12 * max(above.height, below.height):
        return True
    # Rows of cells are not lines of a paragraph.
    return (len(above.runs) > 1 or len(below.runs) > 1) and len(above.runs) != len(below.runs)


def _ends_short(above: Line, below: Line, left: float, right: float) -> bool:
    """Whether a paragraph ends with a line of a block from `left` to `right`, and the next line begins another."""
    if len(above.runs) > 1:
        return False
    first = below.text()
    if _MARKER.match(first):
        return True
    word = first.split(" ", 1)[0]
    of_one = (below.right - below.left) / max(1, len(first))
    last = above.text().rstrip()
    # The line above ends although the first word of this one would have fitted, so the paragraph ends there. Lines that
    # are not filled by a program are of many lengths: within a sentence they have to be much shorter.
    if last.endswith("-") or (first[:1].islower() and not last.endswith(_SENTENCE_ENDS)):
        return False
    room = right - above.right
    least = 0.02 * (right - left) if last.endswith(_SENTENCE_ENDS) else 0.25 * (right - left)
    return room > (len(word) + 2) * of_one and room > least
