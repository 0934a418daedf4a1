"""Checksums of derived files: damage is noticed when they are opened, not when they are searched."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path

_CHUNK = 1 << 20


def checksum(paths: Iterable[Path], seed: int = 0) -> str:
    """CRC-32 of `seed` and the files' bytes, in order of name, as eight hexadecimal digits."""
    value = zlib.crc32(str(seed).encode())
    for path in sorted(paths):
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                value = zlib.crc32(chunk, value)
    return f"{value:08x}"
