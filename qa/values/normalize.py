"""The value that the words of an answer express: a date or interval, a quantity with its unit, or money, if certain.

The value is given in addition to the words, which stay untouched. A wrong value is worse than none, so anything that
can be read in two ways gets no value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qa.types import Normalized

if TYPE_CHECKING:
    from qa.values.relative_dates import Tense

# In characters; a longer text is a sentence, not a value.
_LONGEST = 80
_EDGES = " \t\r\n\u00a0.,;:!?()[]{}\"'“”‘’«»"
_NUMBERED = re.compile(
    r"\d|yesterday|today|tonight|tomorrow|\b(?:ago|hence|from now)$|\b(?:last|this|next|coming) \w+$"
    r"|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|\w+teen)\b",
    re.IGNORECASE,
)
_WHEN = re.compile(
    r"\b(?:when|what year|which year|what date|which date|what day|which day|wann|quand|cu[aá]ndo|quando)\b", re.I
)
_PAST = re.compile(r"\b(?:did|was|were|had|has|have)\b", re.IGNORECASE)
_FUTURE = re.compile(r"\b(?:do|does|is|are|will|shall|can|must|should|may)\b", re.IGNORECASE)


def normalize(
    text: str, *, question: str = "", written: str | None = None, language: str | None = None
) -> Normalized | None:
    """The value of a short text; None if it has none, or not certainly one.

    `written` is the date of the document in ISO 8601, from which relative dates and dates without a year are resolved;
    `language` is its BCP 47 tag. `question` decides whether a bare number may be a year. Never raises for any text.
    """
    words = " ".join(text.split()).strip(_EDGES)
    if len(words) > _LONGEST or not (_NUMBERED.search(words) or _WHEN.search(question)):
        return None
    # The modules for dates and units take a while to load, so they are only imported if needed.
    from qa.values.dates import read_date
    from qa.values.quantities import read_quantity

    when = bool(_WHEN.search(question))
    # An abbreviation's full stop, a sign or a symbol may be at the edge.
    untrimmed = _untrimmed(text)
    quantity = read_quantity(untrimmed if len(untrimmed) <= _LONGEST else words, language)
    return quantity or read_date(words, when=when, written=written, language=language, tense=_tense(question))


def _tense(question: str) -> Tense | None:
    """Whether a question asks for what was or for what will be; None where its verb leaves that open."""
    past, future = _PAST.search(question), _FUTURE.search(question)
    if bool(past) == bool(future):
        return None
    return "past" if past else "future"


def _untrimmed(text: str) -> str:
    return " ".join(text.split()).strip(' .,;:!?()[]"“”«»')
