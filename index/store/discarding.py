"""Removing a whole store: its own files, and its folder unless that holds something else."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from index.catalogue.formats.identity import require_catalogue
from index.catalogue.sqlite import CATALOGUE_FILE
from index.disk.private import is_file
from index.errors import StoreError
from index.search.index_folders import DERIVED_FOLDER, discard, index_folders
from index.store.backend import LOCK_FILE


def remove_store(folder: Path) -> None:
    """Remove a store that nobody uses any more. Raises StoreError where there is none, or it cannot be removed."""
    file = folder / CATALOGUE_FILE
    require_catalogue(file)
    for indexes in index_folders(folder / DERIVED_FOLDER):
        discard(indexes)
    try:
        for name in (file.name, f"{file.name}-wal", f"{file.name}-shm", LOCK_FILE):
            if is_file(folder / name):
                (folder / name).unlink()
    except OSError as error:
        raise StoreError(f"the store {folder} cannot be removed: {error}") from error
    for empty in (folder / DERIVED_FOLDER, folder):
        with suppress(OSError):
            empty.rmdir()
