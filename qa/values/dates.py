"""Dates and intervals in words, as ISO 8601 or, where a part is open, as EDTF (ISO 8601-2:2019, level 1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache

from qa.types import NormalizedDate
from qa.values.relative_dates import Tense, relative_date, weekday_date

# A date without a year gets the year that puts it nearest to the document's date, if that is within so many days;
# farther away, it could belong to either of two years.
_NEAR_DAYS = 120
_FIRST_YEAR, _LAST_YEAR = 1000, 2199
_SURELY_OTHER_MONTHS = 3
_APPROXIMATE = re.compile(r"(?:about|around|approximately|circa|ca\.?|c\.) ", re.IGNORECASE)
_BEGINS = re.compile(r"(?:since|from) (?:the )?", re.IGNORECASE)
_ENDS = re.compile(r"(?:until|through) (?:the )?", re.IGNORECASE)
_AT = re.compile(r"(?:on|in|during) (?:the year |the )?", re.IGNORECASE)
_BETWEEN = re.compile(r"between (?P<first>.+) and (?P<last>.+)", re.IGNORECASE)
_FROM_TO = re.compile(r"from (?P<first>.+) (?:to|until|till|through) (?P<last>.+)", re.IGNORECASE)
_TO = re.compile(r"\s*[-–—]\s*|\s+(?:to|until|till|through|bis)\s+", re.IGNORECASE)
_ISO = re.compile(r"(\d{4})([-/.])(\d{2})\2(\d{2})")
_NUMERIC = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})")
_YEAR = re.compile(r"\d{4}")
_SHORT_YEARS = re.compile(r"(\d{2})(\d{2})[-–](\d{2})")
_DECADE = re.compile(r"(?:the )?(\d{2}[1-9])0['’]?s", re.IGNORECASE)
_BEFORE_CHRIST = re.compile(r"(\d{1,4}) (?:BC|BCE|B\.C\.?|B\.C\.E\.?)")
# Languages in which dates with full stops always start with the day. Not English, which has no such custom.
_DAY_FIRST = frozenset("de ru pl cs sk fi nb no da et lv tr uk bg ro sl hr sr".split())
_NAMED = re.compile(r"(?:on |in )?(?:the )?(?P<which>last|this|next|coming) (?P<name>\w+)", re.IGNORECASE)
_APPROXIMATE_COUNT = re.compile(rf"{_APPROXIMATE.pattern}|(?:almost|nearly|roughly|some) ", re.IGNORECASE)
_WEEKDAY = re.compile(r"(?:on |by |until )?(?P<name>\w+)(?: (?:morning|noon|afternoon|evening|night))?", re.IGNORECASE)
_NO_PREFIX = re.compile("")


@dataclass(frozen=True, slots=True)
class _Point:
    """A date, or part of one that is completed by another."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    # 0 is Monday, as for `date.weekday`; None if none is stated.
    weekday: int | None = None

    @property
    def precision(self) -> str:
        return "day" if self.day else "month" if self.month else "year"

    @property
    def exists(self) -> bool:
        if 0 in (self.month, self.day):
            return False
        try:
            # 2000 was a leap year, so every possible day is valid in it.
            day = date(self.year or 2000, self.month or 1, self.day or 1)
        except ValueError:
            return False
        if self.year and self.day and self.weekday not in (None, day.weekday()):
            # Weekday and date contradict each other: one of them is wrong.
            return False
        # A day needs its month.
        return bool(self.month or not self.day) and bool(self.month or self.year)

    def iso(self) -> str:
        """ISO 8601, with `XXXX` for an unknown year (EDTF)."""
        parts = [f"{self.year:04d}" if self.year is not None else "XXXX"]
        parts += [f"{part:02d}" for part in (self.month, self.day) if part]
        return "-".join(parts)


def read_date(
    text: str, *, when: bool, written: str | None, language: str | None, tense: Tense | None = None
) -> NormalizedDate | None:
    """The date or interval that a text as a whole expresses; None if it is not, or not certainly, one.

    With `when`, the question asks for a time, so that a bare number may be a year and a bare name a month; `tense` is
    that of the question, by which a bare weekday is the one before or after the document's date.
    """
    if relative := _relative(text, written, when):
        return relative
    reader = _words_of((language or "en").split("-")[0])
    if when and (named := _named_day(text, reader, written, tense)):
        return named
    if when and _NAMED.fullmatch(text):
        return None
    for prefix, approximate, form in (
        (_APPROXIMATE, True, "{}~"),
        (_BEGINS, False, "{}/.."),
        (_ENDS, False, "../{}"),
        (_AT, False, "{}"),
        (_NO_PREFIX, False, "{}"),
    ):
        match = prefix.match(text)
        if match is None:
            continue
        rest = text[match.end() :]
        if (point := reader.point(rest)) and point.exists:
            # "About 1850" may be as many; since when, only a time can be.
            if (
                not when
                and (point.precision == "year" or (point.year is None and not point.day))
                and form
                not in (
                    "{}/..",
                    "../{}",
                )
            ):
                return None
            return None if approximate and point.year is None else _dated((point,), form, written)
    special = _special(text) or reader.either(text)
    return NormalizedDate(value=special) if special else _interval(text, reader, when, written)


def _named_day(text: str, reader: _Words, written: str | None, tense: Tense | None) -> NormalizedDate | None:
    """A weekday or month by its name, relative to the document's date."""
    if match := _NAMED.fullmatch(text):
        return _named(reader, match["which"].lower(), match["name"], written)
    if (match := _WEEKDAY.fullmatch(text)) and (weekday := reader.weekday(match["name"])) is not None:
        day = weekday_date(weekday, written, tense)
        return NormalizedDate(value=day, document_date=written) if day else None
    return None


def _interval(text: str, reader: _Words, when: bool, written: str | None) -> NormalizedDate | None:
    if (match := _SHORT_YEARS.fullmatch(text)) and when:
        century, first, last = match.groups()
        # 2003-04 may be a month.
        text = f"{century}{first}-{century}{last}" if int(last) > max(12, int(first)) else ""
    intervals: set[tuple[_Point, _Point]] = set()
    for left, right in _halves(text):
        first, last = reader.part(left), reader.part(right)
        if first and last and (whole := _completed(first, last)):
            intervals.add(whole)
    if len(intervals) != 1:
        return None
    ((first, last),) = intervals
    if first.precision == "year" and not when:
        return None
    return _dated((first, last), "{}", written)


def _halves(text: str) -> Iterator[tuple[str, str]]:
    for pattern in (_BETWEEN, _FROM_TO):
        if match := pattern.fullmatch(text):
            yield match["first"], match["last"]
            return
    for match in _TO.finditer(text):
        yield text[: match.start()], text[match.end() :]


def _completed(first: _Point, last: _Point) -> tuple[_Point, _Point] | None:
    """Both ends, each completed by the other; None if they do not fit together."""
    if last.month is None and last.day and first.day:
        last = replace(last, month=first.month)
    if first.month is None and first.day and last.day:
        first = replace(first, month=last.month)
    if first.precision != last.precision or not (first.month or first.year):
        return None
    if None in (first.year, last.year) and first.month == last.month and (last.day or 0) <= (first.day or 0):
        return None
    if first.year is None and last.year is not None:
        wraps = (first.month or 0, first.day or 0) > (last.month or 0, last.day or 0)
        first = replace(first, year=last.year - wraps)
    if last.year is None and first.year is not None:
        # "August 9, 2026 to May 3" does not say of which year.
        if (last.month or 0, last.day or 0) <= (first.month or 0, first.day or 0):
            return None
        last = replace(last, year=first.year)
    if not (first.exists and last.exists):
        return None
    if first.year is not None and (first.year, first.month or 0, first.day or 0) >= (
        last.year or 0,
        last.month or 0,
        last.day or 0,
    ):
        return None
    return first, last


def _dated(points: tuple[_Point, ...], form: str, written: str | None) -> NormalizedDate | None:
    """The date or interval as a value; a missing year is taken from the document's date if that is unambiguous."""
    first = points[0]
    used = None
    if first.year is None and (near := _nearest_year(first, written)):
        first = replace(first, year=near)
        points = (first,) if len(points) == 1 else (first, _following(first, points[1]))
        used = written
    if not all(point.exists for point in points):
        return None
    return NormalizedDate(value=form.format("/".join(point.iso() for point in points)), document_date=used)


def _following(first: _Point, last: _Point) -> _Point:
    wraps = (last.month or 0, last.day or 0) < (first.month or 0, first.day or 0)
    return replace(last, year=(first.year or 0) + wraps)


def _nearest_year(point: _Point, written: str | None) -> int | None:
    # A month is represented by its middle.
    written_on = _day(f"{written}-15") if re.fullmatch(r"\d{4}-\d{2}", written or "") else _day(written)
    if written_on is None or point.month is None:
        return None
    years = []
    for year in (written_on.year - 1, written_on.year, written_on.year + 1):
        candidate = replace(point, year=year, day=point.day or 15)
        if candidate.exists and _FIRST_YEAR <= year <= _LAST_YEAR:
            day = date(year, point.month, point.day or 15)
            years.append((abs((day - written_on).days), year))
    distance, year = min(years, default=(_NEAR_DAYS + 1, 0))
    return year if distance <= _NEAR_DAYS else None


def _day(written: str | None) -> date | None:
    """The day that a document states; None if it states none."""
    try:
        return date.fromisoformat((written or "").partition("T")[0])
    except ValueError:
        return None


def _relative(text: str, written: str | None, when: bool) -> NormalizedDate | None:
    """A date relative to the document's, possibly approximate, or an interval that begins or ends with one."""
    for prefix, form in ((_APPROXIMATE_COUNT, "{}~"), (_BEGINS, "{}/.."), (_ENDS, "../{}"), (_NO_PREFIX, "{}")):
        if (match := prefix.match(text)) and (value := relative_date(text[match.end() :], written, when=when)):
            if not _FIRST_YEAR <= int(value[:4]) <= _LAST_YEAR:
                return None
            return NormalizedDate(value=form.format(value).replace("~~", "~"), document_date=written)
    return None


def _named(reader: _Words, which: str, name: str, written: str | None) -> NormalizedDate | None:
    """The last, this or next weekday or month of a name, relative to the date of the document; None if ambiguous."""
    written_on = _day(written)
    if written_on is None:
        return None
    if (weekday := reader.weekday(name)) is not None:
        day = _weekday(written_on, which, weekday)
        value = day.isoformat() if day else None
    elif (point := reader.point(name)) and point.month and point.day is None and point.year is None:
        year = _year_of_month(written_on, which, point.month)
        value = f"{year:04d}-{point.month:02d}" if year else None
    else:
        return None
    return NormalizedDate(value=value, document_date=written) if value else None


def _weekday(written_on: date, which: str, weekday: int) -> date | None:
    # On Thursday, "last Tuesday" may be two days ago or nine: only what lies in the week before is sure, and so in
    # the week after. Some begin the week with Sunday.
    since_monday, since_sunday = written_on.weekday(), written_on.isoweekday() % 7
    back, ahead = (written_on.weekday() - weekday) % 7, (weekday - written_on.weekday()) % 7
    if which == "last":
        return written_on - timedelta(days=back) if back > max(since_monday, since_sunday) else None
    if which == "next":
        return written_on + timedelta(days=ahead) if ahead > max(6 - since_monday, 6 - since_sunday) else None
    if which == "coming":
        return written_on + timedelta(days=ahead) if ahead else None
    # "This Friday" on a Sunday may be two days ago.
    return written_on + timedelta(days=ahead) if ahead <= min(6 - since_monday, 6 - since_sunday) else None


def _year_of_month(written_on: date, which: str, month: int) -> int | None:
    # In April, "last March" may be a month ago or thirteen; in February, "next March" a month from now or thirteen.
    back, ahead = (written_on.month - month) % 12, (month - written_on.month) % 12
    if which == "last":
        return written_on.year - (month > written_on.month) if back >= _SURELY_OTHER_MONTHS else None
    if which == "next":
        return (
            written_on.year + (month < written_on.month)
            if ahead >= _SURELY_OTHER_MONTHS and month < written_on.month
            else None
        )
    if which == "coming":
        return written_on.year + (month < written_on.month) if ahead else None
    return written_on.year


def _special(text: str) -> str | None:
    """A decade, or a year before Christ."""
    if match := _DECADE.fullmatch(text):
        return f"{match[1]}X"
    if (match := _BEFORE_CHRIST.fullmatch(text)) and int(match[1]) > 0:
        # ISO 8601 has a year 0, which is 1 BC.
        return f"-{int(match[1]) - 1:04d}" if int(match[1]) > 1 else "0000"
    return None


class _Words:
    """Reads dates with the names of months and weekdays of a language, from the Unicode CLDR, and of English."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._months: dict[str, int] = {}
        self._weekdays: dict[str, int] = {}
        for code in dict.fromkeys(("en", language)):
            months, days = _names(code)
            self._months |= months
            self._weekdays |= days
        self._months["sept"] = 9
        month = "|".join(sorted(map(re.escape, self._months), key=len, reverse=True))
        weekday = "|".join(sorted(map(re.escape, self._weekdays), key=len, reverse=True))
        day = r"(?:the )?(?P<day>\d{1,2})(?:st|nd|rd|th|er|º|\.)?"
        named = rf"(?P<month>{month})\.?"
        year = r"(?P<year>\d{4})"
        lead = rf"(?:(?:on )?(?P<weekday>{weekday})\.?,? (?:the )?)?"
        forms = (
            rf"{lead}{day} ?(?:of |de |d['’])?{named}(?:,? (?:of |de )?{year})?",
            rf"{lead}{named} {day}(?:,? {year})?",
            rf"{named},? (?:of |de )?{year}",
            rf"{named}",
        )
        self._forms = [re.compile(form, re.IGNORECASE) for form in forms]
        self._partial = re.compile(rf"{day}(?:,? {year})?", re.IGNORECASE)

    def point(self, text: str) -> _Point | None:
        """The date that a text as a whole expresses."""
        if match := _ISO.fullmatch(text):
            return _Point(int(match[1]), int(match[3]), int(match[4]))
        if match := _NUMERIC.fullmatch(text):
            return self._numeric(int(match[1]), int(match[3]), int(match[4]), match[2])
        if _YEAR.fullmatch(text):
            return _Point(int(text)) if _FIRST_YEAR <= int(text) <= _LAST_YEAR else None
        for form in self._forms:
            if match := form.fullmatch(text):
                return self._made(match)
        return None

    def weekday(self, name: str) -> int | None:
        """The weekday of that name, where 0 is Monday."""
        return self._weekdays.get(name.lower())

    def either(self, text: str) -> str | None:
        """The two dates, as an EDTF "one of a set", that a text may mean if day and month can be in either order."""
        match = _NUMERIC.fullmatch(_AT.sub("", text, count=1))
        if match is None or self.point(match[0]):
            return None
        first, second, year = int(match[1]), int(match[3]), int(match[4])
        both = sorted({_Point(year, second, first).iso(), _Point(year, first, second).iso()})
        usual = match[2] == "/" and _FIRST_YEAR <= year <= _LAST_YEAR
        return f"[{','.join(both)}]" if usual and 1 <= first <= 12 and 1 <= second <= 12 else None

    def part(self, text: str) -> _Point | None:
        """Like `point`, but also reads a day whose month is stated elsewhere."""
        if _YEAR.fullmatch(text):
            return self.point(text)
        match = self._partial.fullmatch(text)
        return self._made(match) if match else self.point(text)

    def _made(self, match: re.Match[str]) -> _Point | None:
        parts = match.groupdict()
        year = int(parts["year"]) if parts.get("year") else None
        if year is not None and not _FIRST_YEAR <= year <= _LAST_YEAR:
            return None
        month = self._months[parts["month"].lower().rstrip(".")] if parts.get("month") else None
        day = int(parts["day"]) if parts.get("day") else None
        weekday = self._weekdays[parts["weekday"].lower().rstrip(".")] if parts.get("weekday") else None
        return _Point(year, month, day, weekday) if day is None or 1 <= day <= 31 else None

    def _numeric(self, first: int, second: int, year: int, separator: str) -> _Point | None:
        """The date with day and month in the only possible order, or in the only customary one."""
        day_first, month_first = _Point(year, second, first), _Point(year, first, second)
        possible = [point for point in (day_first, month_first) if point.exists]
        if separator == "." and self._language in _DAY_FIRST:
            possible = [day_first]
        return possible[0] if len(set(possible)) == 1 and possible[0].exists else None


@lru_cache(maxsize=16)
def _words_of(language: str) -> _Words:
    return _Words(language)


def _names(language: str) -> tuple[dict[str, int], dict[str, int]]:
    """The months of a language and its weekdays (0 is Monday), by lower-case name without full stop."""
    from babel import Locale, UnknownLocaleError
    from babel.dates import get_day_names, get_month_names

    try:
        locale = Locale.parse(language)
    except (UnknownLocaleError, ValueError):
        return {}, {}
    months: dict[str, int] = {}
    days: dict[str, int] = {}
    for width in ("wide", "abbreviated"):
        for context in ("format", "stand-alone"):
            for number, name in get_month_names(width, context, locale).items():
                # Some locales have numbers in place of names.
                if any(char.isalpha() for char in name):
                    months.setdefault(name.lower().rstrip("."), number)
            for number, name in get_day_names(width, context, locale).items():
                days.setdefault(name.lower().rstrip("."), number)
    return months, days
