"""When two values mean the same."""

from __future__ import annotations

import pytest

from qa.types import Normalized, NormalizedDate, NormalizedMoney, NormalizedQuantity
from qa.values.same import is_same_value


def date(value: str) -> NormalizedDate:
    return NormalizedDate(value=value)


def length(value: float, unit: str = "kilometer", *, approximate: bool = False) -> NormalizedQuantity:
    return NormalizedQuantity(value=value, unit=unit, approximate=approximate)


def money(value: float, currency: str | None = "USD", symbol: str | None = "$") -> NormalizedMoney:
    return NormalizedMoney(value=value, currency=currency, symbol=symbol)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (date("2026-08-09"), date("2026-08"), True),
        (date("2026-08-09"), date("2026-09"), False),
        (date("XXXX-08-09"), date("2026-08-09"), True),
        (date("[2026-05-06,2026-06-05]"), date("2026-06-05"), True),
        (date("2026-08-09/2026-08-14"), date("2026-08-09"), False),
        (date("199X"), date("1994"), True),
        (date("1850~"), date("1850"), True),
        (length(3), length(3000, "meter"), True),
        (length(3), length(4), False),
        (length(3), length(3, "kilogram"), False),
        (length(3, approximate=True), length(3.1), True),
        (NormalizedQuantity(minimum=5, maximum=10, unit="kilometer"), length(5), False),
        (money(5), money(5, None, "$"), True),
        (money(5), money(5, "EUR", "€"), False),
        (money(5), money(5, None, "£"), False),
        (money(5), length(5), False),
    ],
)
def test_the_same_value(one: Normalized, other: Normalized, same: bool) -> None:
    assert is_same_value(one, other) is same
    assert is_same_value(other, one) is same
    assert is_same_value(one, one)
