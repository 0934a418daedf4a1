"""Calendar entries (iCalendar, RFC 5545) as lines of text."""

from __future__ import annotations

import re
from datetime import datetime

_FOLDED = re.compile(r"\r?\n[ \t]")
_LINE = re.compile(r"([A-Za-z-]+)((?:;[^:;\"]*(?:\"[^\"]*\"[^:;\"]*)*)*):(.*)")
_ESCAPED = re.compile(r"\\([nN,;\\])")
_TIME = re.compile(r"(\d{8})(?:T(\d{4})\d{0,2}(Z)?)?")
_ZONE = re.compile(r"TZID=\"?([^;:\"]+)", re.IGNORECASE)
_SHOWN = {
    "SUMMARY": "Event",
    "DTSTART": "Begins",
    "DTEND": "Ends",
    "DUE": "Due",
    "LOCATION": "Place",
    "ORGANIZER": "Organizer",
    "DESCRIPTION": "Description",
}
_ENTRIES = ("VEVENT", "VTODO", "VJOURNAL")


def calendar_text(source: str) -> str:
    """The entries of a calendar, each as lines like `Event: Review` and `Begins: 2024-03-05 10:00`; "" without any."""
    entries: list[dict[str, str]] = []
    inside: list[str] = []
    for line in _FOLDED.sub("", source).splitlines():
        match = _LINE.fullmatch(line.strip())
        if match is None:
            continue
        name, parameters, value = match[1].upper(), match[2], match[3].strip()
        if name == "BEGIN":
            inside.append(value.upper())
            if value.upper() in _ENTRIES:
                entries.append({})
        elif name == "END" and inside:
            inside.pop()
        elif entries and inside and inside[-1] in _ENTRIES and name in _SHOWN and value:
            entries[-1].setdefault(name, _shown(name, parameters, value))
    return "\n\n".join(
        "\n".join(f"{label}: {entry[name]}" for name, label in _SHOWN.items() if name in entry) for entry in entries
    )


def _shown(name: str, parameters: str, value: str) -> str:
    if name in ("DTSTART", "DTEND", "DUE"):
        return _time(parameters, value)
    if name == "ORGANIZER":
        said = re.search(r"CN=\"?([^;:\"]+)", parameters, re.IGNORECASE)
        address = re.sub("(?i)^mailto:", "", value)
        return f"{said[1]} <{address}>" if said else address
    return _ESCAPED.sub(lambda match: " " if match[1] in "nN" else match[1], value)


def _time(parameters: str, value: str) -> str:
    """A day, or a time of a day with its zone, as `2024-03-05 10:00 Europe/Oslo`; as stated where it is neither."""
    match = _TIME.fullmatch(value)
    if match is None:
        return value
    try:
        day = datetime.strptime(match[1], "%Y%m%d").date().isoformat()
    except ValueError:
        return value
    if match[2] is None:
        return day
    zone = _ZONE.search(parameters)
    shown = "UTC" if match[3] else zone[1] if zone else ""
    return f"{day} {match[2][:2]}:{match[2][2:]} {shown}".rstrip()
