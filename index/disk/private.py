"""Folders and files that only this account can access, whatever the umask: a store holds entire documents."""

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
    """Create a folder and any missing parents; an existing folder keeps its mode. Raises OSError."""
    try:
        folder.mkdir(mode=FOLDER_MODE)
    except FileNotFoundError:
        make_folder(folder.parent)
        make_folder(folder)
    except FileExistsError:
        if not folder.is_dir():
            raise


def make_file(path: Path) -> None:
    """Create an empty file. Raises FileExistsError if anything of that name exists, even a broken link."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE))


def write_to(path: Path) -> BinaryIO:
    """Open a file of ours to overwrite it, never following a link. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    return os.fdopen(os.open(path, flags, FILE_MODE), "wb")


def unfinished(path: Path) -> Path:
    """The path of a file while it is being written: beside its final place, with a name that nothing else uses."""
    return path.with_name(f".spanqa-{path.name}.part")


def close_to_others(paths: Iterable[Path]) -> None:
    """Remove the permissions of other accounts on these files; files that this account does not own are left alone."""
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
    """Whether the path is itself a folder, not a link to one."""
    return path.is_dir() and not path.is_symlink()


def is_file(path: Path) -> bool:
    """Whether the path is itself a regular file, not a link to one."""
    return path.is_file() and not path.is_symlink()
