"""Quantities with units and money in words; units and currencies as the Unicode CLDR names them."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal

from qa.types import NormalizedMoney, NormalizedQuantity

_KINDS = (
    "area length mass duration temperature speed volume energy power digital frequency pressure electric light force"
).split()
# Units that mean different things in different places, and words that mean something else as well.
_LEFT_OUT = frozenset(
    "mass-ton mass-stone mass-ounce mass-pound mass-grain mass-carat volume-gallon volume-pint volume-quart volume-cup "
    "volume-fluid-ounce volume-barrel volume-bushel volume-drop volume-pinch volume-dram volume-jigger length-point "
    "volume-pint-metric volume-cup-metric volume-tablespoon volume-teaspoon volume-dessert-spoon duration-night "
    "temperature-generic length-mile-scandinavian energy-calorie energy-foodcalorie duration-quarter area-dunam "
    "duration-day-person duration-week-person duration-month-person duration-year-person digital-bit "
    "pressure-gasoline-energy-density electric-ohm speed-light-speed".split()
)
# pm is an hour, Dec a month, nm at sea a nautical mile, 5 K as well a sum or a run, N as well a latitude.
_ALSO_WORDS = frozenset("in m/s² th d b c e n p w pm am nm dec K N ac cd fur pc PB ML bar bars".split())
# Beside the CLDR's own short forms.
_SHORT = {
    "km/h": "speed-kilometer-per-hour",
    "kph": "speed-kilometer-per-hour",
    "mph": "speed-mile-per-hour",
    "h": "duration-hour",
    "hrs": "duration-hour",
    "s": "duration-second",
    "kWh": "energy-kilowatt-hour",
    "km²": "area-square-kilometer",
    "km2": "area-square-kilometer",
    "m2": "area-square-meter",
    "m3": "volume-cubic-meter",
    "l": "volume-liter",
    "%": "percent",
    "percent": "percent",
    "per cent": "percent",
    "pct": "percent",
    "°C": "temperature-celsius",
    "°F": "temperature-fahrenheit",
    "degrees Celsius": "temperature-celsius",
    "degrees Fahrenheit": "temperature-fahrenheit",
}
# One symbol, one currency. "$", "¥" and "kr" are several countries'; which, the symbol does not say.
_SYMBOLS = {
    "€": "EUR",
    "£": "GBP",
    "US$": "USD",
    "A$": "AUD",
    "AU$": "AUD",
    "C$": "CAD",
    "CA$": "CAD",
    "NZ$": "NZD",
    "HK$": "HKD",
    "R$": "BRL",
    "₹": "INR",
    "₽": "RUB",
    "₩": "KRW",
    "₪": "ILS",
    "₫": "VND",
    "₴": "UAH",
    "₺": "TRY",
    "CN¥": "CNY",
    "$": None,
    "¥": None,
}
# Codes that are not words as well: not TOP 10, COP 26 or ALL 5.
_CODES = (
    "USD EUR GBP JPY CNY CHF CAD AUD NZD SEK NOK DKK ISK INR BRL ZAR KRW SGD HKD MXN PLN CZK HUF ILS THB IDR TWD RUB "
    "UAH"
).split()
# Of each of the forms that a noun has after a number in most languages.
_COUNTS = (1, 2, 5)
_LENGTHS: tuple[Literal["short"], Literal["long"]] = ("short", "long")
_SCALES = {"thousand": 3, "million": 6, "billion": 9, "trillion": 12, "mn": 6, "bn": 9}
# Only after a currency: 5 m are metres.
_MONEY_SCALES = _SCALES | {"k": 3, "m": 6, "b": 9, "tn": 12}
_SMALL = {
    word: number
    for number, word in enumerate(
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
        "eighteen nineteen twenty".split(),
        start=1,
    )
}
_APPROXIMATE = re.compile(r"(?:about|around|approximately|approx\.|roughly|some|circa|ca\.|c\.|~|≈) ?", re.IGNORECASE)
# Of what it is the measure, as the answer says it: 340 metres long.
_DIMENSION = re.compile(
    r" (?:long|tall|wide|high|deep|thick|broad|across|away|in (?:length|height|width|depth|diameter|area))$",
    re.IGNORECASE,
)
_FIGURE = r"[-−]?\d(?:[\d.,'’\u00a0\u202f ]*\d)?"
_NUMBER = rf"(?:{_FIGURE}|{'|'.join(sorted(_SMALL, key=len, reverse=True))})"
_TO = r"(?: ?[-–—] ?| to )"
_GROUPS = {
    separator: re.compile(rf"\d{{1,3}}(?:{separator}\d{{3}})+") for separator in (",", r"\.", "[ \u00a0\u202f]", "['’]")
}
_INDIAN = re.compile(r"\d{1,2}(?:,\d{2})+,\d{3}")


@dataclass(frozen=True, slots=True)
class _Amount:
    value: Decimal | None
    minimum: Decimal | None = None
    maximum: Decimal | None = None


def read_quantity(text: str, language: str | None) -> NormalizedQuantity | NormalizedMoney | None:
    """The quantity or money that a text is, wholly; None where it is none or not surely one."""
    approximate = bool(match := _APPROXIMATE.match(text))
    words = _DIMENSION.sub("", text[match.end() :] if match else text)
    if between := re.fullmatch(r"between (.+?) and (.+)|from (.+? to .+)", words, re.IGNORECASE):
        words = between[3] or f"{between[1]} to {between[2]}"
    language = language.split("-")[0].lower() if language else None
    return _money(words, approximate, language) or _quantity(words, approximate, language)


def _quantity(words: str, approximate: bool, language: str | None) -> NormalizedQuantity | None:
    match = re.fullmatch(
        rf"(?P<first>{_NUMBER})(?:(?: ?(?P<unit0>[^\d\s]\D*?))?{_TO}(?P<last>{_NUMBER}))?"
        rf"(?: (?P<scale>{'|'.join(_SCALES)}))?(?P<gap>[ \u00a0\u202f-]?)(?P<unit>[^\d\s+.,-].*)",
        words,
        re.IGNORECASE,
    )
    if match is None:
        return None
    unit = _unit(match["unit"], language)
    if unit is None or (match["unit0"] and _unit(match["unit0"], language) != unit):
        return None
    if match["unit"].isalpha() and len(match["unit"]) == 1 and not match["gap"]:
        # 5m may be five million, 90s a decade, 5G a network.
        return None
    amount = _amount(match["first"], match["last"], _SCALES.get((match["scale"] or "").lower(), 0), language)
    if amount is None:
        return None
    return NormalizedQuantity(unit=unit, approximate=approximate, **_shown(amount))


def _money(words: str, approximate: bool, language: str | None) -> NormalizedMoney | None:
    symbol = "|".join(map(re.escape, sorted([*_SYMBOLS, *_CODES], key=len, reverse=True)))
    scale = rf"(?: ?(?P<scale>{'|'.join(sorted(_MONEY_SCALES, key=len, reverse=True))}))?"
    before = re.fullmatch(
        rf"(?P<currency>{symbol}) ?(?P<first>{_FIGURE})(?:{_TO}(?:(?P=currency) ?)?(?P<last>{_FIGURE}))?{scale}", words
    )
    after = re.fullmatch(
        rf"(?P<first>{_NUMBER})(?:{_TO}(?P<last>{_NUMBER}))?(?: (?P<scale>{'|'.join(_SCALES)}))? ?"
        rf"(?P<currency>{symbol}|{'|'.join(map(re.escape, _currency_names()))})",
        words,
        re.IGNORECASE,
    )
    match = before or after
    if match is None:
        return None
    name = match["currency"]
    currency = _SYMBOLS.get(name) or (name if name in _CODES else _currency_names().get(name.lower()))
    if currency is None and name not in _SYMBOLS and name.lower() not in _currency_names():
        # A code in lower case is a word.
        return None
    amount = _amount(match["first"], match["last"], _MONEY_SCALES.get((match["scale"] or "").lower(), 0), language)
    if amount is None:
        return None
    symbol_shown = None if currency else ("$" if "dollar" in name.lower() else name)
    return NormalizedMoney(currency=currency, symbol=symbol_shown, approximate=approximate, **_shown(amount))


def _amount(first: str, last: str | None, power: int, language: str | None) -> _Amount | None:
    numbers = [_number(part, language) for part in (first, last) if part]
    if any(number is None for number in numbers):
        return None
    scaled = [number.scaleb(power) for number in numbers if number is not None]
    if len(scaled) == 1:
        return _Amount(scaled[0])
    low, high = scaled
    return _Amount(None, low, high) if low < high else None


def _number(text: str, language: str | None) -> Decimal | None:
    """A number in figures or, small, in words; None where its marks may be read in two ways."""
    text = text.strip().replace("−", "-")
    if text.lower() in _SMALL:
        return Decimal(_SMALL[text.lower()])
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    amount = _unsigned(digits, language)
    return sign * amount if amount is not None else None


def _unsigned(digits: str, language: str | None) -> Decimal | None:
    if re.fullmatch(r"\d{1,15}", digits):
        return Decimal(digits)
    whole, mark, rest = re.fullmatch(r"(.*?)(?:([.,])(\d+))?", digits, re.DOTALL).groups()  # type: ignore[union-attr]
    if mark and re.fullmatch(r"\d{1,15}", whole):
        # 1.200 and 1,200: a thousand or one and a fifth. Three digits after a 0 are no thousands.
        if len(rest) != 3 or len(whole) > 3 or whole.startswith("0"):
            return Decimal(f"{whole}.{rest}")
        if language is None:
            return None
        return Decimal(whole + rest) if mark == _grouping_mark(language) else None
    for part, decimals in ((digits, ""), (whole, rest or "")):
        if decimals and mark == ("," if "," in part else "." if "." in part else ""):
            continue
        grouped = any(pattern.fullmatch(part) for pattern in _GROUPS.values()) or _INDIAN.fullmatch(part)
        if grouped and len(part) <= 20:
            return Decimal(re.sub(r"\D", "", part) + (f".{decimals}" if decimals else ""))
    return None


@lru_cache(maxsize=16)
def _grouping_mark(language: str) -> str:
    """What parts thousands in a language; "" where its numbers are not known."""
    from babel import Locale, UnknownLocaleError
    from babel.numbers import get_group_symbol

    try:
        return get_group_symbol(Locale.parse(language))
    except (UnknownLocaleError, ValueError):
        return ""


def _shown(amount: _Amount) -> dict[str, Any]:
    parts = {"value": amount.value, "minimum": amount.minimum, "maximum": amount.maximum}
    return {name: _json(part) for name, part in parts.items() if part is not None}


def _json(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)


def _unit(words: str, language: str | None) -> str | None:
    exact, folded = _units(language or "en")
    return exact.get(words) or folded.get(words.lower())


@lru_cache(maxsize=16)
def _units(language: str) -> tuple[dict[str, str], dict[str, str]]:
    """Unit identifiers of the CLDR without their kind, by short forms, whose case counts, and by names in lower case.

    Of English and the language; whatever names two units is left out.
    """
    from babel import Locale, UnknownLocaleError
    from babel.units import format_unit

    short: dict[str, set[str]] = defaultdict(set)
    names: dict[str, set[str]] = defaultdict(set)
    for code in dict.fromkeys(("en", "en_GB", language)):
        try:
            locale = Locale.parse(code)
        except (UnknownLocaleError, ValueError):
            continue
        for identifier in map(str, locale.unit_display_names):
            if identifier.partition("-")[0] not in _KINDS:
                continue
            for count in _COUNTS:
                figure = str(count)
                brief, long = (format_unit(count, identifier, length, locale=locale) for length in _LENGTHS)
                for identifiers_by_word, shown in ((short, brief), (names, long.lower())):
                    if shown.startswith(figure) and (word := shown.removeprefix(figure).strip()):
                        identifiers_by_word[word].add(identifier)
    for word, identifier in _SHORT.items():
        short[word] = {identifier}

    def sole(identifiers_by_word: dict[str, set[str]]) -> dict[str, str]:
        return {
            word: identifier.partition("-")[2] or identifier
            for word, (identifier, *others) in identifiers_by_word.items()
            if not others and identifier not in _LEFT_OUT and word not in _ALSO_WORDS
        }

    return sole(short), sole(names)


@lru_cache(maxsize=1)
def _currency_names() -> dict[str, str | None]:
    """The English names of the currencies in `_CODES`, in lower case; None for "dollars": of several countries."""
    from babel import Locale
    from babel.numbers import get_currency_name

    english = Locale.parse("en")
    names: dict[str, str | None] = {
        get_currency_name(code, count, english).lower(): code for code in _CODES for count in (1, 2)
    }
    return names | {"euro": "EUR", "euros": "EUR", "yen": "JPY", "dollar": None, "dollars": None}
