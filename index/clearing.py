"""Removing derived folders that somebody may still have open."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path


def clear_away(folder: Path) -> None:
    """Remove a folder and all in it. Raises OSError where it cannot even be moved.

    It is moved aside first: whoever still has it open may write into it while it goes, and its name is free at once.
    """
    aside = Path(tempfile.mkdtemp(prefix=f"{folder.name}-old-", dir=folder.parent))
    folder.rename(aside / folder.name)
    shutil.rmtree(aside, ignore_errors=True)
