"""What an answer's words come to: a date or interval, a quantity with its unit, money; nothing where that is not sure.

Answers are normalized beside their words, which stay untouched. A wrong value is worse than none: whatever can be read
in two ways is left out.
"""

from __future__ import annotations

import re

from qa.types import Normalized

# Longer words are a sentence, not a value.
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


def normalize(
    text: str, *, question: str = "", written: str | None = None, language: str | None = None
) -> Normalized | None:
    """The value of a short text, None where it is none, or not surely one.

    `written` is the date of the document in ISO 8601, from which dates without a year and relative ones are counted;
    `language` is its BCP 47 tag. `question` tells whether a bare number may be a year. Never raises for any text.
    """
    words = " ".join(text.split()).strip(_EDGES)
    if len(words) > _LONGEST or not (_NUMBERED.search(words) or _WHEN.search(question)):
        return None
    # What reads dates and units takes a while to load: only for what may be one.
    from qa.values.dates import read_date
    from qa.values.quantities import read_quantity

    when = bool(_WHEN.search(question))
    # The full stop of an abbreviation, a sign or a symbol may stand at the edge.
    untrimmed = _untrimmed(text)
    quantity = read_quantity(untrimmed if len(untrimmed) <= _LONGEST else words, language)
    return quantity or read_date(words, when=when, written=written, language=language)


def _untrimmed(text: str) -> str:
    return " ".join(text.split()).strip(' .,;:!?()[]"“”«»')
