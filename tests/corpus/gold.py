"""What a file of the corpus says, and where: the words in reading order, and answers with their places."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Fact:
    """An answer that stands once in a document. `member` is the path within an archive or a message; a field that is not
    given is one that the format does not have."""

    question: str
    quote: str
    page: int | None = None
    headings: tuple[str, ...] | None = None
    row: int | None = None
    line: int | None = None
    member: str = ""


@dataclass(frozen=True)
class File:
    """A file and what must be found in it. `kept` are stretches of its text in reading order, `absent` ones that are no
    content of it."""

    name: str
    write: Callable[[Path], None]
    facts: tuple[Fact, ...]
    kept: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    title: str | None = None
    author: str | None = None
    date: str | None = None
    language: str | None = None
    more: dict[str, object] = field(default_factory=dict)
