"""Writing a file or a folder whole or not at all: it is made beside its place, and put there when it is complete."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from index.errors import InputError

PART_PREFIX, PART_SUFFIX = ".spanqa-", ".part"
"""Around the names of what is not complete yet; whatever is called so and no process is at work on may be deleted."""


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file as `replacing` does. Raises InputError where it cannot be written."""
    with replacing(path) as stream:
        stream.write(data)


@contextmanager
def replacing(path: Path, place: Callable[[], Path] | None = None) -> Iterator[BinaryIO]:
    """A stream whose bytes become the file at `path` once the block has ended without an error.

    A link is followed: what it leads to is replaced, and the link stays. The new file has the mode and, where that is
    allowed, the owner of the one it replaces; without one, what the umask leaves. `place` is asked at the end where
    the file is to go after all. Raises InputError where it cannot be written; what stood there then stands there
    still.
    """
    target = followed(path)
    beside = part_beside(target)
    try:
        before = target.stat() if target.exists() else None
        # Until it has the rights of the file that it replaces, nobody else may look into it.
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if before is None else 0o600)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            if before is not None:
                _take_over_rights(beside, before)
            target = place() if place is not None else target
            os.replace(beside, target)
            sync(target.parent)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A new, empty folder that takes the place of the one at `path` once the block has ended without an error.

    The old one is removed only when the new one is there. Raises InputError where it cannot be written.
    """
    target = followed(path)
    beside, aside = part_beside(target), part_beside(target)
    try:
        beside.mkdir()
        try:
            yield beside
            for made in sorted(beside.rglob("*")):
                sync(made)
            sync(beside)
            if target.exists():
                _take_over_rights(beside, target.stat())
                target.rename(aside)
            try:
                beside.rename(target)
            except OSError:
                if aside.exists():
                    aside.rename(target)
                raise
            sync(target.parent)
            shutil.rmtree(aside, ignore_errors=True)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        raise cannot_write(path, error) from error


def followed(path: Path) -> Path:
    """The absolute path that links lead to, whether or not there is anything. Raises InputError where there is none."""
    try:
        return path.resolve()
    # Python 3.12 and older report links that lead in a circle by RuntimeError, a NUL is a ValueError everywhere.
    except (OSError, RuntimeError, ValueError) as error:
        raise cannot_write(path, error) from error


def part_beside(path: Path) -> Path:
    """A name for what is to be put at `path`, in the same folder: short, whatever the length of its own."""
    return path.parent / (f"{PART_PREFIX}{secrets.token_hex(6)}{PART_SUFFIX}")


def cannot_write(path: Path, error: Exception) -> InputError:
    """The error that says why a file or folder cannot be written."""
    return InputError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}")


def sync(path: Path) -> None:
    """Hand a file or folder to the disk, so that a power cut leaves it whole."""
    if path.is_dir() and os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _take_over_rights(path: Path, before: os.stat_result) -> None:
    mode = stat.S_IMODE(before.st_mode)
    if hasattr(os, "chown") and (before.st_uid, before.st_gid) != (path.stat().st_uid, path.stat().st_gid):
        # Only root may give a file away; to a group of one's own anybody may.
        with suppress(PermissionError):
            os.chown(path, -1, before.st_gid)
        with suppress(PermissionError):
            os.chown(path, before.st_uid, -1)
        if path.stat().st_gid != before.st_gid:
            # What one group might do is not for another.
            mode &= ~stat.S_IRWXG
    path.chmod(mode)
