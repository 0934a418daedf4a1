"""Units in terms of one another: 60 minutes are an hour, 3,000 metres 3 kilometres."""

from __future__ import annotations

_PREFIXES = {
    "tera": 1e12,
    "giga": 1e9,
    "mega": 1e6,
    "kilo": 1e3,
    "hecto": 1e2,
    "deci": 1e-1,
    "centi": 1e-2,
    "milli": 1e-3,
    "micro": 1e-6,
    "nano": 1e-9,
}
_PREFIXED = frozenset("meter gram liter second watt watt-hour hertz byte joule pascal ampere bar".split())
# What is not said with a prefix (NIST Special Publication 811, appendix B.8).
_OTHERS = {
    "minute": (60.0, "second"),
    "hour": (3_600.0, "second"),
    "day": (86_400.0, "second"),
    "week": (604_800.0, "second"),
    "year": (12.0, "month"),
    "decade": (120.0, "month"),
    "century": (1_200.0, "month"),
    "tonne": (1e6, "gram"),
    "hectare": (1e4, "square-meter"),
    "square-kilometer": (1e6, "square-meter"),
}
# Of another system: what is converted from one to the other is rounded.
_IMPERIAL = {
    "inch": (0.0254, "meter"),
    "foot": (0.3048, "meter"),
    "yard": (0.9144, "meter"),
    "mile": (1_609.344, "meter"),
    "nautical-mile": (1_852.0, "meter"),
    "acre": (4_046.856, "square-meter"),
    "square-mile": (2_589_988.0, "square-meter"),
    "mile-per-hour": (1.609344, "kilometer-per-hour"),
    "knot": (1.852, "kilometer-per-hour"),
}


def in_base(unit: str) -> tuple[float, str]:
    """How many of which base unit a unit is; a unit that nothing is known of is its own base.

    Units are named as the CLDR names them. Degrees are not converted: their zeros differ.
    """
    if known := _OTHERS.get(unit) or _IMPERIAL.get(unit):
        return known
    for prefix, factor in _PREFIXES.items():
        base = unit.removeprefix(prefix)
        if base != unit and base in _PREFIXED:
            return factor, base
    return 1.0, unit


def is_rounded(one: str, other: str) -> bool:
    """Whether an amount in one unit, said in the other, is likely to have been rounded."""
    return one != other and (one in _IMPERIAL or other in _IMPERIAL)
