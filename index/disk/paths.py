"""How files are identified: by the path they were given under, not by the target of a link."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote_to_bytes

from index.errors import InputError

_FILE_SCHEME = "file://"


def own_path(path: Path) -> Path:
    """The absolute path of a file or folder as it was named: links in it are not resolved.

    It identifies a document. The target of a link may change, or be somewhere out of sight, but the link is what was
    indexed.
    """
    parts = (_working_folder() / path).parts[1:]
    made = Path("/")
    for part in parts:
        # The parent of a linked folder is the parent of its target, as everywhere on this system.
        made = real_path(made).parent if part == ".." else made / part
    return made


def real_path(path: Path) -> Path:
    """The final target of a path, as far as it can be resolved; unlike Path.resolve, it tolerates loops."""
    return Path(os.path.realpath(path))


def is_there(path: Path) -> bool:
    """Whether the path exists, following links. Raises InputError if that cannot be determined."""
    return _asked(path, Path.exists)


def is_folder(path: Path) -> bool:
    """Whether the path is a folder, following links. Raises InputError if that cannot be determined."""
    return _asked(path, Path.is_dir)


def _asked(path: Path, question: Callable[[Path], bool]) -> bool:
    try:
        return question(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def uri_of(path: Path) -> str:
    """The URI of a file or folder, made from its own path."""
    return own_path(path).as_uri()


def path_of(uri: str) -> Path:
    """The path in a file's URI, whatever bytes its name consists of."""
    return Path(os.fsdecode(unquote_to_bytes(uri.removeprefix(_FILE_SCHEME))))


def _working_folder() -> Path:
    """The current folder by the name that the shell uses for it, which keeps the links that `cd` went through."""
    named = os.environ.get("PWD", "")
    folder = Path.cwd()
    try:
        return Path(named) if Path(named).is_absolute() and Path(named).samefile(folder) else folder
    except OSError:
        return folder
