"""Times and durations as options state them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from api.cli.errors import UsageError
from api.cli.store_keeping.times import parse_duration, parse_moment


@pytest.mark.parametrize(
    ("text", "hours"),
    [("12h", 12), ("30d", 720), ("0h", None), ("1.5h", None), ("1w", None), ("", None), ("-1d", None)],
)
def test_durations(text: str, hours: int | None) -> None:
    assert parse_duration(text) == (None if hours is None else timedelta(hours=hours))


def test_a_moment_is_stated_or_counted_from_now() -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    assert parse_moment("--since", "1d", ago=True) < before < parse_moment("--expires", "1h")
    stated = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert parse_moment("--since", "2026-03-01T12:00") == parse_moment("--since", "2026-03-01T13:00+01:00") == stated


def test_what_is_neither_is_wrong_use_of_that_option() -> None:
    with pytest.raises(UsageError, match="--since soon"):
        parse_moment("--since", "soon")
