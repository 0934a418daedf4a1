"""Which words are a quantity or money, and which are none for sure."""

from __future__ import annotations

from typing import Any

import pytest

from qa.values.normalize import normalize

WRITTEN = "2026-07-20"


def amount_of(text: str, language: str | None = "en") -> tuple[Any, ...] | None:
    value_read = normalize(text, question="How much is it?", written=WRITTEN, language=language)
    if value_read is None:
        return None
    assert value_read.type != "date", value_read
    value = value_read.value if value_read.value is not None else (value_read.minimum, value_read.maximum)
    return value, value_read.unit if value_read.type == "quantity" else value_read.currency or value_read.symbol


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3.5 km", (3.5, "kilometer")),
        ("3,5 km", (3.5, "kilometer")),
        ("3.5 kilometres", (3.5, "kilometer")),
        ("three kilometers", (3, "kilometer")),
        ("1,200 m", (1200, "meter")),
        ("1,234,567 m", (1234567, "meter")),
        ("1.234.567 m", (1234567, "meter")),
        ("1,234.5 m", (1234.5, "meter")),
        ("1 200 m", (1200, "meter")),
        ("1'200 m", (1200, "meter")),
        ("340 metres long", (340, "meter")),
        ("5 km in length", (5, "kilometer")),
        ("between 2 and 3 m deep", ((2, 3), "meter")),
        ("0.125 mm", (0.125, "millimeter")),
        ("5-10 km", ((5, 10), "kilometer")),
        ("between 5 and 10 km", ((5, 10), "kilometer")),
        ("5 km to 10 km", ((5, 10), "kilometer")),
        ("about 3 km", (3, "kilometer")),
        ("12%", (12, "percent")),
        ("12.5 percent", (12.5, "percent")),
        ("12 per cent", (12, "percent")),
        ("12%–15%", ((12, 15), "percent")),
        ("-5 °C", (-5, "celsius")),
        ("−5 °C", (-5, "celsius")),
        ("20 degrees Celsius", (20, "celsius")),
        ("5 mW", (5, "milliwatt")),
        ("5 MW", (5, "megawatt")),
        ("16 GB", (16, "gigabyte")),
        ("90 minutes", (90, "minute")),
        ("one second", (1, "second")),
        ("3 years", (3, "year")),
        ("100 km/h", (100, "kilometer-per-hour")),
        ("50 kWh", (50, "kilowatt-hour")),
        ("1.5 million km", (1500000, "kilometer")),
        ("6 feet", (6, "foot")),
        ("40 hectares", (40, "hectare")),
        ("$1.5 million", (1500000, "$")),
        ("US$1.5 million", (1500000, "USD")),
        ("$5m", (5000000, "$")),
        ("€3bn", (3000000000, "EUR")),
        ("£200", (200, "GBP")),
        ("3,000 euros", (3000, "EUR")),
        ("EUR 3,000", (3000, "EUR")),
        ("3,000 USD", (3000, "USD")),
        ("2 million US dollars", (2000000, "USD")),
        ("5 Swiss francs", (5, "CHF")),
        ("about 5 dollars", (5, "$")),
        ("$5-10 million", ((5000000, 10000000), "$")),
        ("€5–€10", ((5, 10), "EUR")),
        ("¥500", (500, "¥")),
    ],
)
def test_quantities_and_money(text: str, value: tuple[Any, ...]) -> None:
    assert amount_of(text) == value


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("1.200 km", "de", (1200, "kilometer")),
        ("1,200 km", "de", None),
        ("1.200 km", "en", None),
        ("1,200 km", None, None),
        ("1.200 km", None, None),
        ("3,5 Kilometer", "de", (3.5, "kilometer")),
        ("3,5 kilomètres", "fr", (3.5, "kilometer")),
        ("1.200 Euro", "de", (1200, "EUR")),
    ],
)
def test_the_marks_of_numbers_are_of_the_language(
    text: str, language: str | None, value: tuple[Any, ...] | None
) -> None:
    assert amount_of(text, language) == value


@pytest.mark.parametrize(
    "text",
    [
        "340",
        "340 people",
        "version 3.11",
        "Python 3.11",
        "v2.0 km",
        "+1 555 0100",
        "555 0100",
        "second",
        "a second look",
        "percent",
        "km",
        "5",
        "5m",
        "TOP 10",
        "COP 26",
        "ALL 5",
        "top 10",
        "10 pounds",
        "5 tons",
        "3 gallons",
        "5 degrees",
        "5 in",
        "12 percentage points",
        "10-5 km",
        "5 km 3 m",
        "5 feet 11 inches",
        "1,2,3 km",
        "1.2.3 km",
        "12,34,5 m",
        "$",
        "$x",
        "5 kr",
        "eur 5",
        "Room 5 m",
        "more than 5 km",
        "5 km/h wind",
        "half a million dollars",
        "1/2 mile",
        "192.168.0.1",
        "ISBN 978-3-16-148410-0",
        "5 stars",
        "3 points",
        "5 francs",
        "10 rupees",
        "60 s",
        "a 5 m",
        "5 M",
        "7 pm",
        "7 am",
        "200 nm",
        "5 K",
        "40 N",
        "three bars",
        "long",
        "340 long",
        "5 km longer",
        "5 km long wall",
    ],
)
def test_no_quantities(text: str) -> None:
    if text == "60 s":
        assert amount_of(text) == (60, "second")
        return
    assert amount_of(text) is None


def test_approximate_is_said() -> None:
    about, plain = (normalize(text, language="en") for text in ("about 3 km", "3 km"))
    assert about is not None and about.type == "quantity" and about.approximate
    assert plain is not None and plain.type == "quantity" and not plain.approximate
