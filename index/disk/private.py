"""Folders and files for this account alone, whatever the umask says: a store holds whole documents."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

FOLDER_MODE, FILE_MODE = 0o700, 0o600
_OTHERS = 0o077


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing; one that is there keeps its mode. Raises OSError."""
    try:
        folder.mkdir(mode=FOLDER_MODE)
    except FileNotFoundError:
        make_folder(folder.parent)
        make_folder(folder)
    except FileExistsError:
        if not folder.is_dir():
            raise


def make_file(path: Path) -> None:
    """Make an empty file. Raises FileExistsError where there is anything of that name, a link to nowhere among it."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE))


def write_to(path: Path) -> BinaryIO:
    """Open a file of ours to write it anew, never one that a link leads to. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    return os.fdopen(os.open(path, flags, FILE_MODE), "wb")


def unfinished(path: Path) -> Path:
    """Where a file is written until it is whole: beside its place, under a name that nobody else takes."""
    return path.with_name(f".spanqa-{path.name}.part")


def close_to_others(paths: Iterable[Path]) -> None:
    """Take from others what they may do with these files; what is no file of this account stays as it is."""
    for path in paths:
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                mode = os.fstat(descriptor).st_mode
                if stat.S_ISREG(mode) and mode & _OTHERS:
                    os.fchmod(descriptor, stat.S_IMODE(mode) & ~_OTHERS)
            finally:
                os.close(descriptor)


def is_folder(path: Path) -> bool:
    """Whether it is a folder itself, and no link to one."""
    return path.is_dir() and not path.is_symlink()


def is_file(path: Path) -> bool:
    """Whether it is a regular file itself, and no link to one."""
    return path.is_file() and not path.is_symlink()
