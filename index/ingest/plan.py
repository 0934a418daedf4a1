"""Comparing files and folders with what a store knows about them: what is new, what has changed, what is gone."""

from __future__ import annotations

import errno
import hashlib
import stat
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from index.disk.paths import is_folder, is_there, own_path, path_of, real_path
from index.documents import Source
from index.errors import InputError
from index.loading.files import MAX_FILE_BYTES, find_files

# Incremented whenever the loaders make a different document of the same bytes; all files are then read again.
LOADERS = "3"
# The longest tick of a file system's clock (FAT's is 2 s); a second change within one tick leaves no trace.
TICK_NS = 2_000_000_000
# For up to this many paths the catalogue is asked about each; for more, about everything.
ASKED_SINGLY = 20

State = Literal["new", "changed", "touched", "unchanged"]


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file, its source as seen before reading, and its state relative to the store.

    `touched` means the same bytes as before with a different stamp. `source` is None if it is not a readable regular
    file; loading it then reports what is wrong.
    """

    path: Path
    state: State
    source: Source | None


@dataclass(slots=True)
class Plan:
    """What has to be done to bring a store up to date with files and folders.

    `gone` holds the URIs of indexed files that no longer exist. `kept` counts, by folder and with the reason, those
    that seem gone but may only be out of reach.
    """

    files: list[KnownFile] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    kept: dict[Path, tuple[str, int]] = field(default_factory=dict)
    passed_over: int = 0
    unreadable: list[tuple[Path, str]] = field(default_factory=list)
    refused: list[tuple[Path, str]] = field(default_factory=list)

    def of(self, *states: State) -> list[KnownFile]:
        return [file for file in self.files if file.state in states]


class Known(Protocol):
    """The files that a store knows: a catalogue, or a stand-in for one that does not exist yet."""

    def sources(self, collection: str, prefix: str = "") -> dict[str, Source]: ...


class NothingKnown:
    """What a store that does not exist yet knows: nothing."""

    def sources(self, collection: str, prefix: str = "") -> dict[str, Source]:
        return {}


def plan(paths: Sequence[Path], known: Known, collection: str, *, prune: bool | None = None) -> Plan:
    """Examine files and folders, reading only files whose stamp has changed.

    Files are identified by their own paths, links included: a link is unchanged as long as its target is, and gone if
    either is. A link to another file of the plan is left out.

    Files that are gone from a named folder will be removed, unless that may be a mistake: the folder cannot be read, or
    it is empty, like the mount point of a disk that is not mounted. With `prune` true they are removed even then, with
    false never. Raises InputError if a named path does not exist; with `prune`, only if it was never indexed.
    """
    paths = [own_path(path) for path in paths]
    before = _before(paths, known, collection)
    there = [path for path in paths if is_there(path) or not (prune and _named(path, before))]
    listing = find_files(there)
    made = Plan(passed_over=listing.passed_over, unreadable=list(listing.unreadable), refused=list(listing.refused))
    # If nothing is to be removed, files that were indexed under a second name must be kept up to date too.
    again = [path for path in listing.again if path.as_uri() in before]
    made.files = [_look(path, before) for path in [*listing.files, *(again if prune is False else ())]]
    if prune is not False:
        # Nothing is lost: the same content is indexed under another name.
        made.gone = [path.as_uri() for path in again]
        seen = {file.path.as_uri() for file in made.files}.union(made.gone)
        for path in paths:
            if is_folder(path) or not is_there(path):
                missing = [uri for uri in _named(path, before) if uri not in seen]
                _find_gone(path, missing, made, prune=bool(prune))
    return made


def _before(paths: Sequence[Path], known: Known, collection: str) -> dict[str, Source]:
    """What is known about the paths, and possibly about others."""
    if len(paths) > ASKED_SINGLY:
        return known.sources(collection)
    return {uri: source for path in paths for uri, source in known.sources(collection, path.as_uri()).items()}


def _named(path: Path, before: Mapping[str, Source]) -> list[str]:
    """The known URIs of a file, or of the files in a folder."""
    root_uri = path.as_uri()
    inside = root_uri.rstrip("/") + "/"
    return sorted(uri for uri in before if uri == root_uri or uri.startswith(inside))


def _look(path: Path, before: Mapping[str, Source]) -> KnownFile:
    known = before.get(path.as_uri())
    stamp = stamp_of(path)
    if stamp is None:
        return KnownFile(path, "new" if known is None else "changed", None)
    if known is not None and known.loaders == LOADERS and stamp and stamp == known.stamp:
        return KnownFile(path, "unchanged", known)
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return KnownFile(path, "new" if known is None else "changed", None)
    source = Source(path.as_uri(), sha256, stamp, LOADERS)
    if known is None:
        return KnownFile(path, "new", source)
    same = (known.sha256, known.loaders) == (sha256, LOADERS)
    return KnownFile(path, "touched" if same else "changed", source)


def stamp_of(path: Path) -> str | None:
    """A stamp that shows whether a file has changed without reading it: its size, mtime, ctime and inode.

    The ctime, unlike the mtime, cannot be set back. '' for a file so recent that it could change again without a change
    of stamp; None for what is not a regular file, or is too large to be read.
    """
    try:
        status = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE_BYTES:
        return None
    if time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) < TICK_NS:
        return ""
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_ino}"


def _find_gone(root: Path, missing: Sequence[str], made: Plan, *, prune: bool) -> None:
    gone: dict[str, None] = {}
    unreadable = [folder for folder, _ in made.unreadable]
    empty: dict[Path, bool] = {}
    for uri in missing:
        path = path_of(uri)
        try:
            if stat.S_ISREG(path.stat().st_mode):
                # It exists, but is hidden now, or of a kind that is no longer read.
                continue
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError as error:
            # A link that leads to itself leads to nothing.
            if error.errno != errno.ELOOP:
                _keep(made, path.parent, f"cannot be read ({error.strerror})")
                continue
        shut = next((folder for folder in unreadable if path.is_relative_to(folder)), None)
        # If a link is still there, its target is what is missing.
        missed = real_path(path) if path.is_symlink() else path
        nearest = next((folder for folder in missed.parents if folder.is_dir()), root)
        if shut is not None:
            _keep(made, shut, "cannot be read")
        elif not prune and empty.setdefault(nearest, _is_empty(nearest)):
            _keep(made, nearest, "is empty, as a folder is whose disk is not mounted")
        else:
            gone[uri] = None
    if gone and not prune and not any(file.path.is_relative_to(root) for file in made.files):
        _keep(made, root, "holds none of the files that were indexed from it", len(gone))
        return
    made.gone = list(dict.fromkeys([*made.gone, *gone]))


def _keep(made: Plan, folder: Path, reason: str, count: int = 1) -> None:
    made.kept[folder] = (reason, made.kept.get(folder, (reason, 0))[1] + count)


def _is_empty(folder: Path) -> bool:
    try:
        return next(folder.iterdir(), None) is None
    except OSError:
        # It is safer to assume that the folder is out of reach than that it was emptied.
        return True


def kept_messages(made: Plan) -> list[str]:
    """Messages saying what was kept although it seems gone, and why."""
    return [
        f"{folder} {reason}: {count:,} file{'' if count == 1 else 's'} indexed from there before stay in the store; "
        "remove what is gone for good with --prune"
        for folder, (reason, count) in made.kept.items()
    ]


def require_some(made: Plan, paths: Sequence[Path]) -> None:
    """Raise InputError if there is nothing to index, nothing gone and nothing kept."""
    if made.files or made.gone or made.kept:
        return
    if made.unreadable:
        raise InputError("; ".join(reason for _, reason in made.unreadable))
    names = ", ".join(str(path) for path in paths)
    raise InputError(f"{names}: no readable documents there ({made.passed_over} files of other kinds passed over)")
