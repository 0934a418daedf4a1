"""Rivals: what other documents answer instead, about as surely.

Two texts are rivals only where they cannot both be meant: what comes to the same value, or is a longer or shorter form
of the same words, is no other answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from index.text.words import words
from qa.types import Answer, Normalized
from qa.values.same import is_same_value

# A rival is at least so many times as likely to be right as the answer.
SIMILAR = 0.6
MAX_RIVALS = 3
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


def rivals(contenders: Sequence[Answer]) -> tuple[Answer, ...]:
    """Those of the answers, best first, that other documents give instead of the first one; at most MAX_RIVALS.

    Each is at least SIMILAR as likely, contradicts the first and every other rival, and stands in no document that
    gives the first as well.
    """
    if not contenders:
        return ()
    best, *others = contenders
    chosen = [best]
    for other in others:
        if len(chosen) > MAX_RIVALS:
            break
        if (
            is_similar(other.confidence, best.confidence)
            and not _documents(other) & _documents(best)
            and all(differ(other.text, known.text, other.normalized, known.normalized) for known in chosen)
        ):
            chosen.append(other)
    return tuple(chosen[1:])


def is_similar(confidence: float, best: float) -> bool:
    """Whether an answer is likely enough to be a rival of the best one."""
    return confidence >= SIMILAR * best


def _documents(answer: Answer) -> set[str]:
    return {citation.document.id for citation in (answer.citation, *answer.supporting)}


def _is_acronym(short: str, long: str) -> bool:
    """Whether one is the first letters of the other: "UN", "U.N." of "the United Nations"."""
    letters = short.replace(".", "").strip()
    return len(letters) > 1 and letters.isupper() and letters == "".join(_CAPITALISED.findall(long))
