"""The items of an enumeration: "Chinese, Russian and Iranian ships" is three places in the text, not one."""

from __future__ import annotations

import itertools
import re
from bisect import bisect_right

MAX_ITEMS = 20
SHORT_WORDS = 3
# "Hansen and Sons" is one firm.
_FIRM = r"(?!(?-i:Sons?|Co|Company|Partners|Associates|Brothers|Daughters)\b)"
# A separator begins where its white space does: else each character of a long run of it would be tried.
_SEPARATOR = re.compile(
    r"(?:(?<!\s)\s+)?+(?:;\s*+(?:(?:and|or)\s++)?|,\s++(?:(?:and|or|&|as well as)\s++)?)"
    rf"|(?<!\s)\s++(?:(?:and|&)\s++{_FIRM}|(?:or|as well as)\s++)"
    r"|(?:(?<!\s)[^\S\n]+)?+\n\s*+(?:[-*•]|\d{1,2}[.)])?\s*+",
    re.IGNORECASE,
)
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|\"[^\"]*\"|“[^“”]*”")
_WORDLESS = re.compile(r"[\W_]*")
_BOTH = re.compile(r"^(?:both|either)\s+", re.IGNORECASE)
_YEAR = re.compile(r"\d{4}")


def items(text: str) -> list[tuple[int, int]]:
    """The items of an enumeration as `[start, end)` code points of `text`, in order; one, the whole, where it is none.

    Commas, semicolons, line breaks and the words between the last two part items; brackets and quotation marks hold
    together. "May 5, 2026" and "1,000" are no enumerations.
    """
    held = [match.span() for match in _BRACKETS.finditer(text)]
    ends = [end for _, end in held]
    begin = match.end() if (match := _BOTH.match(text)) else 0
    listed: list[tuple[int, int]] = []
    for match in [*_SEPARATOR.finditer(text), None]:
        if match is not None:
            # The first bracket that ends after the separator begins: either it holds the separator, or none does.
            bracket = bisect_right(ends, match.start())
            if bracket < len(held) and held[bracket][0] < match.end():
                continue
        end = match.start() if match else len(text)
        if end > begin:
            listed.append((begin, end))
        begin = match.end() if match else end
    pieces = [text[start:end] for start, end in listed]
    if not 2 <= len(listed) <= MAX_ITEMS or any(_WORDLESS.fullmatch(piece) for piece in pieces):
        return [(0, len(text))]
    if any(_YEAR.fullmatch(piece) and before[-1:].isdigit() for before, piece in itertools.pairwise(pieces)):
        return [(0, len(text))]
    if len(listed) == 2 and not _alike(*pieces):
        return [(0, len(text))]
    return listed


def _alike(one: str, other: str) -> bool:
    """Whether two pieces may be items: both names or numbers, or both short. "To build and repair the long wall of the
    northern harbour" is one thing."""
    if all(piece[0].isupper() or piece[0].isdigit() for piece in (one, other)):
        return True
    longest = max(len(_BRACKETS.sub("", piece).split()) for piece in (one, other))
    return not one.lower().startswith("to ") and longest <= SHORT_WORDS
