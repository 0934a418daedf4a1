"""Which answers contradict each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.judging.also_found import differ
from qa.values.normalize import normalize

WHEN = "When was it?"


def contradict(one: str, other: str) -> bool:
    return differ(one, other, *(normalize(text, question=WHEN, language="en") for text in (one, other)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1911", "1912"),
        ("9 August 2026", "August 10, 2026"),
        ("August 9", "August 10"),
        ("1911", "1911-1915"),
        ("$5", "$5 million"),
        ("$5", "€5"),
        ("5 km", "15 km"),
        ("5 km", "5 miles"),
        ("about 5 km", "6 km"),
        ("5-10 km", "5-12 km"),
        ("Marta Kovács", "Anna Moe"),
        ("Anna Moe", "Anna Lund"),
        ("guilty", "not guilty"),
        ("UN", "European Union"),
        ("five ships", "fifteen ships"),
        ("05/06/2026", "7 May 2026"),
        ("the 1990s", "1984"),
        ("since 1994", "1995"),
        ("60 minutes", "6 hours"),
        ("5 kg", "5 g"),
        ("5 kg", "5 km"),
        ("10 MW", "10 kW"),
    ],
)
def test_contradictions(one: str, other: str) -> None:
    assert contradict(one, other)
    assert contradict(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1911", "in 1911"),
        ("1911", "May 1911"),
        ("9 August 2026", "August 9, 2026"),
        ("August 9", "9 August 2026"),
        ("August 9-14", "9 to 14 August 2026"),
        ("1,500 m", "1500 metres"),
        ("about 5 km", "5.1 km"),
        ("$1.5 million", "US$1,500,000"),
        ("12%", "12 percent"),
        ("Kovács", "the engineer Marta Kovács"),
        ("the bay", "in the Bay"),
        ("the ferries", "a ferry"),
        ("UN", "the United Nations"),
        ("U.N.", "United Nations"),
        ("Café", "cafe"),
        ("05/06/2026", "5 June 2026"),
        ("05/06/2026", "June 2026"),
        ("the 1990s", "1994"),
        ("since 1994", "1994"),
        ("until May 2026", "May 2026"),
        ("60 minutes", "one hour"),
        ("1.5 hours", "90 minutes"),
        ("3 km", "3000 m"),
        ("0.3 km", "300 m"),
        ("5-10 km", "5000-10,000 m"),
        ("two years", "24 months"),
        ("5 km", "3.1 miles"),
        ("2 tonnes", "2,000 kg"),
    ],
)
def test_the_same_in_other_words(one: str, other: str) -> None:
    assert not contradict(one, other)
    assert not contradict(other, one)


@given(st.text(max_size=30), st.text(max_size=30))
def test_nothing_contradicts_itself_and_order_does_not_count(one: str, other: str) -> None:
    assert not contradict(one, one)
    assert contradict(one, other) == contradict(other, one)
