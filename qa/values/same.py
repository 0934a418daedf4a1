"""When two normalised values mean the same."""

from __future__ import annotations

from qa.types import Normalized, NormalizedDate, NormalizedMoney, NormalizedQuantity
from qa.values.units import in_base, is_rounded

# How far apart two amounts may be where one is approximate, or was converted and rounded.
_ABOUT = 0.05
# What conversion alone may change.
_EXACT = 1e-9
_SHARED_SYMBOLS = {
    "$": frozenset("USD CAD AUD NZD HKD SGD TWD MXN".split()),
    "¥": frozenset(["JPY", "CNY"]),
}
_OPEN_YEAR = "XXXX"


def is_same_value(one: Normalized, other: Normalized) -> bool:
    """Whether two values may mean the same: one may be less exact, rounded, or in another unit. Values of different
    kinds never do."""
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
