"""What form of answer a question asks for: one span, the sentence that settles a yes or no, or a list of spans."""

from __future__ import annotations

import re
from typing import Literal

Form = Literal["span", "polar", "list"]

_AUXILIARY = (
    r"(?:is|are|was|were|am|do|does|did|has|have|had|can|could|will|would|shall|should|may|might|must)(?:n['’]t)?"
)
# What may stand before the question itself: "And did ...", "In 2026, did ...".
_LEAD = (
    r"^\W*(?:(?:and|but|so|or|well|then|please|also)\b[\s,]+)?"
    r"(?:(?:in|on|at|by|during|before|after|since|under|for|as)\b[^,?]{1,80},\s*)?"
)
_POLAR = re.compile(rf"{_LEAD}{_AUXILIARY}\b", re.IGNORECASE)
_WH = r"(?:who|whom|whose|what|which|when|where|why|how)"
# "Do you know when ...", "Is it known where ...": what is asked for comes later.
_INDIRECT = re.compile(
    rf"{_LEAD}{_AUXILIARY}\s+(?:you|we|i|it|anyone|anybody|someone|somebody|they|he|she|the \w+)\b"
    # The first such verb will do, whatever follows: trying the others as well takes the square of the time.
    r"(?>[^?]*?\b(?:tell|know|say|said|explain|remember|show|find|found|clear|state|give|list|name|mention)\w*\b)"
    rf"[^?]*?\b{_WH}\b",
    re.IGNORECASE,
)
_CHOICE = re.compile(r"\bor\b(?!\s+not\b)", re.IGNORECASE)

_COUNT = r"(?:two|three|four|five|six|seven|eight|nine|ten|several|various|many|some|all|other|\d{1,2})"
_LIST_COMMAND = re.compile(
    r"^\W*(?:please\s+|(?:can|could|would|will) you (?:please )?)?"
    rf"(?:list|enumerate|(?:name|give|mention|identify)\b(?=.*\b{_COUNT}\b))\b",
    re.IGNORECASE,
)
_LIST_COPULA = re.compile(r"\b(?:what|who|which)\s+(?:all\s+)?(?:are|were)\s+(?!you\b|we\b|they\b)", re.IGNORECASE)
_LIST_COUNTED = re.compile(rf"\b(?:what|which|whose)\s+(?:are\s+|were\s+)?(?:the\s+)?{_COUNT}\b", re.IGNORECASE)
_NOUN_PHRASE = re.compile(r"\b(?:what|which)\s+(.*)", re.IGNORECASE | re.DOTALL)
_PLURAL = re.compile(r"(?:people|men|women|children|criteria|phenomena|[a-z'’-]{2,}[^\Wsui_]s)$", re.IGNORECASE)
_PHRASE_WORDS = 3
_NOT_PLURAL = frozenset(
    "was is has does this its series species news means gas bus as his us process business class basis analysis status "
    "address access success mass loss pass process witness illness princess congress press politics physics "
    "mathematics economics always perhaps towards besides happens makes gives leads".split()
)
_DETERMINERS = frozenset("the a an this that these those his her its their our my your".split())
# What may follow the subject of a question in the plural.
_PLURAL_VERBS = frozenset(
    "are were do did have had can could will would shall should may might must of that which who in on at from to for "
    "by took made gave came went led left won lost come go live work grow keep take make use belong pay own need sail "
    "lie stand run play".split()
)


def question_form(question: str) -> Form:
    """The form of the answer that a question asks for, by its words alone (English)."""
    if _LIST_COMMAND.search(question):
        return "list"
    if _POLAR.search(question):
        if _INDIRECT.search(question):
            rest = re.search(rf"\b{_WH}\b.*", question, re.IGNORECASE)
            return "list" if rest and _asks_for_several(rest.group()) else "span"
        # "Is it in May or in June?" wants one of the two.
        return "span" if _CHOICE.search(question) else "polar"
    return "list" if _asks_for_several(question) else "span"


def _asks_for_several(question: str) -> bool:
    if _LIST_COPULA.search(question) or _LIST_COUNTED.search(question):
        return True
    phrase = _NOUN_PHRASE.search(question)
    words = re.findall(r"[\w'’-]+", phrase.group(1)[:200].lower()) if phrase else []
    for place, word in enumerate(words[:_PHRASE_WORDS]):
        if word in _PLURAL_VERBS or word in _DETERMINERS:
            break
        if word in _NOT_PLURAL or not _PLURAL.search(word):
            continue
        behind = words[place + 1] if place + 1 < len(words) else ""
        # Behind a noun a word in -s may be its verb ("which country hosts the games"): then an object follows.
        if place == 0 and behind not in _DETERMINERS:
            return True
        if not behind or behind in _PLURAL_VERBS or behind.endswith("ed"):
            return True
    return False
