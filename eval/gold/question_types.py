"""What kind of thing a question asks for, by its question word: the groups in which errors are counted."""

from __future__ import annotations

import re
from typing import Literal, get_args

from qa.asking.question_form import question_form

QuestionType = Literal["who", "when", "where", "why", "how many", "how", "which", "what", "yes or no", "other"]
QUESTION_TYPES: tuple[QuestionType, ...] = get_args(QuestionType)

_QUANTITY = r"(?:many|much|long|old|far|large|big|tall|high|deep|fast|often|few|heavy|wide|wealthy|populous)"
_TIME = r"(?:year|date|day|month|century|decade|time|period|era|season)s?"
# The first that stands earliest in the question tells; "in what year" asks when, "how long" for an amount.
_WORDS: tuple[tuple[QuestionType, str], ...] = (
    ("when", rf"when|(?:what|which)\s+{_TIME}"),
    ("how many", rf"how\s+{_QUANTITY}|(?:what|which)\s+(?:percentage|percent|number|amount|proportion)"),
    ("who", r"who|whom|whose"),
    ("where", r"where"),
    ("why", r"why|what\s+reasons?|for\s+what\s+reasons?"),
    ("how", r"how"),
    ("which", r"which"),
    ("what", r"what"),
)
_FIRST = re.compile("|".join(rf"(?P<t{n}>\b(?:{pattern})\b)" for n, (_, pattern) in enumerate(_WORDS)), re.IGNORECASE)


def question_type(question: str) -> QuestionType:
    """The type of an English question: "yes or no" by its form, else by the first question word, "other" without."""
    if question_form(question) == "polar":
        return "yes or no"
    match = _FIRST.search(question)
    if match is None or match.lastgroup is None:
        return "other"
    return _WORDS[int(match.lastgroup.removeprefix("t"))][0]
