"""Folders that spanqa makes and may remove again: each says so in a file of its own, and nothing else is ever removed.

The file is the CACHEDIR.TAG of https://bford.info/cachedir/, by which backup programs pass such folders over.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from index.disk.private import FILE_MODE, is_file, is_folder, make_folder
from index.errors import InputError

TAG_FILE = "CACHEDIR.TAG"
_SIGNATURE = "Signature: 8a477f597d28d172789f06886806bc55"
_MARK = re.compile(r"^# spanqa: ([a-z-]+)(?: ([0-9a-f]+))?$", re.MULTILINE)
_MOST_BYTES = 4_096
# What `tempfile` draws.
_DRAWN = "[a-z0-9_]{8}"
_TRIES = 10


class Mark(NamedTuple):
    """What a folder was made for, and of which store it is: the beginning of the store's id, "" where of none."""

    kind: str
    store: str


def mark_folder(folder: Path, mark: Mark) -> None:
    """Mark a folder as ours. Raises OSError; FileExistsError where it has a tag already."""
    os.close(_write_tag(folder, mark))


def mark_of(folder: Path) -> Mark | None:
    """The mark of a folder; None where it has none, is a link, or is no folder."""
    tag = folder / TAG_FILE
    try:
        if not is_folder(folder) or not is_file(tag) or tag.stat().st_size > _MOST_BYTES:
            return None
        text = tag.read_text("ascii", "replace")
    except OSError:
        return None
    match = _MARK.search(text)
    return Mark(*match.groups("")) if match and text.startswith(_SIGNATURE) else None


def claim_folder(folder: Path, kind: str) -> None:
    """Make a folder for work that is gone on with later, or take the one that was made for it.

    Raises InputError for one that holds anything else, OSError where it cannot be made.
    """
    if mark_of(folder) == Mark(kind, ""):
        return
    make_folder(folder)
    if any(folder.iterdir()):
        raise InputError(f"{folder}: holds other things, among which this would write and remove; name a new folder")
    mark_folder(folder, Mark(kind, ""))


def remove_marked(folder: Path, owns: Callable[[str], bool]) -> None:
    """Remove from a marked folder the files whose names are ours, and the folder itself unless it holds others.

    What is no regular file stays as well. Raises OSError.
    """
    remove_files(folder, owns)
    tag = folder / TAG_FILE
    if [path.name for path in folder.iterdir()] == [TAG_FILE]:
        tag.unlink(missing_ok=True)
        folder.rmdir()


def remove_files(folder: Path, owns: Callable[[str], bool]) -> None:
    """Remove the regular files of a folder whose names are ours. Raises OSError."""
    for path in list(folder.iterdir()):
        if owns(path.name) and is_file(path):
            path.unlink(missing_ok=True)


@contextmanager
def aside(folder: Path, kind: str, owns: Callable[[str], bool]) -> Iterator[Path]:
    """A marked folder in `folder` for files that are not whole yet; they and it are gone afterwards.

    It is locked meanwhile, so that `sweep_asides` tells one in use from what a killed process left. Raises OSError.
    """
    beside, descriptor = _make_aside(folder, kind)
    try:
        yield beside
    finally:
        with suppress(OSError):
            remove_marked(beside, owns)
        os.close(descriptor)


def sweep_asides(folder: Path, kind: str, owns: Callable[[str], bool]) -> bool:
    """Remove what processes that were killed left of `aside`; whether one is in use. Raises OSError."""
    form = re.compile(re.escape(_prefix(kind)) + _DRAWN)
    in_use = False
    for path in list(folder.iterdir()) if folder.is_dir() else ():
        if not form.fullmatch(path.name) or not (mark_of(path) == Mark(kind, "") or _is_hardly_begun(path)):
            continue
        try:
            descriptor = os.open(path / TAG_FILE, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            # Empty: it goes, and whoever is just making it makes another.
            with suppress(OSError):
                path.rmdir()
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_marked(path, owns)
        except BlockingIOError:
            in_use = True
        finally:
            os.close(descriptor)
    return in_use


def _make_aside(folder: Path, kind: str) -> tuple[Path, int]:
    """A new marked folder, and the descriptor that holds its lock."""
    for _ in range(_TRIES):
        own = Path(tempfile.mkdtemp(prefix=_prefix(kind), dir=folder))
        try:
            descriptor = _write_tag(own, Mark(kind, ""))
        except (FileNotFoundError, BlockingIOError):
            # Somebody who sweeps took it for left behind before it was marked.
            continue
        if os.fstat(descriptor).st_nlink:
            return own, descriptor
        os.close(descriptor)
    raise BlockingIOError(errno.EAGAIN, f"folders made in {folder} are removed by somebody else at once")


def _is_hardly_begun(folder: Path) -> bool:
    """Whether a folder of our name form is empty but for an empty tag: who made it was killed before it was marked."""
    try:
        if not is_folder(folder) or {path.name for path in folder.iterdir()} - {TAG_FILE}:
            return False
        tag = folder / TAG_FILE
        return not os.path.lexists(tag) or (is_file(tag) and tag.stat().st_size == 0)
    except OSError:
        return False


def _prefix(kind: str) -> str:
    return f".spanqa-{kind}-"


def _write_tag(folder: Path, mark: Mark) -> int:
    """The descriptor of the tag, which is locked before anybody can read the mark in it."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = os.open(folder / TAG_FILE, flags, FILE_MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        lines = (
            _SIGNATURE,
            "# This folder was made by spanqa, which removes it with what it wrote there; keep nothing else in it.",
            f"# spanqa: {mark.kind} {mark.store}".rstrip(),
        )
        os.write(descriptor, ("\n".join(lines) + "\n").encode("ascii"))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
