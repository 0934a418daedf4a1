"""Copies of an embedded store, made while it is used, and put back."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from index.catalogue import SqliteCatalogue
from index.checksums import room_at
from index.errors import InputError, StoreError
from index.store import CATALOGUE_FILE, RESTORING, Store

_BACKING_UP = ".backup-"


def back_up(store: Store, destination: Path) -> Path:
    """Write the store as it is at one moment to the folder `destination`, which must be new or empty; the file made.

    A backup is a store itself: the search indexes, which are derived, are made anew when it is first asked. Others may
    read and write the store meanwhile. API keys stay with the store. Raises InputError for a folder that holds
    something, StoreError where it cannot be written, or where the store is in a server.
    """
    catalogue = _embedded(store)
    try:
        destination.mkdir(parents=True, exist_ok=True)
        # What a backup that was killed left behind.
        for left in destination.glob(f"{_BACKING_UP}*"):
            shutil.rmtree(left)
        if any(destination.iterdir()):
            raise InputError(f"{destination} is not empty; name a new folder for the backup")
        with tempfile.TemporaryDirectory(prefix=_BACKING_UP, dir=destination) as aside:
            copy = Path(aside) / CATALOGUE_FILE
            catalogue.copy_to(copy)
            return copy.rename(destination / CATALOGUE_FILE)
    except OSError as error:
        raise StoreError(f"the backup {destination} cannot be written ({room_at(destination)}): {error}") from error


def restore(store: Store, source: Path) -> None:
    """Make the store what its backup `source` is, a folder or its file; whoever reads the store sees all of it or none.

    What the store held before is gone. Raises InputError where there is no backup, StoreError where it is not sound or
    the store cannot be written: nothing has changed then.
    """
    catalogue = _embedded(store)
    file = source / CATALOGUE_FILE if source.is_dir() else source
    if not file.is_file():
        raise InputError(f"no backup at {source}: there is no file {file}")
    if file.resolve() == (store.folder / CATALOGUE_FILE).resolve():
        raise InputError(f"{source} is the store itself")
    try:
        # The backup stays as it is: what is changed on the way is changed in a copy.
        with tempfile.TemporaryDirectory(prefix=RESTORING, dir=store.folder) as aside:
            copy = Path(aside) / CATALOGUE_FILE
            shutil.copyfile(file, copy)
            wal = file.with_name(f"{file.name}-wal")
            if wal.is_file():
                shutil.copyfile(wal, copy.with_name(f"{copy.name}-wal"))
            catalogue.take_from(copy)
    except OSError as error:
        raise StoreError(
            f"the store {store.folder} cannot be restored from {source} ({room_at(store.folder)}): {error}"
        ) from error
    store.sync()


def _embedded(store: Store) -> SqliteCatalogue:
    if not isinstance(store.catalogue, SqliteCatalogue):
        raise StoreError(
            f"the store {store.location} is in PostgreSQL: back it up and restore it with pg_dump and pg_restore; "
            "its search indexes are made anew by themselves"
        )
    return store.catalogue
