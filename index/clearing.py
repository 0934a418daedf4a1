"""Folders of derived files: removed although somebody has them open, mirrored where nobody can write."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

_OLD = "-old-"


def sweep(folder: Path) -> None:
    """Remove what a `clear_away` that was killed left in `folder`. Raises OSError where that cannot be done."""
    for left in folder.glob(f"*{_OLD}*") if folder.is_dir() else ():
        shutil.rmtree(left)


def clear_away(folder: Path) -> None:
    """Remove a folder and all in it. Raises OSError where it cannot even be moved.

    It is moved aside first: whoever still has it open may write into it while it goes, and its name is free at once.
    """
    aside = Path(tempfile.mkdtemp(prefix=f"{folder.name}{_OLD}", dir=folder.parent))
    folder.rename(aside / folder.name)
    shutil.rmtree(aside, ignore_errors=True)


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
