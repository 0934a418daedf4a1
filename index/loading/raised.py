"""Raised and lowered marks: exponents, chemical formulas and footnotes, none of which is a digit of its base."""

from __future__ import annotations

import re
from typing import Literal

_RAISED = str.maketrans("0123456789+-−–()=n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻⁽⁾⁼ⁿ")
_LOWERED = str.maketrans("0123456789+-−–()=", "₀₁₂₃₄₅₆₇₈₉₊₋₋₋₍₎₌")
_POWER = re.compile(r"[-+−–]?\d{1,3}|n")
# A mark of a note: a number, one or two letters or signs, several of these, each maybe in brackets.
_MARK = re.compile(r"[\[(]?(?:\d{1,3}|[a-z]{1,2}|[*†‡§¶#]{1,3})(?:\s*[,;–-]\s*(?:\d{1,3}|[a-z]))*[\])]?")
_ORDINAL = re.compile(r"(?:st|nd|rd|th|er|re|e|ère|ème|ième|o|a|ª|º|TM|SM|®|™)", re.IGNORECASE)
# What may be raised to a power: 10 and 2, a unit, a letter that stands for a number, an expression in brackets.
_UNITS = "[cdkmnµμ]?m|m?s|[km]?g|m?[lL]|h|ft|yd|mi|cd|mol|Pa|k?[WVN]|Hz|px|sec|min|yr"
_BASE = re.compile(rf"(?:(?<![\w.,])(?:10|2)|(?<![^\W\d_])(?:{_UNITS}|[A-Za-z])|\))$")


def raised(mark: str, before: str, *, is_note: bool = False) -> tuple[Literal["text", "note"], str]:
    """What a raised mark is behind the text `before` it, with its words: part of the text, with digits as raised ones,
    or the mark of a note. `is_note` tells that its format says so (it is a link)."""
    words = " ".join(mark.split())
    if is_note:
        return "note", words.strip("[]()")
    if _POWER.fullmatch(words) and _BASE.search(before):
        return "text", words.translate(_RAISED)
    if before[-1:].isdigit() and _ORDINAL.fullmatch(words) and (len(words) > 1 or words in "ªº"):
        return "text", words
    if _MARK.fullmatch(words) and before.strip():
        return "note", words.strip("[]()")
    if words.strip("+-−–").isdecimal():
        # Charges (Ca2+), and whatever else is raised, are no digits of the line.
        return "text", words.translate(_RAISED)
    return "text", mark


def lowered(mark: str, before: str) -> str:
    """A lowered mark behind the text `before` it: the digits of a formula are written on the line, as people type them
    (CO2), those behind a digit are lowered ones."""
    words = " ".join(mark.split())
    return words.translate(_LOWERED) if before[-1:].isdigit() and words.isdecimal() else mark
