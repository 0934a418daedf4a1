"""Which words are a date or an interval, and which are none for sure."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.values.normalize import normalize

WRITTEN = "2026-07-20"
WHEN = "When was it?"


def date_of(text: str, question: str = WHEN, written: str | None = WRITTEN, language: str | None = "en") -> str | None:
    value_read = normalize(text, question=question, written=written, language=language)
    assert value_read is None or value_read.type == "date", value_read
    return value_read.value if value_read else None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9 August 2026", "2026-08-09"),
        ("August 9, 2026", "2026-08-09"),
        ("Aug. 9, 2026", "2026-08-09"),
        ("Sept. 9, 2026", "2026-09-09"),
        ("the 9th of August 2026", "2026-08-09"),
        ("on Sunday, 9 August 2026", "2026-08-09"),
        ("Sunday, August 9, 2026.", "2026-08-09"),
        ("(August 9, 2026)", "2026-08-09"),
        ("2026-08-09", "2026-08-09"),
        ("2026/08/09", "2026-08-09"),
        ("13/06/2026", "2026-06-13"),
        ("06/13/2026", "2026-06-13"),
        ("05/05/2026", "2026-05-05"),
        ("4 dec", "XXXX-12-04"),
        ("05/06/2026", "[2026-05-06,2026-06-05]"),
        ("on 12/1/2026", "[2026-01-12,2026-12-01]"),
        ("August 2026", "2026-08"),
        ("in May 2026", "2026-05"),
        ("1911", "1911"),
        ("in 1911", "1911"),
        ("in the year 1911", "1911"),
        ("circa 1850", "1850~"),
        ("since 1994", "1994/.."),
        ("until May 2026", "../2026-05"),
        ("the 1990s", "199X"),
        ("44 BC", "-0043"),
        ("1 BC", "0000"),
        ("August 9-14", "2026-08-09/2026-08-14"),
        ("August 9–14, 2027", "2027-08-09/2027-08-14"),
        ("9-14 August 2027", "2027-08-09/2027-08-14"),
        ("9 to 14 August 2027", "2027-08-09/2027-08-14"),
        ("from August 9 to August 14", "2026-08-09/2026-08-14"),
        ("between 9 and 14 August 2027", "2027-08-09/2027-08-14"),
        ("30 August – 2 September 2027", "2027-08-30/2027-09-02"),
        ("August 30 - September 2", "2026-08-30/2026-09-02"),
        ("28 December – 3 January 2027", "2026-12-28/2027-01-03"),
        ("May 3, 2025 to June 4, 2026", "2025-05-03/2026-06-04"),
        ("May–June 2026", "2026-05/2026-06"),
        ("December 2025 to January 2026", "2025-12/2026-01"),
        ("1914–1918", "1914/1918"),
        ("from 1914 to 1918", "1914/1918"),
        ("between 1914 and 1918", "1914/1918"),
        ("1990-95", "1990/1995"),
        ("August 9", "2026-08-09"),
        ("9 August", "2026-08-09"),
        ("yesterday", "2026-07-19"),
        ("today", "2026-07-20"),
        ("the day after tomorrow", "2026-07-22"),
        ("three days ago", "2026-07-17"),
        ("last month", "2026-06"),
        ("next year", "2027"),
        ("last year", "2025"),
        ("tonight", "2026-07-20"),
        ("yesterday evening", "2026-07-19"),
        ("this morning", "2026-07-20"),
        ("two days ago", "2026-07-18"),
        ("a day ago", "2026-07-19"),
        ("Twenty-five days ago", "2026-06-25"),
        ("45 days from now", "2026-09-03"),
        ("two weeks ago", "2026-07-06~"),
        ("a fortnight ago", "2026-07-06~"),
        ("exactly two weeks ago", "2026-07-06"),
        ("about two weeks ago", "2026-07-06~"),
        ("three weeks from now", "2026-08-10~"),
        ("in two weeks", "2026-08-03~"),
        ("in exactly two weeks", "2026-08-03"),
        ("in three days", "2026-07-23"),
        ("in a year's time", "2027"),
        ("a month ago", "2026-06"),
        ("eighteen months ago", "2025-01"),
        ("a year ago", "2025"),
        ("about a year ago", "2025~"),
        ("twenty years ago", "2006"),
        ("two decades ago", "2006~"),
        ("a century ago", "1926~"),
        ("since last month", "2026-06/.."),
        ("until next year", "../2027"),
        ("earlier this month", "2026-07"),
        ("late last year", "2025"),
        ("this Friday", "2026-07-24"),
        ("the coming Tuesday", "2026-07-21"),
        ("next March", "2027-03"),
        ("this October", "2026-10"),
    ],
)
def test_dates(text: str, value: str) -> None:
    assert date_of(text) == value


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("9. August 2026", "de", "2026-08-09"),
        ("9. März 2026", "de", "2026-03-09"),
        ("5.6.2026", "de", "2026-06-05"),
        ("9 août 2026", "fr", "2026-08-09"),
        ("1er août 2026", "fr", "2026-08-01"),
        ("9 de agosto de 2026", "es", "2026-08-09"),
        ("9 августа 2026", "ru", "2026-08-09"),
        ("9 August 2026", "xx", "2026-08-09"),
        ("9 August 2026", None, "2026-08-09"),
    ],
)
def test_dates_in_other_languages(text: str, language: str | None, value: str) -> None:
    assert date_of(text, language=language) == value


@pytest.mark.parametrize(
    ("text", "written", "value"),
    [
        ("August 9-14", None, "XXXX-08-09/XXXX-08-14"),
        ("August 9-14", "2026", "XXXX-08-09/XXXX-08-14"),
        ("December 28 – January 3", None, "XXXX-12-28/XXXX-01-03"),
        ("August 9-14", "2026-08", "2026-08-09/2026-08-14"),
        ("5 January", "2026-12-20", "2027-01-05"),
        ("28 December", "2026-01-04T10:00:00+01:00", "2025-12-28"),
        ("December 28 – January 3", "2026-12-20", "2026-12-28/2027-01-03"),
        # Half a year away: of which year cannot be told.
        ("20 January", "2026-07-20", "XXXX-01-20"),
        ("29 February", "2026-03-01", "XXXX-02-29"),
        ("29 February", "2028-03-01", "2028-02-29"),
        ("Sunday, 9 August", "2026-07-20", "2026-08-09"),
        ("Monday, 9 August", "2026-07-20", "XXXX-08-09"),
        # 20 July 2026 is a Monday.
        ("last Friday", "2026-07-20", "2026-07-17"),
        ("on last Saturday", "2026-07-20", "2026-07-18"),
        ("last Thursday", "2026-07-22", "2026-07-16"),
        ("last Tuesday", "2026-07-22", None),
        ("last Friday", "2026-07-19", None),
        ("last Friday", None, None),
        ("last March", "2026-07-20", "2026-03"),
        ("last August", "2026-07-20", "2025-08"),
        ("last December", "2026-03-20", "2025-12"),
        ("last March", "2026-07", None),
        ("last March", None, None),
        ("yesterday", None, None),
        ("yesterday", "2026-07", None),
        ("yesterday", "nonsense", None),
        # On a Monday, "next Friday" may be in four days or in eleven; on a Saturday it is in six.
        ("next Friday", "2026-07-20", None),
        ("next Friday", "2026-07-18", "2026-07-24"),
        ("next Monday", "2026-07-24", "2026-07-27"),
        ("next Sunday", "2026-07-24", None),
        ("this Friday", "2026-07-18", None),
        ("this Sunday", "2026-07-20", None),
        ("the coming Friday", "2026-07-18", "2026-07-24"),
        ("next March", "2026-02-10", None),
        ("next June", "2026-07-20", "2027-06"),
        ("next August", "2026-07-20", None),
        # As far as the document's date is known.
        ("two months ago", "2026-01", "2025-11"),
        ("a year ago", "2026", "2025"),
        ("last year", "2026-07", "2025"),
        ("last month", "2026", None),
        ("two weeks ago", "2026-07", None),
        ("a month ago", "2024-03-31", "2024-02"),
        ("a year ago", None, None),
        ("9000 years ago", "2026-07-20", None),
        ("999999 days ago", "2026-07-20", None),
    ],
)
def test_open_years_are_of_the_document_or_stay_open(text: str, written: str | None, value: str | None) -> None:
    assert date_of(text, written=written) == value


def test_the_documents_date_is_stated_where_it_was_used() -> None:
    used = normalize("August 9", question=WHEN, written=WRITTEN)
    unused = normalize("August 9, 2026", question=WHEN, written=WRITTEN)
    assert used is not None and used.type == "date" and used.document_date == WRITTEN
    assert unused is not None and unused.type == "date" and unused.document_date is None


@pytest.mark.parametrize(
    "text",
    [
        "Monday, August 9, 2026",
        "Mon 9 August 2026",
        "0/6/2026",
        "2026-06-00",
        "05/06/0026",
        "5.6.2026",
        "5-6-2026",
        "5/6/26",
        "31/04/2026",
        "13/13/2026",
        "30 February 2026",
        "2026-02-30",
        "August 32",
        "0 August 2026",
        "August 14-9",
        "14-9 August 2026",
        "1918–1914",
        "2010-11",
        "2019/20",
        "3.11",
        "v2026",
        "9-14",
        "second",
        "the second",
        "May be",
        "Monday",
        "last",
        "last one",
        "last Monday",
        "last Sunday",
        "last June",
        "last July",
        "last May",
        "next August",
        "next week",
        "19th century",
        "three days earlier",
        "a week later",
        "few days ago",
        "zero days ago",
        "0 days ago",
        "two ago",
        "more than a year ago",
        "twenty-eleven days ago",
        "next Friday",
        "this thing",
        "half a year ago",
        "1900s",
        "90s",
        "+1 555 0100",
        "555-0100",
        "12:30",
        "August 9 and 14",
        "May 2026-27",
        "Section 4",
        "1911 people",
        "9999",
        "0044",
        "Augustus 9",
        "mid-August 2026",
        "not 1911",
        "before 1911",
        "0 BC",
    ],
)
def test_no_dates(text: str) -> None:
    assert date_of(text) is None


@pytest.mark.parametrize(
    "text",
    ["last March", "1500", "1000-1500", "between 1000 and 1500", "about 1850", "May", "June", "March", "in 1500"],
)
def test_numbers_and_names_are_dates_only_where_a_time_is_asked_for(text: str) -> None:
    assert normalize(text, question="How many people came?", written=WRITTEN, language="en") is None
    assert normalize(text, question="Who won?", written=WRITTEN, language="en") is None
    assert date_of(text) is not None


@given(st.dates(date(1100, 1, 1), date(2100, 1, 1)), st.integers(1, 99))
def test_days_are_counted_from_the_documents(day: date, count: int) -> None:
    written = day.isoformat()
    assert date_of(f"{count} days ago", written=written) == (day - timedelta(days=count)).isoformat()
    assert date_of(f"{count} days from now", written=written) == (day + timedelta(days=count)).isoformat()
    assert date_of(f"{count} years ago", written=written) == str(day.year - count)
    months = 12 * day.year + day.month - 1 - count
    assert date_of(f"{count} months ago", written=written) == f"{months // 12}-{months % 12 + 1:02d}"


@given(st.dates(), st.sampled_from(["%d %B %Y", "%B %d, %Y", "%Y-%m-%d", "%A, %d %b %Y"]))
def test_every_day_is_read_back(day: Any, form: str) -> None:
    expected = day.isoformat() if 1000 <= day.year <= 2199 else None
    text = day.strftime(form)
    if expected or form != "%Y-%m-%d":
        assert date_of(text) == expected


@pytest.mark.parametrize(
    ("text", "question", "value"),
    [
        ("Friday", "When does the office close?", "2026-07-24"),
        ("on Friday morning", "When will it open?", "2026-07-24"),
        ("Friday", "When did the office close?", "2026-07-17"),
        ("Friday", "When?", "[2026-07-17,2026-07-24]"),
        # The document was written on a Monday: the same day, or another?
        ("Monday", "When does the office close?", None),
        ("Fridays", "When does the office close?", None),
        ("Friday", "Who is it named after?", None),
        ("in two weeks", "How long did it take?", None),
    ],
)
def test_a_weekday_is_before_or_after_the_document_by_the_tense_of_the_question(
    text: str, question: str, value: str | None
) -> None:
    assert date_of(text, question) == value


@pytest.mark.parametrize("written", [None, "2026", "2026-07", "9999-12-31", "0001-01-01"])
def test_without_a_day_of_the_document_a_weekday_is_none(written: str | None) -> None:
    assert date_of("Saturday", written=written) is None
