"""Checksums of derived files: damage is detected before a file is used, and an intact file is only checked once."""

from __future__ import annotations

import os
import shutil
import time
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

_CHUNK = 1 << 20
# A file may change twice within one tick of the file system's clock, so, as in git, younger files are not trusted.
_TICK_NS = 50_000_000
_NEVER = -1
_LARGE_BYTES = 16 << 20


class FileState(NamedTuple):
    """The state of a file when its bytes were last checked. `crc` is their CRC-32 as eight hexadecimal digits.

    A file with the same size, mtime and inode is taken to be unchanged; one that was copied, restored or overwritten
    differs in at least one of them, and is read again.
    """

    size: int
    mtime_ns: int
    inode: int
    crc: str

    @classmethod
    def of(cls, path: Path) -> FileState:
        """The current state, by reading the file. Raises OSError if that fails."""
        before = path.stat()
        crc = checksum([path])
        old = time.time_ns() - before.st_mtime_ns > _TICK_NS
        return cls(before.st_size, before.st_mtime_ns if old else _NEVER, before.st_ino, crc)

    def unchanged(self, path: Path) -> bool:
        """Whether the file seems unchanged, without reading it."""
        try:
            now = path.stat()
        except OSError:
            return False
        return (now.st_size, now.st_mtime_ns, now.st_ino) == self[:3]

    def sound(self, path: Path) -> bool:
        """Whether the file still has the same bytes, by reading it."""
        try:
            return path.stat().st_size == self.size and checksum([path]) == self.crc
        except OSError:
            return False


def trusted(folder: Path, files: Mapping[str, FileState]) -> dict[str, FileState] | None:
    """The states of `files` in a folder, renewed for those that had to be read; None if one is damaged or missing."""
    states = {}
    for name, state in files.items():
        path = folder / name
        if not state.unchanged(path):
            try:
                now = FileState.of(path)
            except OSError:
                return None
            if (now.size, now.crc) != (state.size, state.crc):
                return None
            states[name] = now
        else:
            states[name] = state
    return states


def worth_noting(noted: Mapping[str, FileState], now: Mapping[str, FileState]) -> bool:
    """Whether an intact large file had to be read, which saving its new state would spare whoever opens it next."""
    return any(state.size >= _LARGE_BYTES and state != noted[name] for name, state in now.items())


def damaged(folder: Path, files: Mapping[str, FileState]) -> list[Path]:
    """The `files` whose bytes have changed; every file is read."""
    return [folder / name for name, state in files.items() if not state.sound(folder / name)]


def checksum(paths: Iterable[Path], seed: int = 0) -> str:
    """CRC-32 of `seed` and the bytes of the files, in order of path, as eight hexadecimal digits."""
    value = zlib.crc32(str(seed).encode())
    for path in sorted(paths):
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                value = zlib.crc32(chunk, value)
    return f"{value:08x}"


def text_checksum(text: str) -> str:
    """CRC-32 of a text's UTF-8 bytes, as eight hexadecimal digits."""
    return f"{zlib.crc32(text.encode()):08x}"


def flush(path: Path) -> None:
    """Make the system write a file, or the entries of a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def room_at(folder: Path) -> str:
    """How much space is free on the disk of a folder, in words, for messages about failed writes."""
    try:
        return f"{shutil.disk_usage(folder).free / 1e6:,.1f} MB are free on its disk"
    except OSError:
        return "its disk does not say how much room it has"
