"""Where search indexes lie on this machine: a folder that nobody else has, with a marked one for each store in it."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from index.disk.folders import clear_away, sweep
from index.disk.marks import TAG_FILE, Mark, mark_folder, mark_of
from index.disk.private import FOLDER_MODE, close_to_others, is_file, is_folder, make_folder
from index.errors import StoreError
from index.search.faiss import is_vector_file
from index.search.tantivy import is_lexical_file

DERIVED_FOLDER = ".spanqa-derived"
# What it was called before it had a name of its own.
OLD_FOLDER = "derived"
PARTS = {"vectors": is_vector_file, "lexical": is_lexical_file}
_KIND = "search-indexes"
# The beginnings of the store's id and of the embedder's hash.
_NAME = re.compile(r"([0-9a-f]{16})-\w{0,16}", re.ASCII)


def own_folder(base: Path, name: str) -> Path:
    """The folder `name` of `base`, made and marked where it is not there. Raises StoreError for a link in its place,
    and where it cannot be made."""
    folder_of_store = base / name
    for folder in (base, folder_of_store, *(folder_of_store / part for part in PARTS)):
        if folder.is_symlink():
            raise StoreError(
                f"{folder} is a link, and search indexes are kept in no folder that may be somebody else's; remove it"
            )
    try:
        make_folder(folder_of_store)
        if mark_of(folder_of_store) is None:
            with suppress(OSError):
                # Garbled like the files beside it, maybe.
                (folder_of_store / TAG_FILE).unlink(missing_ok=True)
                mark_folder(folder_of_store, Mark(_KIND, store_mark(name)))
    except OSError as error:
        raise StoreError(f"the search indexes in {base} cannot be opened: {error}") from error
    return folder_of_store


def store_mark(name: str) -> str:
    """What of a folder's name, or of a store's id, is in its mark."""
    return name.partition("-")[0][:16]


def index_folders(base: Path) -> dict[Path, str]:
    """The folders of search indexes in `base`, each with the beginning of its store's id: those with our mark, which
    fits their name, and no link."""
    if not is_folder(base):
        return {}
    store_by_folder = {}
    for folder in sorted(base.iterdir()):
        name, mark = _NAME.fullmatch(folder.name), mark_of(folder)
        if name and mark == Mark(_KIND, name.group(1)):
            store_by_folder[folder] = name.group(1)
    return store_by_folder


def discard(folder: Path) -> None:
    """Remove search indexes, and their folder unless it holds something else. Raises StoreError where that fails."""
    try:
        sweep(folder, PARTS)
        for name, owns in PARTS.items():
            if is_folder(folder / name):
                clear_away(folder / name, owns)
        # What is left there then is not ours any more.
        if is_file(folder / TAG_FILE):
            (folder / TAG_FILE).unlink()
        with suppress(OSError):
            folder.rmdir()
    except OSError as error:
        raise StoreError(f"the search indexes in {folder} cannot be removed: {error}") from error


def left_behind(store: Path) -> list[Path]:
    """Search indexes in the folder of a store, whatever catalogue they are of."""
    return [*index_folders(store / DERIVED_FOLDER), *_old(store / OLD_FOLDER)]


def take_over_old(store: Path) -> None:
    """Move search indexes of before from `derived/`, where anybody may keep things, to the folder of their own. What is
    not plainly ours stays. Raises OSError."""
    old, base = store / OLD_FOLDER, store / DERIVED_FOLDER
    old_indexes = _old(old)
    if not old_indexes or base.is_symlink():
        return
    for folder in old_indexes:
        to = base / folder.name
        if to.exists():
            continue
        # Marked first: it is recognised wherever this ends.
        if mark_of(folder) is None:
            mark_folder(folder, Mark(_KIND, store_mark(folder.name)))
        for inner in (folder, *(folder / part for part in PARTS if is_folder(folder / part))):
            inner.chmod(FOLDER_MODE)
            close_to_others(inner.iterdir())
        make_folder(base)
        folder.rename(to)
    if not any(old.iterdir()):
        old.rmdir()


def _old(base: Path) -> list[Path]:
    """What has the form of our folders of before and nothing else in it, though no mark."""
    if not is_folder(base):
        return []
    return [folder for folder in sorted(base.iterdir()) if _NAME.fullmatch(folder.name) and _is_index(folder)]


def _is_index(folder: Path) -> bool:
    if not is_folder(folder):
        return False
    marked = mark_of(folder) is not None
    files = []
    for entry in folder.iterdir():
        if marked and entry.name == TAG_FILE:
            continue
        if entry.name not in PARTS or not is_folder(entry):
            return False
        files += [(entry.name, path) for path in entry.iterdir()]
    noted = any(path.suffix == ".manifest" or path.name == "spanqa-generation" for _, path in files)
    return noted and all(PARTS[part](path.name) and is_file(path) for part, path in files)
