"""Copies of an embedded store, made while it is used, and put back."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from uuid import uuid4

from index.catalogue.copying import RESTORED_OVER
from index.catalogue.formats.identity import is_spoiled, read_only, require_catalogue
from index.catalogue.sqlite import CATALOGUE_FILE, SqliteCatalogue, put_in_place
from index.disk.checksums import flush, room_at
from index.disk.marks import aside, sweep_asides
from index.disk.private import make_file, make_folder
from index.errors import DamageError, InputError, StoreError
from index.search.index_folders import left_behind
from index.store.backend import RESTORING, is_restoring_file
from index.store.store import Store

_BACKING_UP = "backup"
# How many restorations in a row may be killed before they have removed the search indexes of before.
_IDENTITIES = 32


class HoldsDocumentsError(InputError):
    """The store that is to be replaced holds documents, and nobody said that they may go."""


def back_up(store: Store, destination: Path) -> Path:
    """Write the store as it is at one moment to the folder `destination`, which must be new or empty; the file made.

    A backup is a store itself: the search indexes, which are derived, are made anew when it is first asked. Others may
    read and write the store meanwhile. API keys stay with the store. What a backup that was killed left there is taken
    away. Raises InputError for a folder that holds something, StoreError where it cannot be written, where the store is
    in a server, or where it is damaged: the backup would be as well, and could not be put back.
    """
    catalogue = store.backend.file_catalogue()
    try:
        make_folder(destination)
        if sweep_asides(destination, _BACKING_UP, is_restoring_file):
            raise InputError(f"another backup is being written to {destination}; name a new folder for this one")
        there = sorted(path.name for path in destination.iterdir())
        if there:
            raise InputError(f"{destination} is not empty ({there[0]}); name a new folder for the backup")
        with aside(destination, _BACKING_UP, is_restoring_file) as beside:
            copy = beside / CATALOGUE_FILE
            catalogue.copy_to(copy)
            _require_sound(copy, store)
            file = destination / CATALOGUE_FILE
            put_in_place(copy, file)
            return file
    except OSError as error:
        raise StoreError(f"the backup {destination} cannot be written ({room_at(destination)}): {error}") from error


def restore(store: Store, source: Path) -> None:
    """Make the store what its backup `source` is, a folder or its file; whoever reads the store sees all of it or none.

    What the store held before is gone. Raises as `restore_folder`; nothing has changed then.
    """
    store.backend.file_catalogue()
    restore_folder(store.folder, source, replace=True)
    store.sync()
    store.discard_others()


def restore_folder(folder: Path, source: Path, *, replace: bool) -> bool:
    """Make the store in `folder`, which need not exist, what the backup `source` is: a folder or its file.

    The backup is only read: a copy is checked, brought to today's format and put in place. `replace` does so where the
    store holds documents, or its catalogue is damaged: what it was is kept until the new one was checked in its place,
    and is put back where anything is wrong. Returns whether API keys and the log of what was there may be lost: those
    of a catalogue that cannot be opened, or that is gone and left its log.

    Raises InputError where there is no backup or it holds nothing, HoldsDocumentsError without `replace`, StoreError
    where it is none of ours or not sound, or where the store cannot be written. Nothing has changed then.
    """
    file = source / CATALOGUE_FILE if source.is_dir() else source
    if not os.path.lexists(file):
        raise InputError(f"no backup at {source}: there is no file {file}")
    target = folder / CATALOGUE_FILE
    if file.resolve() == target.resolve():
        raise InputError(f"{source} is the store itself")
    _require_backup(file)
    new_folder = not folder.exists()
    try:
        make_folder(folder)
        sweep_asides(folder, RESTORING, is_restoring_file)
        with aside(folder, RESTORING, is_restoring_file) as beside:
            copy = beside / CATALOGUE_FILE
            make_file(copy)
            with read_only(file) as theirs, closing(sqlite3.connect(copy)) as ours:
                theirs.backup(ours)
            return _put_in_place(copy, target, source, replace=replace)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"the store {folder} cannot be restored from {source} ({room_at(folder)}): {error}") from error
    finally:
        if new_folder:
            # Only where nothing came of it.
            with suppress(OSError):
                folder.rmdir()


def _require_backup(file: Path) -> None:
    try:
        require_catalogue(file)
    except StoreError as error:
        raise StoreError(f"{file} is no backup that can be restored; nothing was changed. {error}") from error


def _put_in_place(copy: Path, target: Path, source: Path, *, replace: bool) -> bool:
    """Put a copy of a backup in the place of the catalogue `target`, or where there is none yet; whether keys of what
    was there may be lost."""
    before = _opened(target, replace=replace)
    try:
        generation = before.generation() if before is not None else 0
        former = _identities(before) if before is not None else []
        held = before.counts()[0] if before is not None else 0
        restored = _prepared(copy, generation, former)
        if held and not replace:
            raise HoldsDocumentsError(f"the store {target.parent} holds {held:,} documents, which would go")
        if held and not restored:
            raise InputError(
                f"the backup {source} holds no documents, and the store {target.parent} holds {held:,}; to empty a "
                "store, remove its documents"
            )
        if before is not None:
            before.become(copy, copy.with_name("replaced.sqlite"))
        elif any(os.path.lexists(file) for file in _files(target)):
            _replace_spoiled(copy, target)
            return True
        else:
            put_in_place(copy, target)
            return bool(left_behind(target.parent))
        return False
    finally:
        if before is not None:
            before.close()


def _opened(target: Path, *, replace: bool) -> SqliteCatalogue | None:
    """The catalogue that is to be replaced; None where there is none, or one that is damaged and may be replaced."""
    if not os.path.lexists(target):
        return None
    try:
        return SqliteCatalogue(target, create=False)
    except StoreError as error:
        if not target.is_file() or not is_spoiled(target):
            raise
        if not replace:
            raise HoldsDocumentsError(f"{error}. What is there would go") from error
        return None


def _identities(catalogue: SqliteCatalogue) -> list[str]:
    """The id of a store, then those that it had before backups were put in its place, the latest first."""
    own, before = catalogue.setting("store_id"), catalogue.setting(RESTORED_OVER)
    return [*([own] if own else []), *(before or "").split()][:_IDENTITIES]


def _prepared(copy: Path, generation: int, former: list[str]) -> int:
    """Check a copy of a backup and give it an identity of its own and a generation above both, so that nobody takes
    what was derived from either for its own; how many documents it holds. Raises StoreError where it is not sound."""
    catalogue = SqliteCatalogue(copy, create=False)
    try:
        if problems := catalogue.problems():
            raise StoreError(f"the backup is not a sound catalogue: {problems[0].what}; nothing was changed")
        documents, _ = catalogue.counts()
        values = {"store_id": uuid4().hex, "generation": str(max(catalogue.generation(), generation) + 1)}
        values |= {RESTORED_OVER: " ".join(former)}
        catalogue.set_settings(values)
    finally:
        catalogue.close()
    flush(copy)
    return documents


def _files(catalogue: Path) -> list[Path]:
    """A catalogue's file and those of its log, which may be left of one that is gone."""
    return [catalogue.with_name(f"{catalogue.name}{end}") for end in ("", "-wal", "-shm")]


def _replace_spoiled(copy: Path, target: Path) -> None:
    """Put a catalogue in the place of one that cannot be opened, or of the log of one that is gone.

    What was there is put back where the new one is not sound.
    """
    moved = []
    try:
        for old in _files(target):
            if os.path.lexists(old):
                kept = copy.with_name(old.name.replace(target.name, "replaced.sqlite"))
                old.rename(kept)
                moved.append((kept, old))
        put_in_place(copy, target)
        new = SqliteCatalogue(target, create=False)
        try:
            if problems := new.problems():
                raise StoreError(f"what was put in place of the catalogue is not sound: {problems[0].what}")
        finally:
            new.close()
    except BaseException:
        for kept, old in moved:
            kept.replace(old)
        raise


def _require_sound(copy: Path, store: Store) -> None:
    catalogue = SqliteCatalogue(copy, create=False)
    try:
        problems = catalogue.problems()
    finally:
        catalogue.close()
    if problems:
        raise DamageError(
            f"the store {store.location} is damaged, and its backup would be, which is not kept: {problems[0].what}; "
            "qa store check says all that is, and what mends it"
        )
