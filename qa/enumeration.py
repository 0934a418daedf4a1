"""The items of an enumeration: "Chinese, Russian and Iranian ships" is three places in the text, not one."""

from __future__ import annotations

import itertools
import re

MAX_ITEMS = 20
SHORT_WORDS = 3
# "Hansen and Sons" is one firm.
_FIRM = r"(?!\s*(?-i:Sons?|Co|Company|Partners|Associates|Brothers|Daughters)\b)"
_SEPARATOR = re.compile(
    r"\s*;\s*(?:(?:and|or)\s+)?|\s*,\s+(?:(?:and|or|&|as well as)\s+)?"
    rf"|\s+(?:and|&)\s+{_FIRM}|\s+(?:or|as well as)\s+"
    r"|\s*\n\s*(?:[-*•]|\d{1,2}[.)])?\s*",
    re.IGNORECASE,
)
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|\"[^\"]*\"|“[^”]*”")
_WORDLESS = re.compile(r"[\W_]*")
_BOTH = re.compile(r"^(?:both|either)\s+", re.IGNORECASE)
_YEAR = re.compile(r"\d{4}")


def items(text: str) -> list[tuple[int, int]]:
    """The items of an enumeration as `[start, end)` code points of `text`, in order; one, the whole, where it is none.

    Commas, semicolons, line breaks and the words between the last two part items; brackets and quotation marks hold
    together. "May 5, 2026" and "1,000" are no enumerations.
    """
    held = [match.span() for match in _BRACKETS.finditer(text)]
    begin = match.end() if (match := _BOTH.match(text)) else 0
    found: list[tuple[int, int]] = []
    for match in [*_SEPARATOR.finditer(text), None]:
        if match is not None and any(start < match.end() and match.start() < end for start, end in held):
            continue
        end = match.start() if match else len(text)
        if end > begin:
            found.append((begin, end))
        begin = match.end() if match else end
    pieces = [text[start:end] for start, end in found]
    if not 2 <= len(found) <= MAX_ITEMS or any(_WORDLESS.fullmatch(piece) for piece in pieces):
        return [(0, len(text))]
    if any(_YEAR.fullmatch(piece) and before[-1:].isdigit() for before, piece in itertools.pairwise(pieces)):
        return [(0, len(text))]
    if len(found) == 2 and not _alike(*pieces):
        return [(0, len(text))]
    return found


def _alike(one: str, other: str) -> bool:
    """Whether two pieces may be items: both names or numbers, or both short. "To build and repair the long wall of the
    northern harbour" is one thing."""
    if all(piece[0].isupper() or piece[0].isdigit() for piece in (one, other)):
        return True
    longest = max(len(_BRACKETS.sub("", piece).split()) for piece in (one, other))
    return not one.lower().startswith("to ") and longest <= SHORT_WORDS
