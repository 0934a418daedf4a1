"""Borders that no answer crosses: between paragraphs, fields and the cells of a table row."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right

from index.text.legible import named_cells

_BREAK = r"(?>\r\n|\r|\n|\u2029)"
_SPACE = r"[^\S\r\n\u2029]*+"
_RULE = r" {0,3}(?:={3,}+|-{3,}+|\*{3,}+|_{3,}+)[ \t]*+"
# Each alternative ends with the last character of what parts its two sides. A label is a few words before a colon.
_BORDER = re.compile(
    rf"\t|\f|{_BREAK}{_SPACE}{_BREAK}|\u2029"
    # A label at the end of a line, and one at the beginning of the next.
    rf"|:{_SPACE}{_BREAK}"
    rf"|{_BREAK}(?=[A-ZÀ-ÖØ-ÞΑ-ΩА-Я][\w.’'-]{{0,20}}(?: [\w.’'-]{{1,20}}){{0,3}}:[ \t])"
    # A Markdown heading, and a rule or the underline of a heading, before and behind it.
    rf"|(?:^|(?<=\n))#{{1,6}}[ \t][^\r\n]*+{_BREAK}"
    rf"|{_BREAK}(?={_RULE}(?:[\r\n]|$))"
    rf"|(?:^|(?<=\n)){_RULE}{_BREAK}"
)


def borders(text: str) -> list[int]:
    """The offsets of the characters at which one part of a text ends: what stands before and behind one of them belongs
    to two paragraphs, fields or cells."""
    return [match.end() - 1 for match in _BORDER.finditer(text)]


def part_around(text: str, context: str, start: int, end: int) -> tuple[int, int]:
    """`[first, last)` of the part of a passage's text that holds `[start, end)`: no border is within, but for those
    that the span itself crosses. `context` is the passage's: it names the columns of a table row."""
    cuts = borders(text)
    before = bisect_left(cuts, start)
    behind = bisect_right(cuts, max(start, end - 1))
    first = cuts[before - 1] + 1 if before else 0
    last = cuts[behind] if behind < len(cuts) else len(text)
    for _, begin, stop in named_cells(text, context):
        if begin < end and start < stop:
            first, last = max(first, min(begin, start)), min(last, max(stop, end))
    return first, last
