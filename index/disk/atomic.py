"""Writing a file or a folder completely or not at all: it is made beside its place, and moved there once complete."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from index.disk.checksums import flush
from index.errors import InputError

PART_PREFIX, PART_SUFFIX = ".spanqa-", ".part"
"""Prefix and suffix of the names of incomplete files and folders; they may be deleted once no process uses them."""


def write_whole(path: Path, data: bytes) -> None:
    """Write a file as `replacing` does. Raises InputError if it cannot be written."""
    with replacing(path) as stream:
        stream.write(data)


@contextmanager
def replacing(path: Path, place: Callable[[], Path] | None = None) -> Iterator[BinaryIO]:
    """A stream whose bytes become the file at `path` once the block has ended without an error.

    A link is followed: its target is replaced, and the link stays. The new file gets the mode and, if permitted, the
    owner of the one it replaces; if there is none, the mode that the umask allows. `place`, if given, is called at the
    end for the path to write to. Raises InputError if the file cannot be written; an existing file is then unchanged.
    """
    target = followed(path)
    beside = part_beside(target)
    try:
        before = target.stat() if target.exists() else None
        # Until it has the permissions of the file that it replaces, nobody else may read it.
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
            flush(target.parent)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A new, empty folder that takes the place of the one at `path` once the block has ended without an error.

    The old one is removed only once the new one is in place. Raises InputError if it cannot be written.
    """
    target = followed(path)
    beside, aside = part_beside(target), part_beside(target)
    try:
        beside.mkdir()
        try:
            yield beside
            for made in sorted(beside.rglob("*")):
                flush(made)
            flush(beside)
            if target.exists():
                _take_over_rights(beside, target.stat())
                target.rename(aside)
            try:
                beside.rename(target)
            except OSError:
                if aside.exists():
                    aside.rename(target)
                raise
            flush(target.parent)
            shutil.rmtree(aside, ignore_errors=True)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        raise cannot_write(path, error) from error


def followed(path: Path) -> Path:
    """The absolute path with links resolved, whether or not it exists. Raises InputError if it cannot be resolved."""
    try:
        return path.resolve()
    # Python 3.12 and older raise RuntimeError for circular links; a NUL is a ValueError in every version.
    except (OSError, RuntimeError, ValueError) as error:
        raise cannot_write(path, error) from error


def part_beside(path: Path) -> Path:
    """A temporary path for what will be moved to `path`, in the same folder; short, however long the final name is."""
    return path.parent / (f"{PART_PREFIX}{secrets.token_hex(6)}{PART_SUFFIX}")


def cannot_write(path: Path, error: Exception) -> InputError:
    """The error that says why a file or folder cannot be written."""
    return InputError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}")


def _take_over_rights(path: Path, before: os.stat_result) -> None:
    mode = stat.S_IMODE(before.st_mode)
    if hasattr(os, "chown") and (before.st_uid, before.st_gid) != (path.stat().st_uid, path.stat().st_gid):
        # Only root may change the owner of a file; anybody may change its group to one of their own.
        with suppress(PermissionError):
            os.chown(path, -1, before.st_gid)
        with suppress(PermissionError):
            os.chown(path, before.st_uid, -1)
        if path.stat().st_gid != before.st_gid:
            # The permissions of one group must not pass to another.
            mode &= ~stat.S_IRWXG
    path.chmod(mode)
