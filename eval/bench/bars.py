"""Bars: what is asked of a benchmark's figures, and whether they reach it."""

from __future__ import annotations

from typing import Literal

from eval.results import Frozen

Bound = Literal["at least", "at most"]
Unit = Literal["number", "bytes", "share"]


class Bar(Frozen):
    """Something asked of a figure: its `value` is to be `bound` `limit`; `holds` says whether it is. A share lies in
    0..1."""

    name: str
    value: float
    limit: float
    holds: bool
    bound: Bound
    unit: Unit = "number"

    def figures(self) -> str:
        """The value beside its limit, as "1.20, at most 3"."""
        match self.unit:
            case "bytes":
                return f"{self.value / 1e9:.2f} GB, {self.bound} {self.limit / 1e9:.1f} GB"
            case "share":
                return f"{100 * self.value:.1f} points, {self.bound} {100 * self.limit:g}"
            case "number":
                return f"{self.value:.2f}, {self.bound} {self.limit:g}"

    def line(self) -> str:
        """The bar as a line under a table."""
        return f"{'holds' if self.holds else 'FALLS SHORT'}: {self.name} {self.figures()}"


def at_most(name: str, value: float, limit: float, unit: Unit = "number") -> Bar:
    """A bar that holds up to its limit."""
    return Bar(name=name, value=value, limit=limit, holds=value <= limit, bound="at most", unit=unit)


def at_least(name: str, value: float, limit: float, unit: Unit = "number") -> Bar:
    """A bar that holds from its limit on."""
    return Bar(name=name, value=value, limit=limit, holds=value >= limit, bound="at least", unit=unit)
