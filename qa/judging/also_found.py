"""Also found: answers of the same kind as the first that contradict it, in this document or in others.

Two texts contradict each other only where they cannot both be meant: what comes to the same value, or is a longer or
shorter form of the same words, is no other answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from index.text.words import words
from qa.judging.question_fit import holds_number
from qa.types import POSSIBLE, Answer, Normalized
from qa.values.same import is_same_value
from qa.values.units import in_base

# What is stated beside the first answer is at least so many times as likely to be right: a reader of the answer should
# see a contradiction that is well less likely, because the same question often has one wrong and one right figure.
SHARE = 0.25
# Words that come to no value seldom contradict each other for sure: they are stated where they are about as likely.
SHARE_OF_WORDS = 0.5
MAX_ALSO_FOUND = 3
_FIGURES, _WORDS = "figures", "words"
# Stop words that matter.
_NEGATION = re.compile(r"\b(?:no|not|never|none|neither|nobody|nothing|without)\b|n['’]t\b", re.IGNORECASE)
_CAPITALISED = re.compile(r"\b[A-Z]")


def differ(one: str, other: str, value_of_one: Normalized | None, value_of_other: Normalized | None) -> bool:
    """Whether two answers to one question contradict each other, by what they come to, else by their words."""
    if value_of_one is not None and value_of_other is not None and value_of_one.type == value_of_other.type:
        return not is_same_value(value_of_one, value_of_other)
    if bool(_NEGATION.search(one)) != bool(_NEGATION.search(other)):
        return True
    # What differs only in words that are no content ("in the bay", "the bay") has the same ones left.
    first, second = set(words(one)), set(words(other))
    if not first or not second:
        return one.casefold() != other.casefold()
    return not (first <= second or second <= first or _is_acronym(one, other) or _is_acronym(other, one))


def also_found(contenders: Sequence[Answer]) -> tuple[Answer, ...]:
    """Those of the answers, best first, that are of the same kind as the first one and contradict it and each other; at
    most MAX_ALSO_FOUND."""
    if not contenders:
        return ()
    best, *others = contenders
    chosen = [best]
    for other in others:
        if len(chosen) > MAX_ALSO_FOUND:
            break
        if (
            is_worth_stating(other.confidence, best.confidence)
            and _kind(other) == _kind(best)
            and (_kind(other) != _WORDS or other.confidence >= SHARE_OF_WORDS * best.confidence)
            and all(differ(other.text, known.text, other.normalized, known.normalized) for known in chosen)
        ):
            chosen.append(other)
    return tuple(chosen[1:])


def is_worth_stating(confidence: float, best: float) -> bool:
    """Whether an answer is likely enough to be stated beside the best one."""
    return confidence >= max(POSSIBLE, SHARE * best)


def _kind(answer: Answer) -> str:
    """What may be weighed against each other: dates, money, quantities of one dimension, figures that come to no value
    for sure, or mere words."""
    value = answer.normalized
    if value is None:
        return _FIGURES if holds_number(answer.text) else _WORDS
    return in_base(value.unit)[1] if value.type == "quantity" else value.type


def _is_acronym(short: str, long: str) -> bool:
    """Whether one is the first letters of the other: "UN", "U.N." of "the United Nations"."""
    letters = short.replace(".", "").strip()
    return len(letters) > 1 and letters.isupper() and letters == "".join(_CAPITALISED.findall(long))
