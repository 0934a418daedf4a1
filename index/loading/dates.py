"""The dates that sources state, converted to ISO 8601."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from email.utils import parsedate_to_datetime

_ISO = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)?(Z|[+-]\d{2}:?\d{2})?)?)?)?")
# ISO 32000-1, 7.9.4: D:YYYYMMDDHHmmSSOHH'mm, all but the year optional.
_PDF = re.compile(r"D:(\d{4})(\d{2})?(\d{2})?(?:(\d{2})(\d{2})?(\d{2})?)?(Z|[+-]\d{2}'?(?:\d{2})?)?")


def iso_date(stated: object) -> str | None:
    """A date in ISO 8601, no more precise than it was stated; None if nothing, or no date, is stated.

    Accepts ISO 8601, the dates of PDF files and of e-mail headers, and Python's date and datetime.
    """
    if isinstance(stated, datetime):
        whole = stated.replace(microsecond=0)
        return whole.isoformat() if whole.time() != time() or whole.tzinfo else whole.date().isoformat()
    if isinstance(stated, date):
        return stated.isoformat()
    text = str(stated or "").strip()
    if match := _ISO.fullmatch(text):
        year, month, day, clock, zone = match.groups()
        return _checked("-".join(part for part in (year, month, day) if part), clock, zone)
    if match := _PDF.match(text):
        return _pdf_date(match)
    try:
        return iso_date(parsedate_to_datetime(text)) if text else None
    except ValueError:
        return None


def _pdf_date(match: re.Match[str]) -> str | None:
    year, month, day, hour, minute, second, zone = match.groups()
    days = "-".join(part for part in (year, month, day) if part)
    if hour is None or day is None:
        return _checked(days, None, None)
    if zone and zone != "Z":
        digits = zone.replace("'", "")
        zone = f"{digits[:3]}:{digits[3:5] or '00'}"
    return _checked(days, f"{hour}:{minute or '00'}:{second or '00'}", zone) or _checked(days, None, None)


def _checked(days: str, clock: str | None, zone: str | None) -> str | None:
    stated = days + (f"T{clock}{zone or ''}" if clock else "")
    try:
        date.fromisoformat("-".join([*days.split("-"), "01", "01"][:3]))
        if clock:
            datetime.fromisoformat(stated).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return stated
