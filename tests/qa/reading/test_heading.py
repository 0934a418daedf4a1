"""What a passage is read under."""

from __future__ import annotations

import pytest

from qa.reading.heading import reading_heading


@pytest.mark.parametrize(
    ("context", "date", "heading"),
    [
        ("", None, ""),
        ("Rules > Leave", None, "Rules > Leave"),
        ("Rules > Leave", "2024-05", "2024-05 > Rules > Leave"),
        ("", "2024-05-01T10:00:00", "2024-05-01"),
        # The names of a table's columns are read in its rows.
        ("Rules > Pay > Grade | Salary", None, "Rules > Pay"),
        ("Grade | Salary", None, ""),
        ("Terms | Acme > Payment", None, "Terms | Acme > Payment"),
    ],
)
def test_the_heading_of_a_passage(context: str, date: str | None, heading: str) -> None:
    assert reading_heading(context, date) == heading
