"""The time and memory that reading one file may take."""

from __future__ import annotations

import os
from dataclasses import dataclass

from index.errors import InputError

MAX_RESULT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits for reading one file, or one part of one (a page): wall-clock seconds, and MB of address space.

    A file whose parts are read one by one has `seconds` for each, and for all of them together as much of the
    processor's time as `parts` such parts: a busy machine makes no file too long.

    Environment variables raise them for files that need more: `QA_LOAD_SECONDS`, `QA_LOAD_MEMORY_MB`.
    """

    seconds: int = 60
    memory_mb: int = 768
    parts: int = 20

    @property
    def file_seconds(self) -> int:
        return self.parts * self.seconds

    @classmethod
    def from_environment(cls) -> Limits:
        """The defaults, overridden by the environment. Raises InputError if a variable is no whole number in range."""
        return cls(
            seconds=_number("QA_LOAD_SECONDS", cls().seconds, 1, 86_400),
            memory_mb=_number("QA_LOAD_MEMORY_MB", cls().memory_mb, 256, 1_000_000),
        )


def _number(name: str, default: int, least: int, most: int) -> int:
    stated = os.environ.get(name, "").strip()
    if not stated:
        return default
    if not stated.isdecimal() or not least <= int(stated) <= most:
        raise InputError(f"{name} is {stated!r}; give a whole number from {least:,} to {most:,}")
    return int(stated)
