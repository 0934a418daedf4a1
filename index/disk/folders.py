"""Folders of derived files: removed although somebody has them open, but for what is not ours; mirrored where nobody
can write."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from index.disk.marks import remove_files
from index.disk.private import is_file, is_folder

_OLD = "-old-"
Owns = Callable[[str], bool]


def clear_away(folder: Path, owns: Owns) -> None:
    """Remove an index's folder and the files in it whose names `owns` says are the index's own; others stay, and it
    with them. Raises OSError where that cannot be done, and for a link, which is not followed.

    A folder without others is moved aside first: whoever still has it open may write into it while it goes, and its
    name is free at once.
    """
    if not os.path.lexists(folder):
        return
    if not is_folder(folder):
        raise FileExistsError(f"{folder} is no folder of its own; move it away")
    if not _only_own(folder, owns):
        remove_files(folder, owns)
        return
    aside = Path(tempfile.mkdtemp(prefix=f"{folder.name}{_OLD}", dir=folder.parent))
    folder.rename(aside / folder.name)
    shutil.rmtree(aside, ignore_errors=True)


def sweep(folder: Path, parts: Mapping[str, Owns]) -> None:
    """Remove what a `clear_away` of one of these parts that was killed left in `folder`: what has the form and nothing
    but the part's own files in it. Raises OSError where that cannot be done."""
    for left in list(folder.iterdir()) if folder.is_dir() else ():
        name, separator, drawn = left.name.partition(_OLD)
        if not separator or name not in parts or not re.fullmatch("[a-z0-9_]{8}", drawn) or not is_folder(left):
            continue
        inside = left / name
        if [path.name for path in left.iterdir()] == [name] and is_folder(inside) and _only_own(inside, parts[name]):
            shutil.rmtree(left)


def _only_own(folder: Path, owns: Owns) -> bool:
    return all(owns(path.name) and is_file(path) for path in folder.iterdir())


def on_frozen_disk(folder: Path) -> bool:
    """Whether a folder lies on a file system that is mounted read-only, so that nobody can change it."""
    try:
        return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def mirror(folder: Path, copy: Path, *, up_to: int) -> None:
    """Make `copy` look like `folder`: files of at most `up_to` bytes are copied, larger ones are linked to.

    Whoever opens it may write and remove files there, and nothing happens to those of `folder`.
    """
    for base, _, names in os.walk(folder):
        here = copy / Path(base).relative_to(folder)
        here.mkdir(parents=True, exist_ok=True)
        for name in names:
            source = Path(base) / name
            if source.stat().st_size <= up_to:
                shutil.copy2(source, here / name)
            else:
                (here / name).symlink_to(source)
