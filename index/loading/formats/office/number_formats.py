"""Numbers as a sheet shows them, by the format codes of their cells (ECMA-376-1, 18.8.30 and 18.8.31).

Percent, fixed and thousands places, leading zeros, literals and currencies, signs and sections, scaling, exponents,
fractions, dates, times and durations are shown as the code says. Days and times whose form depends on whose computer
shows them are in ISO 8601. What a code says beside that (colours, widths) is not shown, and a code that is not
understood gives the plain number.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache
from locale import windows_locale

# The ones that are not written into files, by number; 14 and 22 are days as the computer has them.
BUILT_IN = {
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    5: '"$"#,##0;("$"#,##0)',
    6: '"$"#,##0;("$"#,##0)',
    7: '"$"#,##0.00;("$"#,##0.00)',
    8: '"$"#,##0.00;("$"#,##0.00)',
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    12: "# ?/?",
    13: "# ??/??",
    14: "[$-F800]",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    22: "yyyy-mm-dd hh:mm",
    37: "#,##0;(#,##0)",
    38: "#,##0;(#,##0)",
    39: "#,##0.00;(#,##0.00)",
    40: "#,##0.00;(#,##0.00)",
    41: '#,##0;(#,##0);"-"',
    42: '"$"#,##0;("$"#,##0);"$"-',
    43: '#,##0.00;(#,##0.00);"-"',
    44: '"$"#,##0.00;("$"#,##0.00);"$"-',
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss.0",
    48: "##0.0E+0",
    49: "@",
}
_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|_.|\*.|\[(?P<bracket>[^\]\[]*)\]|(?P<general>general)'
    r"|(?P<ampm>am/pm|a/p)|(?P<exponent>e[+-](?=[0#?]))|(?P<date>y+|m+|d+|h+|s+|e+|g+|b+)|(?P<place>[0#?])|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d+)?)")
_ELAPSED = re.compile(r"h+|m+|s+", re.IGNORECASE)
_LCID = re.compile(r"[0-9A-F]{3,8}", re.IGNORECASE)
# As Excel counts, to which 1900 was a leap year: its day 60 was none.
_EPOCH, _EPOCH_1904, _FALSE_DAY = datetime.datetime(1899, 12, 30), datetime.datetime(1904, 1, 1), 60
_LAST_DAY = 2_958_466
# More places than a number has digits, or than anybody writes.
_MOST_PLACES = 60
_LONGEST_CODE = 255
# Names of days and months by the number of letters, as CLDR writes them.
_NAMES = {"d": {3: "ccc", 4: "cccc"}, "m": {3: "LLL", 4: "LLLL", 5: "LLLLL"}}


@dataclass(frozen=True, slots=True)
class _Token:
    """A piece of a code: what kind, and its words."""

    kind: str
    text: str


def shown(value: float, code: str, *, from_1904: bool = False) -> str:
    """A number as a cell with this format code shows it."""
    if not code or len(code) > _LONGEST_CODE or code == "@":
        return plain(value)
    try:
        sections = _sections(code)
        tokens, signed = _section(sections, value)
        kinds = {token.kind for token in tokens}
        if kinds & {"date", "elapsed", "ampm", "local"}:
            return _moment(value, tokens, from_1904=from_1904)
        number = value if signed else abs(value)
        if not kinds & {"place", "general"}:
            return "".join(token.text for token in tokens if token.kind == "literal").strip()
        return _number(number, tokens).strip()
    except (ValueError, OverflowError, InvalidOperation, ZeroDivisionError):
        return plain(value)


def plain(value: float) -> str:
    """A number without a format, to the places that mean something."""
    rounded = round(value, 12)
    if rounded == int(rounded) and abs(rounded) < 1e15:
        return str(int(rounded))
    return repr(rounded) if rounded else repr(value)


@lru_cache(maxsize=1_000)
def _sections(code: str) -> tuple[tuple[_Token, ...], ...]:
    sections: list[list[_Token]] = [[]]
    for match in _TOKEN.finditer(code):
        kind, text = match.lastgroup, match.group()
        if kind == "other" and text == ";":
            sections.append([])
        elif kind == "bracket":
            sections[-1] += _bracket(match["bracket"])
        elif kind in ("quoted", "escaped"):
            sections[-1].append(_Token("literal", match[kind]))
        elif kind == "other":
            sections[-1].append(_Token(text if text in ".,%/@" else "literal", text))
        elif kind is not None:
            sections[-1].append(_Token(kind, text))
    return tuple(tuple(section) for section in sections)


def _bracket(inside: str) -> list[_Token]:
    if inside.startswith("$"):
        symbol, _, language = inside[1:].partition("-")
        if language.upper() in ("F800", "F400"):
            return [_Token("local", language.upper())]
        named = [_Token("language", language)] if _LCID.fullmatch(language) else []
        return [_Token("literal", symbol), *named] if symbol else named
    if _ELAPSED.fullmatch(inside):
        return [_Token("elapsed", inside.lower())]
    return [_Token("condition", inside)] if _CONDITION.fullmatch(inside.strip()) else []


def _section(sections: Sequence[tuple[_Token, ...]], value: float) -> tuple[tuple[_Token, ...], bool]:
    """The section for a value, and whether the value keeps its sign there."""
    usable = sections[:3]
    conditions = [next((token for token in section if token.kind == "condition"), None) for section in usable]
    if any(conditions):
        for section, condition in zip(usable, conditions, strict=True):
            if condition is None or _holds(condition.text, value):
                return section, True
        return usable[-1], True
    if len(usable) == 1 or value > 0:
        return usable[0], True
    if value < 0:
        return usable[1], False
    return usable[2 if len(usable) > 2 else 0], False


def _holds(condition: str, value: float) -> bool:
    match = _CONDITION.fullmatch(condition.strip())
    sign, limit = (match[1], float(match[2])) if match else ("=", 0.0)
    return {
        "<": value < limit,
        ">": value > limit,
        "=": value == limit,
        "<=": value <= limit,
        ">=": value >= limit,
        "<>": value != limit,
    }[sign]


def _number(value: float, tokens: Sequence[_Token]) -> str:
    kinds = [token.kind for token in tokens]
    if "general" in kinds:
        body = "".join(
            plain(abs(value)) if t.kind == "general" else t.text for t in tokens if t.kind in ("general", "literal")
        )
        return f"-{body}" if value < 0 else body
    if "/" in kinds and _below(tokens).strip("?#0 ").isdecimal() | ("place" in kinds[kinds.index("/") :]):
        return _fraction(value, tokens)
    places = [number for number, kind in enumerate(kinds) if kind == "place"]
    if len(places) > _MOST_PLACES:
        raise ValueError("more places than a number has")
    exponent_at = kinds.index("exponent") if "exponent" in kinds else len(kinds)
    point = kinds.index(".") if "." in kinds[:exponent_at] else exponent_at
    whole = [number for number in places if number < point]
    decimals = [number for number in places if point < number < exponent_at]
    last = max((number for number in places if number < exponent_at), default=-1)
    # A comma between places parts thousands; one behind the last place, before the point or the end, divides by them.
    grouped = any(kind == "," and whole and whole[0] < number < whole[-1] for number, kind in enumerate(kinds))
    edge = whole[-1] if whole else -1
    scaling = 0
    for start in {edge, last}:
        number = start + 1
        while 0 < number < len(kinds) and kinds[number] == ",":
            scaling += 1
            number += 1
    amount = Decimal(repr(abs(value))) * Decimal(100) ** kinds.count("%") / Decimal(1000) ** scaling
    exponent = 0
    if exponent_at < len(kinds):
        exponent = _exponent(amount, len(whole), len(decimals))
        amount = amount.scaleb(-exponent)
    amount = amount.quantize(Decimal(1).scaleb(-len(decimals)), rounding=ROUND_HALF_UP)
    digits, _, after = f"{amount:f}".partition(".")
    written = _whole(digits.lstrip("0"), whole, tokens, grouped=grouped) | _decimals(after, decimals, tokens)
    if exponent_at < len(kinds):
        rest = [number for number in places if number > exponent_at]
        written |= _whole(str(abs(exponent)).lstrip("0"), rest, tokens, grouped=False)
    pieces = []
    for number, token in enumerate(tokens):
        if token.kind == "place":
            pieces.append(written.get(number, ""))
        elif token.kind == "exponent":
            pieces.append(f"E{'-' if exponent < 0 else '+' if token.text[1] == '+' else ''}")
        elif token.kind == ".":
            pieces.append(
                "." if number == point and (any(written.get(one) for one in decimals) or not decimals) else ""
            )
        elif token.kind in ("literal", "%", "/"):
            pieces.append(token.text)
    body = "".join(pieces)
    return f"-{body}" if value < 0 and amount else body


def _exponent(amount: Decimal, whole: int, decimals: int) -> int:
    if not amount:
        return 0
    width = max(1, whole)
    exponent = (amount.adjusted() // width) * width if width > 1 else amount.adjusted()
    # 9.996 with two places is 10.00, which is 1.00 of the next power.
    rounded = amount.scaleb(-exponent).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    return exponent + width if rounded.adjusted() >= width else exponent


def _whole(digits: str, places: Sequence[int], tokens: Sequence[_Token], *, grouped: bool) -> dict[int, str]:
    """The digits at their places from the right; the first place takes all that are left."""
    written: dict[int, str] = {}
    left = digits
    done = 0
    for number in reversed(places):
        is_first = number == places[0]
        taken = left if is_first else left[-1:]
        left = "" if is_first else left[:-1]
        if not taken and tokens[number].text == "0":
            taken = "0"
        text = ""
        for digit in reversed(taken):
            text = digit + ("," if grouped and done and done % 3 == 0 else "") + text
            done += 1
        written[number] = text
    return written


def _decimals(digits: str, places: Sequence[int], tokens: Sequence[_Token]) -> dict[int, str]:
    written = dict(zip(places, digits, strict=False))
    for number in reversed(places):
        if tokens[number].text == "0" or written.get(number) != "0":
            break
        written[number] = ""
    return written


def _fraction(value: float, tokens: Sequence[_Token]) -> str:
    below = _below(tokens)
    slash = [token.kind for token in tokens].index("/")
    before = [token for token in tokens[:slash] if token.kind == "place" or not token.text.strip()]
    mixed = any(
        token.kind == "literal" and any(one.kind == "place" for one in before[:number])
        for number, token in enumerate(before)
    )
    amount = Fraction(Decimal(repr(abs(value))))
    if below.isdecimal() and int(below):
        top, bottom = round(amount * int(below)), int(below)
    else:
        limited = amount.limit_denominator(10 ** min(len(below), 4) - 1)
        top, bottom = limited.numerator, limited.denominator
    whole, rest = divmod(top, bottom) if mixed else (0, top)
    pieces = ([str(whole)] if whole else []) + ([f"{rest}/{bottom}"] if rest else [])
    return ("-" if value < 0 else "") + (" ".join(pieces) or "0")


def _below(tokens: Sequence[_Token]) -> str:
    """What a fraction's code says below the line."""
    slash = [token.kind for token in tokens].index("/")
    return "".join(token.text for token in tokens[slash + 1 :] if token.kind in ("place", "literal")).strip()


def _moment(value: float, tokens: Sequence[_Token], *, from_1904: bool) -> str:
    """A day, a time or a duration."""
    if any(token.kind == "elapsed" for token in tokens):
        return _duration(value, tokens)
    if not 0 <= value < _LAST_DAY:
        raise ValueError("no day of the calendar")
    fine = _subseconds(tokens)
    moment = _day(value, from_1904=from_1904) + datetime.timedelta(seconds=0.5 / 10**fine)
    local = next((token.text for token in tokens if token.kind == "local"), None)
    if local is None and any(token.kind == "date" and token.text[0] in "gGbB" for token in tokens):
        # An era, or a calendar that counts other years.
        local = "F800"
    if local is not None:
        return _local(moment, value, local)
    language = next((windows_locale.get(int(t.text, 16) & 0xFFFF) for t in tokens if t.kind == "language"), None)
    half = any(token.kind == "ampm" for token in tokens)
    pieces = []
    for number, token in enumerate(tokens):
        if token.kind == "date":
            pieces.append(
                _part(moment, token.text.lower(), language, is_minutes=_is_minutes(tokens, number), half=half)
            )
        elif token.kind == "ampm":
            pieces.append(("AM", "PM")[moment.hour >= 12][: 2 if len(token.text) > 3 else 1])
        elif token.kind == "place" and fine:
            pieces.append(_subsecond(moment, tokens, number))
        elif token.kind in ("literal", "/", ",", ".", "%"):
            pieces.append(token.text)
    return "".join(pieces).strip()


def _day(value: float, *, from_1904: bool) -> datetime.datetime:
    days = value if from_1904 else value + (1 if 0 < value < _FALSE_DAY and value >= 1 else 0)
    return (_EPOCH_1904 if from_1904 else _EPOCH) + datetime.timedelta(days=days)


def _local(moment: datetime.datetime, value: float, local: str) -> str:
    if local == "F400" or value < 1:
        return f"{moment:%H:%M:%S}"
    return f"{moment:%Y-%m-%d}" if value == int(value) else f"{moment:%Y-%m-%d %H:%M}"


def _is_minutes(tokens: Sequence[_Token], number: int) -> bool:
    """Whether an `m` means minutes: right behind hours or before seconds."""
    named = [(place, token) for place, token in enumerate(tokens) if token.kind in ("date", "elapsed")]
    at = next(place for place, (one, _) in enumerate(named) if one == number)
    before = named[at - 1][1].text.lower()[0] if at else ""
    after = named[at + 1][1].text.lower()[0] if at + 1 < len(named) else ""
    return before == "h" or after == "s"


def _part(moment: datetime.datetime, letters: str, language: str | None, *, is_minutes: bool, half: bool) -> str:
    """One part of a day or a time; with `half`, hours count to twelve."""
    letter, count = letters[0], len(letters)
    if letter in "dm" and not is_minutes and count in _NAMES[letter]:
        return _name(moment, _NAMES[letter][count], language)
    if letter in "ye":
        return f"{moment.year:04}" if letter == "e" or count in (3, 4) else f"{moment.year % 100:02}"
    number = {
        "m": moment.minute if is_minutes else moment.month,
        "d": moment.day,
        "h": (moment.hour % 12 or 12) if half else moment.hour,
        "s": moment.second,
    }.get(letter)
    if number is None:
        raise ValueError("an era or another calendar")
    return f"{number:0{min(count, 2)}}"


def _name(moment: datetime.datetime, pattern: str, language: str | None) -> str:
    from babel import UnknownLocaleError
    from babel.dates import format_datetime

    for locale in (language, "en_US"):
        try:
            return format_datetime(moment, pattern, locale=locale or "en_US")
        except (UnknownLocaleError, ValueError):
            continue
    raise ValueError("no name of a day or month")


def _subseconds(tokens: Sequence[_Token]) -> int:
    """How many decimals of a second are shown."""
    for number, token in enumerate(tokens):
        if token.kind == "." and number and tokens[number - 1].text.lower()[:1] == "s":
            rest = [one.kind == "place" for one in tokens[number + 1 :]]
            return (rest.index(False) if False in rest else len(rest)) or 0
    return 0


def _subsecond(moment: datetime.datetime, tokens: Sequence[_Token], number: int) -> str:
    point = max(place for place, token in enumerate(tokens[:number]) if token.kind == ".")
    return f"{moment.microsecond:06}"[min(number - point - 1, 5)]


def _duration(value: float, tokens: Sequence[_Token]) -> str:
    fine = _subseconds(tokens)
    ticks = int((Decimal(repr(abs(value))) * 86_400 * 10**fine).to_integral_value(ROUND_HALF_UP))
    seconds, rest = divmod(ticks, 10**fine)
    left = {"h": seconds // 3600, "m": seconds // 60 % 60, "s": seconds % 60}
    total = {"h": seconds // 3600, "m": seconds // 60, "s": seconds}
    decimals = iter(f"{rest:0{fine}}" if fine else "")
    pieces = []
    for token in tokens:
        letter = token.text.lower()[:1]
        if token.kind == "elapsed":
            pieces.append(f"{total[letter]:0{len(token.text)}}")
        elif token.kind == "date":
            pieces.append(f"{left[letter]:0{min(len(token.text), 2)}}")
        elif token.kind == "place":
            pieces.append(next(decimals, ""))
        elif token.kind in ("literal", ".", ",", "/"):
            pieces.append(token.text)
    return ("-" if value < 0 else "") + "".join(pieces).strip()
