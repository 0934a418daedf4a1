"""What dates and names look like, and the words of a text that decide whether a capital makes a name."""

from __future__ import annotations

import re

import pytest

from eval.drafting.expressions import DATE, NAME, common_words, mid_sentence_names


@pytest.mark.parametrize(
    "date",
    ["1912", "May 1912", "4 May 1912", "July 22", "August 9-14, 1990", "the early 1920s", "the end of June 2001"],
)
def test_dates(date: str) -> None:
    assert re.fullmatch(DATE, date)


@pytest.mark.parametrize("other", ["12", "3000", "19123", "Mayor"])
def test_what_is_no_date(other: str) -> None:
    assert not re.fullmatch(DATE, other)


def test_names() -> None:
    assert re.fullmatch(NAME, "Bank of the West and the Lindal School")
    assert not re.fullmatch(NAME, "the bank")


def test_names_are_told_by_a_capital_inside_a_sentence() -> None:
    text = "Bridges fell in Lindal, Tarby and Velmo on Monday in May. Then nothing."
    assert mid_sentence_names(text) == {"Lindal", "Tarby", "Velmo"}
    assert "fell" in common_words(text) and "bridges" not in common_words(text)
