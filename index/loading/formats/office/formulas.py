"""Formulas whose values are not in the file, as far as they are plain arithmetic on numbers of their own sheet.

Programs that write workbooks without computing them leave formulas without values; whoever opens such a file sees the
values all the same. Sums, means, extremes, counts, products, roundings and the four operations are computed as a
spreadsheet program does (ECMA-376-1, 18.17); of any other formula, nothing is said.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal

_TOKEN = re.compile(
    r"\s*(?:(?P<function>[A-Z]+)\(|(?P<area>\$?[A-Z]{1,3}\$?\d{1,7}(?::\$?[A-Z]{1,3}\$?\d{1,7})?)(?![\w!(.])"
    r"|(?P<number>\d+(?:\.\d*)?(?:E[+-]?\d+)?|\.\d+)|(?P<sign>[-+*/^%(),]))\s*",
    re.IGNORECASE,
)
_PLACE = re.compile(r"([A-Z]{1,3})(\d{1,7})")
_LONGEST, _DEEPEST, _MOST_CELLS = 1_000, 50, 1_000_000

Place = tuple[int, int]


class _UnknownError(Exception):
    """A formula that is not understood, or that comes to no number."""


def column_of(letters: str) -> int:
    """The number of a column, from 1."""
    number = 0
    for letter in letters.upper():
        number = 26 * number + ord(letter) - 64
    return number


class Formulas:
    """Computes formulas of one sheet from its numbers and its other formulas, by row and column from 1. `texts` are the
    cells that hold something else, which sums pass over."""

    def __init__(self, numbers: dict[Place, float], formulas: Mapping[Place, str], texts: set[Place]) -> None:
        self._numbers = numbers
        self._formulas = formulas
        self._texts = texts
        self._left = _MOST_CELLS
        self._open: set[Place] = set()

    def value(self, place: Place) -> float | None:
        """What the formula of a cell comes to; None where that is not known."""
        try:
            number = self._number(place)
        except (_UnknownError, OverflowError, ZeroDivisionError, ValueError):
            return None
        return number if number is not None and math.isfinite(number) else None

    def _number(self, place: Place) -> float | None:
        """The number in a cell, None for an empty one."""
        self._left -= 1
        if self._left < 0:
            raise _UnknownError
        if place in self._numbers:
            return self._numbers[place]
        formula = self._formulas.get(place)
        if formula is None:
            if place in self._texts:
                raise _UnknownError
            return None
        if place in self._open or len(self._open) >= _DEEPEST or len(formula) > _LONGEST:
            raise _UnknownError
        self._open.add(place)
        try:
            value = _Reading(formula, self).whole()
        finally:
            self._open.discard(place)
        self._numbers[place] = value
        return value

    def area(self, area: str) -> Iterator[float]:
        """The numbers in a cell or a range of cells."""
        for place in self._places(area):
            if place not in self._texts and (number := self._number(place)) is not None:
                yield number

    def single(self, area: str) -> float:
        """The number in one cell, 0 in an empty one."""
        if ":" in area:
            raise _UnknownError
        return self._number(next(self._places(area))) or 0.0

    def _places(self, area: str) -> Iterator[Place]:
        corners = [(column_of(one[1]), int(one[2])) for one in _PLACE.finditer(area.replace("$", "").upper())]
        (left, right), (top, bottom) = (sorted(pair) for pair in zip(corners[0], corners[-1], strict=True))
        if (right - left + 1) * (bottom - top + 1) > self._left:
            raise _UnknownError
        return ((row, column) for row in range(top, bottom + 1) for column in range(left, right + 1))


class _Reading:
    """One formula, read from left to right."""

    def __init__(self, formula: str, cells: Formulas) -> None:
        self._cells = cells
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(formula):
            match = _TOKEN.match(formula, at)
            if match is None or match.lastgroup is None:
                raise _UnknownError
            self._tokens.append((match.lastgroup, match[match.lastgroup].upper()))
            at = match.end()
        self._at = 0
        self._depth = 0

    def whole(self) -> float:
        value = self._sum()
        if self._at < len(self._tokens):
            raise _UnknownError
        return value

    def _next(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _take(self, *signs: str) -> str:
        if self._at < len(self._tokens) and self._tokens[self._at][0] == "sign" and self._next() in signs:
            self._at += 1
            return self._tokens[self._at - 1][1]
        return ""

    def _sum(self) -> float:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _UnknownError
        value = self._product()
        while sign := self._take("+", "-"):
            other = self._product()
            value = value + other if sign == "+" else value - other
        self._depth -= 1
        return value

    def _product(self) -> float:
        value = self._power()
        while sign := self._take("*", "/"):
            other = self._power()
            value = value * other if sign == "*" else value / other
        return value

    def _power(self) -> float:
        value = self._signed()
        while self._take("^"):
            value = math.pow(value, self._signed())
        return value

    def _signed(self) -> float:
        # A sign binds more closely than a power here: -2^2 is 4.
        negative = False
        while sign := self._take("+", "-"):
            negative ^= sign == "-"
        value = self._term()
        while self._take("%"):
            value /= 100
        return -value if negative else value

    def _term(self) -> float:
        if self._at >= len(self._tokens):
            raise _UnknownError
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind == "number":
            return float(text)
        if kind == "area":
            return self._cells.single(text)
        if kind == "function":
            return self._call(text)
        if text == "(":
            value = self._sum()
            if not self._take(")"):
                raise _UnknownError
            return value
        raise _UnknownError

    def _call(self, name: str) -> float:
        arguments: list[list[float]] = []
        while not self._take(")"):
            if arguments and not self._take(","):
                raise _UnknownError
            kind, text = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
            after = self._tokens[self._at + 1][1] if self._at + 1 < len(self._tokens) else ""
            if kind == "area" and after in (",", ")"):
                self._at += 1
                arguments.append(list(self._cells.area(text)))
            else:
                arguments.append([self._sum()])
        if name == "ROUND":
            return _rounded(arguments)
        function = _FUNCTIONS.get(name)
        values = [value for argument in arguments for value in argument]
        if function is None or not arguments or (not values and name == "AVERAGE"):
            raise _UnknownError
        return function(values)


def _rounded(arguments: Sequence[Sequence[float]]) -> float:
    if [len(one) for one in arguments] != [1, 1]:
        raise _UnknownError
    places = int(arguments[1][0])
    return float(Decimal(repr(arguments[0][0])).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP))


_FUNCTIONS: dict[str, Callable[[list[float]], float]] = {
    "SUM": math.fsum,
    "AVERAGE": lambda values: math.fsum(values) / len(values),
    "MIN": lambda values: min(values, default=0.0),
    "MAX": lambda values: max(values, default=0.0),
    "COUNT": lambda values: float(len(values)),
    "PRODUCT": lambda values: math.prod(values) if values else 0.0,
}
