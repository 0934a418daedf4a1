"""Rivals: what other documents answer instead, about as surely.

Two texts are rivals only where they cannot both be meant: what comes to the same value, or is a longer or shorter form
of the same words, is no other answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from index.text.words import words
from qa.types import Answer, Normalized, NormalizedDate, NormalizedMoney, NormalizedQuantity
from qa.values.units import in_base, is_rounded

# A rival is at least so many times as likely to be right as the answer.
SIMILAR = 0.6
MAX_RIVALS = 3
# How far apart amounts may be of which one is said to be approximate, or was converted and rounded.
_ABOUT = 0.05
# What conversion alone may change.
_EXACT = 1e-9
_SHARED_SYMBOLS = {
    "$": frozenset("USD CAD AUD NZD HKD SGD TWD MXN".split()),
    "¥": frozenset(["JPY", "CNY"]),
}
_OPEN_YEAR = "XXXX"
# Stop words that matter.
_NEGATION = re.compile(r"\b(?:no|not|never|none|neither|nobody|nothing|without)\b|n['’]t\b", re.IGNORECASE)
_CAPITALISED = re.compile(r"\b[A-Z]")


def differ(one: str, other: str, value_of_one: Normalized | None, value_of_other: Normalized | None) -> bool:
    """Whether two answers to one question contradict each other, by what they come to, else by their words."""
    if value_of_one is not None and value_of_other is not None and value_of_one.type == value_of_other.type:
        return not _same_value(value_of_one, value_of_other)
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


def _same_value(one: Normalized, other: Normalized) -> bool:
    if isinstance(one, NormalizedDate) and isinstance(other, NormalizedDate):
        return _same_date(one.value, other.value)
    if isinstance(one, NormalizedQuantity) and isinstance(other, NormalizedQuantity):
        (factor, base), (other_factor, other_base) = in_base(one.unit), in_base(other.unit)
        return base == other_base and _same_amount(
            one, other, factor / other_factor, rounded=is_rounded(one.unit, other.unit)
        )
    if isinstance(one, NormalizedMoney) and isinstance(other, NormalizedMoney):
        return bool(_currencies(one) & _currencies(other)) and _same_amount(one, other)
    return False


def _currencies(money: NormalizedMoney) -> frozenset[str]:
    """Those that it may be in."""
    if money.currency is not None:
        return frozenset([money.currency])
    return _SHARED_SYMBOLS.get(money.symbol or "", frozenset())


def _same_date(one: str, other: str) -> bool:
    """Whether two dates may be the same: one may be less exact, leave a part open, or be one of two."""
    return any(_same_points(first, second) for first in _choices(one) for second in _choices(other))


def _choices(value: str) -> list[list[str]]:
    """The dates that a value may be, each as its ends; of what goes on without end, the one that is said."""
    each = value.strip("[]").split(",")
    return [[end.rstrip("~") for end in choice.split("/") if end != ".."] for choice in each]


def _same_points(firsts: list[str], seconds: list[str]) -> bool:
    return len(firsts) == len(seconds) and all(map(_may_be, firsts, seconds))


def _may_be(one: str, other: str) -> bool:
    if _OPEN_YEAR in (one[:4], other[:4]):
        one, other = one[4:], other[4:]
    # A decade is 199X.
    return all(left == right or "X" in (left, right) for left, right in zip(one, other, strict=False))


def _same_amount(
    one: NormalizedQuantity | NormalizedMoney,
    other: NormalizedQuantity | NormalizedMoney,
    factor: float = 1.0,
    *,
    rounded: bool = False,
) -> bool:
    """Whether two amounts may be the same, `factor` of the other's unit being one of the first's."""
    pairs = [(one.value, other.value), (one.minimum, other.minimum), (one.maximum, other.maximum)]
    tolerance = _ABOUT if one.approximate or other.approximate or rounded else _EXACT
    return all(
        (first is None and second is None)
        or (
            first is not None
            and second is not None
            # Symmetric, so that the order of the answers does not count.
            and abs(first * factor - second) <= tolerance * max(abs(first * factor), abs(second))
        )
        for first, second in pairs
    )


def _is_acronym(short: str, long: str) -> bool:
    """Whether one is the first letters of the other: "UN", "U.N." of "the United Nations"."""
    letters = short.replace(".", "").strip()
    return len(letters) > 1 and letters.isupper() and letters == "".join(_CAPITALISED.findall(long))
