"""Markdown of the generated pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

NOTE = "Written from the code by `make docs`; do not edit."


def cell(text: str) -> str:
    """A text as one cell of a table: on one line, its bars escaped."""
    return " ".join(text.split()).replace("|", "\\|")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, or nothing where there are no rows."""
    lines = [f"| {' | '.join(cell(text) for text in row)} |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *lines])


def page(title: str, *parts: str) -> str:
    """A whole page of paragraphs, tables and headings; empty parts are left out."""
    return "\n\n".join([f"# {title}", NOTE, *(part.strip() for part in parts if part.strip())]) + "\n"
