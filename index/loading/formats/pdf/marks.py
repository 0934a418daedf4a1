"""Raised and lowered marks: an exponent, a footnote's number, a formula's figure. None is a digit of its base."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from index.loading.formats.pdf.glyphs import SPACE, Glyph
from index.loading.formats.pdf.runs import SMALL, Run

_RAISED = str.maketrans("0123456789+-−–=()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻⁼⁽⁾")
_LOWERED = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
_UNITS = set("m km cm mm dm µm μm nm pm ft in yd mi s ms h kg g mg t W kW K C V A J N Pa mol l L ha Hz rad sr".split())
# What begins a footnote at the foot of a page: its number, then a text.
_NOTE = re.compile(r"\(?(\d{1,3})[).\]]?\s*(?=[^\W\d_]|[\"“„«(])")
_SIGNED = "+-−–"


def note_numbers(runs: Iterable[Run], usual_size: float) -> set[str]:
    """The numbers of the footnotes that a page has below its text."""
    numbers: set[str] = set()
    for run in runs:
        raised = run.mixed and run.glyphs[0].size < SMALL * run.size
        if raised or run.size < 0.95 * usual_size:
            numbers.update(match.group(1) for match in _NOTE.finditer(run.text[:2_000]))
    return numbers


def set_marks_apart(run: Run, notes: set[str]) -> None:
    """Write the raised and lowered figures of a run so that they cannot be read as digits of their base.

    Exponents become raised characters, as do figures below a digit; a footnote's number leaves the line and joins
    `run.notes`. Figures of a formula (CO2) stay. `notes` are the numbers of the footnotes on the page.
    """
    if not run.mixed:
        return
    heights = _heights(run)
    if not any(heights):
        return
    glyphs: list[Glyph] = []
    at = 0
    while at < len(run.glyphs):
        height, stop = heights[at], at + 1
        while stop < len(run.glyphs) and heights[stop] == height and run.glyphs[stop] is not SPACE:
            stop += 1
        group, after = run.glyphs[at:stop], run.glyphs[stop : stop + 3]
        if height > 0:
            glyphs += _raised(run, glyphs, group, after, notes)
        elif height < 0:
            glyphs += _lowered(glyphs, group, after)
        else:
            glyphs += group
        at = stop
    run.glyphs = glyphs or run.glyphs


def _heights(run: Run) -> list[int]:
    """For each glyph whether it is raised (1) or lowered (-1) against its line, or neither (0)."""
    size = run.size
    bases = [round(glyph.base, 1) for glyph in run.glyphs if glyph.size >= 0.95 * size]
    if not size or not bases:
        return [0] * len(run.glyphs)
    base = max(set(bases), key=bases.count)
    heights = []
    for glyph in run.glyphs:
        lift, small = (glyph.base - base) / size, glyph.size <= SMALL * size
        if glyph is SPACE or not glyph.size:
            heights.append(0)
        elif lift >= (0.08 if small else 0.22):
            heights.append(1)
        elif lift <= (-0.04 if small else -0.18):
            heights.append(-1)
        else:
            heights.append(0)
    return heights


def _raised(
    run: Run, before: Sequence[Glyph], group: list[Glyph], after: Sequence[Glyph], notes: set[str]
) -> list[Glyph]:
    text = "".join(glyph.char for glyph in group)
    if not any(char.isdigit() for char in text):
        return group
    drawn = [glyph._replace(char=glyph.char.translate(_RAISED)) for glyph in group]
    following = "".join(glyph.char for glyph in after)
    if not before or before[-1] is SPACE:
        # The number before the text of a footnote, or of an isotope; recognised scans have whole words a little higher.
        if len(text) > 3 or not following or after[0] is SPACE:
            return group
        isotope = (following[:1].isupper() and not following[1:2].islower()) or not following[:1].isalpha()
        return drawn if isotope or re.match(r"[A-Z][a-z]\b", following) else [*drawn, SPACE]
    if _is_exponent(_word(before), text, following, notes):
        return drawn
    run.notes += [SPACE, *drawn]
    return [SPACE] if following[:1].isalnum() else []


def _is_exponent(word: str, text: str, following: str, notes: set[str]) -> bool:
    if text[0] in _SIGNED or text[-1] in _SIGNED or following[:1] in ("/", "⁄"):
        return True
    if not text.isdigit() or len(text) > 2:
        return False
    letters = re.search(r"(?<![^\W\d_])[^\W\d_]++$", word)
    if letters:
        unit = letters.group() in _UNITS and re.search(r"\d\s*$", word[: letters.start()]) is not None
        return unit or (len(letters.group()) <= 2 and text not in notes)
    if word.endswith((")", "]")):
        return text not in notes
    if re.search(r"[×x·*=^]\s*\d+$", word):
        return True
    return text not in notes and re.search(r"(?:^|[^\d.,])(?:10|2)$", word) is not None


def _word(before: Sequence[Glyph]) -> str:
    """The last word, with the number or the sign before it."""
    text = "".join(glyph.char for glyph in before[-12:])
    match = re.search(r"(?:[×x·*=\d] )?\S*$", text)
    return match.group() if match else ""


def _lowered(before: Sequence[Glyph], group: list[Glyph], after: Sequence[Glyph]) -> list[Glyph]:
    beside_digit = (bool(before) and before[-1].char.isdigit()) or (bool(after) and after[0].char.isdigit())
    if not beside_digit or not any(glyph.char.isdigit() for glyph in group):
        return group
    return [glyph._replace(char=glyph.char.translate(_LOWERED)) for glyph in group]
