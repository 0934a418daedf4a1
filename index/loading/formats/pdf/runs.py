"""From the glyphs of a page to runs: characters on one line without a gap wide enough to separate columns."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from index.loading.formats.pdf.glyphs import SPACE, TAB, Glyph

# In line heights. A gap this wide ends a run; the spaces of justified lines are rarely as wide.
RUN_GAP = 1.1
SPACE_GAP = 0.25
# Characters smaller than their line by this factor may be raised or lowered marks.
SMALL = 0.87
# Letters in a row with a gap after each: the least that are taken for one letter-spaced word.
_LEAST_SPACED = 4
# In line heights: the widest gap between such letters; that of words is wider yet.
_MOST_SPREAD = 3.5
_SPACED = re.compile(r"(?<!\w)\w(?: \w){3}(?!\w)")


@dataclass(slots=True)
class Run:
    """Characters on one line, without a gap wide enough to separate columns.

    `mixed` tells that not all of them have one size and one baseline; `notes` are marks of footnotes that stood on it.
    """

    glyphs: list[Glyph]
    left: float
    right: float
    bottom: float
    top: float
    mixed: bool = False
    notes: list[Glyph] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join([glyph.char for glyph in self.glyphs])

    @property
    def height(self) -> float:
        return self.top - self.bottom

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2

    @property
    def size(self) -> float:
        """The usual size of its characters."""
        if not self.mixed:
            return self.glyphs[0].size or self.height
        sizes = Counter(round(glyph.size, 1) for glyph in self.glyphs if glyph.size)
        return sizes.most_common(1)[0][0] if sizes else self.height

    def words(self) -> list[Word]:
        words: list[Word] = []
        glyphs: list[Glyph] = []
        for glyph in [*self.glyphs, SPACE]:
            if glyph is not SPACE:
                glyphs.append(glyph)
            elif glyphs:
                words.append(Word(glyphs, min(g.left for g in glyphs), max(g.right for g in glyphs)))
                glyphs = []
        return words


@dataclass(slots=True)
class Word:
    """Characters without a space between them."""

    glyphs: list[Glyph]
    left: float
    right: float

    @property
    def text(self) -> str:
        return "".join([glyph.char for glyph in self.glyphs])


class Line:
    """Runs side by side, with the box around them and the height of the tallest."""

    def __init__(self, run: Run) -> None:
        self.runs = [run]
        self.left, self.right, self.bottom, self.top = run.left, run.right, run.bottom, run.top
        self.height = run.height

    def add(self, run: Run) -> None:
        self.runs.append(run)
        self.left, self.right = min(self.left, run.left), max(self.right, run.right)
        self.bottom, self.top = min(self.bottom, run.bottom), max(self.top, run.top)
        self.height = max(self.height, run.height)

    def in_order(self) -> list[Run]:
        """Its runs as they are read."""
        runs = sorted(self.runs, key=lambda run: run.left)
        if len(runs) > 1 and is_right_to_left("".join(run.text for run in runs)):
            runs.reverse()
        return runs

    def glyphs(self) -> list[Glyph]:
        glyphs: list[Glyph] = []
        for run in self.in_order():
            if glyphs:
                glyphs.append(TAB)
            glyphs += run.glyphs
        return glyphs

    def text(self) -> str:
        return "\t".join(run.text for run in self.in_order())

    def notes(self) -> list[Glyph]:
        return [note for run in self.in_order() for note in run.notes]


def runs_of(glyphs: Sequence[Glyph]) -> list[Run]:
    """The runs of a page, as they were drawn; letter-spaced words are joined, marks that were drawn later put in."""
    runs: list[Run] = []
    space = False
    # The box of the run so far, and the size and baseline that it began with.
    run: Run | None = None
    members: list[Glyph] = []
    run_left = run_right = run_bottom = run_top = run_height = first_size = first_base = 0.0
    for glyph in glyphs:
        char, left, right, bottom, top, size, base, _ = glyph
        if char.isspace():
            space = True
            continue
        height = top - bottom
        if height <= 0 and right <= left:
            continue
        if run is not None:
            overlap = (run_top if run_top < top else top) - (run_bottom if run_bottom > bottom else bottom)
            small, large = (run_height, height) if run_height < height else (height, run_height)
            # A raised character may stand rather high.
            least = (0.3 if height < SMALL * run_height else 0.4) * small
            reach = RUN_GAP * large
            gap, back = left - run_right, run_left - right
            # A mark that was drawn after its line goes back into it; words on a larger one do not continue it.
            goes_on = height >= SMALL * run_height or gap > -height or (back > -height and height > 0.45 * run_height)
            if overlap >= least and gap < reach and back < reach and goes_on:
                if (space or gap > SPACE_GAP * height or back > SPACE_GAP * height) and not unicodedata.combining(char):
                    members.append(SPACE)
                if size != first_size or base != first_base:
                    run.mixed = True
                members.append(glyph)
                if left < run_left:
                    run.left = run_left = left
                if right > run_right:
                    run.right = run_right = right
                # A raised or lowered character (a footnote's number) does not move the line.
                if height >= 0.9 * run_height and (bottom < run_bottom or top > run_top):
                    run.bottom = run_bottom = bottom if bottom < run_bottom else run_bottom
                    run.top = run_top = top if top > run_top else run_top
                    run_height = run_top - run_bottom
                space = False
                continue
        members = [glyph]
        run = Run(members, left, right, bottom, top)
        runs.append(run)
        run_left, run_right, run_bottom, run_top, run_height = left, right, bottom, top, height
        first_size, first_base = size, base
        space = False
    runs = _with_late_marks(_with_spread_letters(runs))
    for run in runs:
        _level(run)
        _join_spaced(run)
    return runs


def lines_of(runs: Sequence[Run]) -> list[Line]:
    """The lines of a column, from top to bottom."""
    lines: list[Line] = []
    for run in sorted(runs, key=lambda run: (-run.middle, run.left)):
        last = lines[-1] if lines else None
        if last is not None and min(last.top, run.top) - max(last.bottom, run.bottom) > 0.5 * min(
            last.height, run.height
        ):
            last.add(run)
        else:
            lines.append(Line(run))
    return lines


def is_right_to_left(text: str) -> bool:
    directions = [unicodedata.bidirectional(char) for char in text]
    return sum(d in ("R", "AL") for d in directions) > sum(d == "L" for d in directions)


def _level(run: Run) -> None:
    """A run that began with a raised mark has the box of its usual characters."""
    if run.mixed:
        size = run.size
        usual = [glyph for glyph in run.glyphs if glyph.size >= 0.95 * size]
        if usual:
            run.bottom, run.top = min(g.bottom for g in usual), max(g.top for g in usual)


def _with_late_marks(runs: list[Run]) -> list[Run]:
    """Small runs that stand within a larger one, since they were drawn after it, are put at their place in it."""
    small = [run for run in runs if len(run.glyphs) <= 6 and not run.mixed]
    if not small or len(runs) > 3_000:
        return runs
    large = sorted((run for run in runs if len(run.glyphs) > 6), key=lambda run: run.bottom)
    gone: set[int] = set()
    for mark in small:
        for run in large:
            if run.bottom > mark.top:
                break
            if (
                mark.height < SMALL * run.height
                and min(run.top, mark.top) - max(run.bottom, mark.bottom) >= 0.3 * mark.height
                and run.left < mark.left
                and mark.left < run.right + 0.1 * run.height
            ):
                _put_in(run, mark)
                gone.add(id(mark))
                break
    return [run for run in runs if id(run) not in gone]


def _put_in(run: Run, mark: Run) -> None:
    at = next(
        (number for number, glyph in enumerate(run.glyphs) if glyph is not SPACE and glyph.left >= mark.left - 0.5),
        len(run.glyphs),
    )
    # A gap was left in the line for the mark, which is no space before it.
    before, after = run.glyphs[:at], run.glyphs[at:]
    if before and before[-1] is SPACE and len(before) > 1 and mark.left - before[-2].right < SPACE_GAP * mark.height:
        before.pop()
        if not after or after[0].left - mark.right > 0.6 * SPACE_GAP * run.height:
            after.insert(0, SPACE)
    run.glyphs = [*before, *mark.glyphs, *after]
    run.right = max(run.right, mark.right)
    run.mixed = True


def _with_spread_letters(runs: list[Run]) -> list[Run]:
    """Letters that follow each other at wide gaps, so that each or each word of them is a run, are one run."""
    joined: list[Run] = []
    at = 0
    while at < len(runs):
        stop = at + 1
        if _is_spread(runs[at]):
            while stop < len(runs) and _is_spread(runs[stop]) and _follows(runs[stop - 1], runs[stop]):
                stop += 1
        if stop - at > 1 and sum(len(run.glyphs) for run in runs[at:stop]) > _LEAST_SPACED:
            glyphs = list(runs[at].glyphs)
            for run in runs[at + 1 : stop]:
                glyphs += [SPACE, *run.glyphs]
            first, last = runs[at], runs[stop - 1]
            joined.append(Run(glyphs, first.left, last.right, first.bottom, first.top))
        else:
            joined += runs[at:stop]
        at = stop
    return joined


def _is_spread(run: Run) -> bool:
    """Whether a run has nothing but letters with a space after each."""
    glyphs = run.glyphs
    return (
        (len(glyphs) == 1 or (len(glyphs) % 2 == 1 and glyphs[1] is SPACE))
        and all(glyph.char.isalpha() for glyph in glyphs[::2])
        and all(glyph is SPACE for glyph in glyphs[1::2])
    )


def _follows(before: Run, run: Run) -> bool:
    glyph, last = run.glyphs[0], before.glyphs[-1]
    same_line = glyph.base == last.base and glyph.size == last.size
    return same_line and 0 < run.left - before.right < _MOST_SPREAD * run.height


def _join_spaced(run: Run) -> None:
    """Join the letters of words that are set with a gap after each letter."""
    if _SPACED.search(run.text) is None:
        return
    glyphs = run.glyphs
    joined: list[Glyph] = []
    at = 0
    while at < len(glyphs):
        stop = at
        # Single letters with a space after each; figures may be among them.
        begins_word = at == 0 or glyphs[at - 1] is SPACE or not glyphs[at - 1].char.isalnum()
        while (
            begins_word
            and stop + 2 < len(glyphs)
            and glyphs[stop].char.isalnum()
            and glyphs[stop + 1] is SPACE
            and glyphs[stop + 2].char.isalnum()
            and (stop + 3 == len(glyphs) or glyphs[stop + 3] is SPACE or not glyphs[stop + 3].char.isalnum())
        ):
            stop += 2
        letters = glyphs[at : stop + 1 : 2]
        if len(letters) >= _LEAST_SPACED and (words := _spaced_words(letters)):
            for number, word in enumerate(words):
                joined += [SPACE, *word] if number else word
        else:
            joined += glyphs[at : stop + 1]
        at = stop + 1
    run.glyphs = joined


def _spaced_words(letters: list[Glyph]) -> list[list[Glyph]]:
    """The words that letters with gaps between them make; none if the gaps are not those of a letter-spaced word."""
    codes = [ord(letter.char.lower()) for letter in letters]
    # The names of grades, columns that are ticked, and figures are no words.
    if (
        all(after - before == 1 for before, after in pairwise(codes))
        or len(set(codes)) < min(_LEAST_SPACED, len(codes) - 1)
        or sum(letter.char.isalpha() for letter in letters) < max(_LEAST_SPACED, len(letters) / 2)
    ):
        return []
    gaps = [after.left - before.right for before, after in pairwise(letters)]
    unit = sorted(gaps)[len(gaps) // 4]
    between = unit + 0.15 * (letters[0].size or letters[0].top - letters[0].bottom)
    words = [[letters[0]]]
    for letter, gap in zip(letters[1:], gaps, strict=True):
        if gap > between:
            words.append([letter])
        else:
            words[-1].append(letter)
    longest = max(len(word) for word in words)
    return words if longest >= _LEAST_SPACED and len(words) <= len(letters) / 2 else []
