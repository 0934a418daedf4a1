"""Checksums of derived files: damage is noticed before the file is used, and a sound file is read for it only once."""

from __future__ import annotations

import os
import shutil
import time
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

_CHUNK = 1 << 20
# A file may change twice within one tick of the file system's clock: as git does, what is younger is not trusted.
_TICK_NS = 50_000_000
_NEVER = -1
_LARGE_BYTES = 16 << 20


class FileState(NamedTuple):
    """A file as it was when its bytes were last checked. `crc` is their CRC-32 as eight hexadecimal digits.

    A file whose size, time of change and inode are still the same is taken for unchanged; one that was copied, restored
    or written over differs in at least one of them and is read again.
    """

    size: int
    mtime_ns: int
    inode: int
    crc: str

    @classmethod
    def of(cls, path: Path) -> FileState:
        """Read the file's bytes. Raises OSError where that fails."""
        before = path.stat()
        crc = checksum([path])
        old = time.time_ns() - before.st_mtime_ns > _TICK_NS
        return cls(before.st_size, before.st_mtime_ns if old else _NEVER, before.st_ino, crc)

    def unchanged(self, path: Path) -> bool:
        """Whether the file looks as it did, without reading it."""
        try:
            now = path.stat()
        except OSError:
            return False
        return (now.st_size, now.st_mtime_ns, now.st_ino) == self[:3]

    def sound(self, path: Path) -> bool:
        """Whether the file holds the same bytes, by reading them."""
        try:
            return path.stat().st_size == self.size and checksum([path]) == self.crc
        except OSError:
            return False


def trusted(folder: Path, files: Mapping[str, FileState]) -> dict[str, FileState] | None:
    """The states of `files` of a folder, renewed where one had to be read; None where one is damaged or missing."""
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
    """Whether a large file had to be read although it was sound, which the next to open it could be spared."""
    return any(state.size >= _LARGE_BYTES and state != noted[name] for name, state in now.items())


def damaged(folder: Path, files: Mapping[str, FileState]) -> list[Path]:
    """Those of `files` whose bytes are not what they were; every file is read."""
    return [folder / name for name, state in files.items() if not state.sound(folder / name)]


def checksum(paths: Iterable[Path], seed: int = 0) -> str:
    """CRC-32 of `seed` and the files' bytes, in order of name, as eight hexadecimal digits."""
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
    """Have the system write a file, or a folder's entries, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def room_at(folder: Path) -> str:
    """How much room the disk of a folder has, in words: whoever cannot write wants to know."""
    try:
        return f"{shutil.disk_usage(folder).free / 1e6:,.1f} MB are free on its disk"
    except OSError:
        return "its disk does not say how much room it has"
