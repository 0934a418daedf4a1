"""Dates relative to the date of the document that states them: "yesterday", "two weeks ago", "last month".

Only expressions relative to the time of writing: "three days earlier" refers to something in the text before it.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Literal

from dateutil.relativedelta import relativedelta

Tense = Literal["past", "future"]
_NUMBERS = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_UNITS = {"day": 1, "week": 7, "fortnight": 14, "month": 1, "year": 1, "decade": 10, "century": 100}
_DAYS = {
    "today": 0,
    "tonight": 0,
    "yesterday": -1,
    "tomorrow": 1,
    "day before yesterday": -2,
    "day after tomorrow": 2,
}
_DAY = re.compile(
    r"(?:the )?(?P<day>day before yesterday|day after tomorrow|yesterday|tomorrow|today|tonight)"
    r"(?: (?:morning|afternoon|evening|night))?|this (?:morning|afternoon|evening)",
    re.IGNORECASE,
)
_PERIOD = re.compile(r"(?:(?:early|earlier|late|later) )?(?P<which>last|this|next) (?P<unit>month|year)", re.IGNORECASE)
_COUNTED = re.compile(
    r"(?P<lead>exactly |only |just )?(?P<number>[\w-]+(?: [\w-]+)?) "
    r"(?P<unit>day|week|fortnight|month|year|decade|centur)(?:y|ies|s)? (?P<way>ago|from now|from today|hence)",
    re.IGNORECASE,
)
_AHEAD = re.compile(
    r"in (?P<lead>exactly |only |just )?(?P<number>[\w-]+(?: [\w-]+)?)['’]? "
    r"(?P<unit>day|week|fortnight|month|year|decade|centur)(?:y|ies|s)?(?:['’]s?)?(?: time)?",
    re.IGNORECASE,
)
_STEP = {"last": -1, "this": 0, "next": 1}


def relative_date(text: str, written: str | None, *, when: bool = False) -> str | None:
    """The date that an English text as a whole expresses, relative to a document's date (`YYYY`, `YYYY-MM`, or a day
    with or without a time); None if it is not such a date, or if the document's date is less precise than the unit.

    With `when`, the question asks for a time, so that "in two weeks" is one. The result is ISO 8601 and as precise as
    the unit: "two months ago" is a month. Weeks and decades are rarely meant to the day or year, so they are marked as
    approximate (EDTF, `~`) unless the text says "exactly".
    """
    stated = _stated(written)
    if stated is None:
        return None
    written_on, precision = stated
    if match := _DAY.fullmatch(text):
        days = _DAYS[match["day"].lower()] if match["day"] else 0
        return _iso(written_on + relativedelta(days=days), 3) if precision == 3 else None
    if match := _PERIOD.fullmatch(text):
        parts = 2 if match["unit"].lower() == "month" else 1
        step = relativedelta(months=1) if parts == 2 else relativedelta(years=1)
        return _iso(written_on + _STEP[match["which"].lower()] * step, parts) if precision >= parts else None
    if match := _COUNTED.fullmatch(text):
        return _counted(match, written_on, precision, back=match["way"].lower() == "ago")
    # "In two weeks" may also say how long something takes; whoever asks when is answered by a date.
    return _counted(match, written_on, precision, back=False) if (match := _AHEAD.fullmatch(text)) and when else None


def weekday_date(weekday: int, written: str | None, tense: Tense | None) -> str | None:
    """The day that a weekday's name alone means (0 is Monday): the one before or after the document's date, by the
    `tense` of the question; either of both, as an EDTF set, where that leaves it open. None for a document without a
    day, or that was written on such a day: "Friday" may be the same, or another."""
    stated = _stated(written)
    if stated is None or stated[1] < 3 or stated[0].weekday() == weekday:
        return None
    written_on = stated[0]
    try:
        last = written_on - timedelta(days=(written_on.weekday() - weekday) % 7)
        coming = written_on + timedelta(days=(weekday - written_on.weekday()) % 7)
    except OverflowError:
        return None
    if tense is None:
        return f"[{last.isoformat()},{coming.isoformat()}]"
    return (last if tense == "past" else coming).isoformat()


def _counted(match: re.Match[str], written_on: date, precision: int, *, back: bool) -> str | None:
    unit = match["unit"].lower().replace("centur", "century")
    number = _number(match["number"].lower())
    if not number:
        return None
    steps = number * _UNITS[unit] * (-1 if back else 1)
    parts = 3 if unit in ("day", "week", "fortnight") else 2 if unit == "month" else 1
    if precision < parts:
        return None
    step = {3: relativedelta(days=steps), 2: relativedelta(months=steps), 1: relativedelta(years=steps)}[parts]
    try:
        value = _iso(written_on + step, parts)
    except (ValueError, OverflowError):
        # Before the year 1, or after 9999.
        return None
    exact = unit in ("day", "month", "year") or (match["lead"] or "").strip().lower() == "exactly"
    return value if exact or value is None else f"{value}~"


def _stated(written: str | None) -> tuple[date, int] | None:
    """A document's date (the first day, if only the year or month is known), and how many of its parts are known."""
    day = (written or "").partition("T")[0]
    if not re.fullmatch(r"\d{4}(?:-\d{2}(?:-\d{2})?)?", day):
        return None
    try:
        return date.fromisoformat(f"{day}-01-01"[:10]), day.count("-") + 1
    except ValueError:
        return None


def _number(words: str) -> int | None:
    """A number in digits or in words below a hundred; "a" is one."""
    if words.isdecimal():
        return int(words) if len(words) <= 6 else None
    if words in ("a", "an"):
        return 1
    if words in _NUMBERS:
        return _NUMBERS.index(words) + 1
    tens, _, ones = words.replace(" ", "-").partition("-")
    if tens not in _TENS or (ones and ones not in _NUMBERS[:9]):
        return None
    return 10 * (_TENS.index(tens) + 2) + (_NUMBERS.index(ones) + 1 if ones else 0)


def _iso(day: date, parts: int) -> str:
    return "-".join(day.isoformat().split("-")[:parts])
