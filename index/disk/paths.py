"""What a file is called: by its own path, not by that of what a link leads to."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote_to_bytes

from index.errors import InputError

_FILE_SCHEME = "file://"


def own_path(path: Path) -> Path:
    """The absolute path of a file or folder under the name that it was given: links in it stay.

    A document is known by it. What a link leads to may change, or lie where nobody looks, and still the link is what
    was indexed.
    """
    parts = (_working_folder() / path).parts[1:]
    made = Path("/")
    for part in parts:
        # What is above a linked folder is above what it leads to, as everywhere on this system.
        made = real_path(made).parent if part == ".." else made / part
    return made


def real_path(path: Path) -> Path:
    """Where a path leads to in the end, as far as it leads anywhere; unlike Path.resolve it bears loops."""
    return Path(os.path.realpath(path))


def is_there(path: Path) -> bool:
    """Whether something is there, through links. Raises InputError where that cannot be told."""
    return _asked(path, Path.exists)


def is_folder(path: Path) -> bool:
    """Whether a folder is there, through links. Raises InputError where that cannot be told."""
    return _asked(path, Path.is_dir)


def _asked(path: Path, question: Callable[[Path], bool]) -> bool:
    try:
        return question(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def uri_of(path: Path) -> str:
    """The URI of a file or folder: that of its own path."""
    return own_path(path).as_uri()


def path_of(uri: str) -> Path:
    """The path of a file's URI, whatever bytes its name has."""
    return Path(os.fsdecode(unquote_to_bytes(uri.removeprefix(_FILE_SCHEME))))


def _working_folder() -> Path:
    """The folder that we are in by the name that the shell knows it under, which `cd` through a link keeps."""
    named = os.environ.get("PWD", "")
    folder = Path.cwd()
    try:
        return Path(named) if Path(named).is_absolute() and Path(named).samefile(folder) else folder
    except OSError:
        return folder
