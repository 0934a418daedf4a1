"""Whether an answer is of the kind that its question asks for, whatever the reader says of it (English)."""

from __future__ import annotations

import re
from typing import Literal

from qa.asking.question_form import question_form

# Of so many words and more an answer is a clause, not a name or a value.
CLAUSE_WORDS = 6

Kind = Literal["date", "number", "name", "clause", "phrase"]
"""What an answer's words look like."""
AskedKind = Literal["when", "how many", "who", "why or how", "anything"]
"""What a question's word asks for."""

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)"
)
_DATE = re.compile(
    rf"\b(?:1[5-9]|20)\d\d(?:s|\b)|\b{_MONTH}\b\.?\s+\d|\d\s+(?:of\s+)?{_MONTH}\b|\d{{1,4}}[/-]\d{{1,2}}[/-]\d{{1,4}}"
    r"|\d{1,2}[:.]\d\d\b|\b\d{1,2}\s*[ap]\.?m\b|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day|\bcentury\b"
    rf"|^\W*{_MONTH}\W*$|\b(?:today|yesterday|tomorrow|midnight|noon)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|sixty|"
    r"seventy|eighty|ninety|hundreds?|thousands?|[mb]illions?|dozens?|half|once|twice|none|no)\b",
    re.IGNORECASE,
)
_CAPITALISED = re.compile(r"\b[^\W\d_a-zß-öø-ÿ]\w")
_WHEN = re.compile(r"\bwhen\b|\b(?:what|which)\s+(?:year|date|day|month|time)\b", re.IGNORECASE)
_HOW_MANY = re.compile(
    r"\bhow\s+(?:many|much|long|old|far|large|big|tall|high|deep|fast|often|soon|few|heavy|wide)\b"
    r"|\b(?:what|which)\s+(?:percentage|percent|number|amount|share|proportion|age)\b",
    re.IGNORECASE,
)
_WHO = re.compile(r"\b(?:who|whom|whose)\b", re.IGNORECASE)
_WHY_HOW = re.compile(r"\b(?:why|how)\b", re.IGNORECASE)
# The first that fits tells: "how many" is no "how".
_ASKED: tuple[tuple[AskedKind, re.Pattern[str]], ...] = (
    ("how many", _HOW_MANY),
    ("when", _WHEN),
    ("who", _WHO),
    ("why or how", _WHY_HOW),
)


def kind_of(text: str) -> Kind:
    """What an answer's words look like."""
    count = len(text.split())
    if count >= CLAUSE_WORDS:
        return "clause"
    if _DATE.search(text):
        return "date"
    if holds_number(text):
        return "number"
    return "name" if _CAPITALISED.search(text) else "phrase"


def asked_kind(question: str) -> AskedKind:
    """The kind of thing that a question asks for; anything where its words do not tell, and for yes or no."""
    if question_form(question) == "polar":
        return "anything"
    return next((kind for kind, pattern in _ASKED if pattern.search(question)), "anything")


def holds_number(text: str) -> bool:
    """Whether a text says a number, in digits or in words."""
    return _NUMBER.search(text) is not None


def type_fit(asked: AskedKind, text: str) -> float:
    """Whether an answer is of the kind that was asked for: 1, 0 if not, 0.5 where that is not known."""
    kind = kind_of(text)
    if asked == "how many":
        return float(holds_number(text))
    if asked == "when":
        # A rule says when as a condition: "on receipt of the notice".
        return 1.0 if _DATE.search(text) or holds_number(text) else 0.5 if kind == "clause" else 0.0
    if asked == "who":
        if kind == "clause":
            return 0.5 if _CAPITALISED.search(text) else 0.0
        return {"name": 1.0, "phrase": 0.5}.get(kind, 0.0)
    if asked == "why or how":
        return 1.0 if kind == "clause" else 0.5 if len(text.split()) > 2 else 0.0
    return 0.5
