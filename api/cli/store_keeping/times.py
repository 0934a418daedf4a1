"""Times and durations as options state them: 12h, 30d, or ISO 8601."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from api.cli.errors import UsageError

_DURATION = re.compile(r"([1-9]\d{0,4})([hd])")


def parse_duration(text: str) -> timedelta | None:
    duration = _DURATION.fullmatch(text)
    return timedelta(hours=int(duration.group(1)) * (24 if duration.group(2) == "d" else 1)) if duration else None


def parse_moment(option: str, text: str, *, ago: bool = False) -> datetime:
    """A time that is stated, or that long from now, or ago."""
    duration = parse_duration(text)
    if duration is not None:
        return datetime.now(UTC).replace(microsecond=0) + (-duration if ago else duration)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{option} {text}: neither like 12h or 30d, nor a time in ISO 8601") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
