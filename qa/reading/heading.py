"""What a passage is read under: its document's date and title, and the headings above it."""

from __future__ import annotations

from index.text.legible import COLUMNS


def reading_heading(context: str, date: str | None = None) -> str:
    """The line that a reader sees before a passage, "" for one that stands under nothing.

    `context` is the passage's (title and headings, topmost first, between " > "); the names of a table's columns at its
    end are left out, since the passage itself is read with them. `date` is the document's own, ISO 8601; of a time
    the day is shown.
    """
    above, _, last = context.rpartition(" > ")
    if COLUMNS in last:
        context = above
    day = date.partition("T")[0] if date else ""
    return " > ".join(part for part in (day, context) if part)
