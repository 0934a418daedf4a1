"""Files and folders beside what a store knows of them: what is new, what has changed, what is gone."""

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

# Raised whenever the loaders make another document of the same bytes: files are then read again, changed or not.
LOADERS = "2"
# A file system's clock may stand still this long, and a file change within a tick of it unseen. FAT's tick is 2 s.
TICK_NS = 2_000_000_000
# Up to so many paths, what is known of each is asked for; beyond, everything.
ASKED_SINGLY = 20

State = Literal["new", "changed", "touched", "unchanged"]


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file, what was seen of it before it was read, and how it stands to the store.

    `touched`: the same bytes as before, under another stamp. `source` is None for what is no readable regular file:
    loading it says what is wrong.
    """

    path: Path
    state: State
    source: Source | None


@dataclass(slots=True)
class Plan:
    """What would bring a store in step with files and folders.

    `gone` are URIs of indexed files that are not there any more; `kept` of those that seem gone, but may only be out of
    reach, by folder, each with the reason.
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
    """The files that a store knows: a catalogue, or what stands for one that is not there yet."""

    def sources(self, collection: str, prefix: str = "") -> dict[str, Source]: ...


class NothingKnown:
    """What a store knows that is not there yet."""

    def sources(self, collection: str, prefix: str = "") -> dict[str, Source]:
        return {}


def plan(paths: Sequence[Path], known: Known, collection: str, *, prune: bool | None = None) -> Plan:
    """Look at files and folders, reading only those whose stamp has changed.

    Files go by their own paths, links included: a link is unchanged as long as what it leads to is, and gone with
    either. One that leads to another file of the plan is left out.

    What is gone from a named folder is to be removed, unless that may be a mistake: a folder that cannot be read, or
    that is empty, as one is whose disk is not mounted. `prune` true removes that as well, false removes nothing.
    Raises InputError where a named path does not exist, save with `prune` one that was indexed before.
    """
    paths = [own_path(path) for path in paths]
    before = _before(paths, known, collection)
    there = [path for path in paths if is_there(path) or not (prune and _named(path, before))]
    found = find_files(there)
    made = Plan(passed_over=found.passed_over, unreadable=list(found.unreadable), refused=list(found.refused))
    # Where nothing is to be removed, what was indexed under a second name must not grow old either.
    again = [path for path in found.again if path.as_uri() in before]
    made.files = [_look(path, before) for path in [*found.files, *(again if prune is False else ())]]
    if prune is not False:
        # Nothing is lost with them: their words are there under another name.
        made.gone = [path.as_uri() for path in again]
        seen = {file.path.as_uri() for file in made.files}.union(made.gone)
        for path in paths:
            if is_folder(path) or not is_there(path):
                missing = [uri for uri in _named(path, before) if uri not in seen]
                _find_gone(path, missing, made, prune=bool(prune))
    return made


def _before(paths: Sequence[Path], known: Known, collection: str) -> dict[str, Source]:
    """What is known of the paths, and maybe of others."""
    if len(paths) > ASKED_SINGLY:
        return known.sources(collection)
    return {uri: source for path in paths for uri, source in known.sources(collection, path.as_uri()).items()}


def _named(path: Path, before: Mapping[str, Source]) -> list[str]:
    """The known URIs of a file, or of what is in a folder."""
    own = path.as_uri()
    inside = own.rstrip("/") + "/"
    return sorted(uri for uri in before if uri == own or uri.startswith(inside))


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
    """What tells a file from its earlier self without reading it: size, times of change of content and of entry, inode.

    The time of the entry cannot be set back as that of the content can. '' for a file so fresh that it could change
    again under the same stamp; None for what is no regular file, or too large to be read.
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
                # It is there, only hidden, or of a kind that is not read any more.
                continue
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError as error:
            # A link that leads to itself leads to nothing.
            if error.errno != errno.ELOOP:
                _keep(made, path.parent, f"cannot be read ({error.strerror})")
                continue
        shut = next((folder for folder in unreadable if path.is_relative_to(folder)), None)
        # Of a link that is still there, what it led to is what is missing.
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
        # Rather taken for out of reach than for cleared.
        return True


def kept_messages(made: Plan) -> list[str]:
    """What was kept though it seems gone, and why, for people."""
    return [
        f"{folder} {reason}: {count:,} file{'' if count == 1 else 's'} indexed from there before stay in the store; "
        "remove what is gone for good with --prune"
        for folder, (reason, count) in made.kept.items()
    ]


def require_some(made: Plan, paths: Sequence[Path]) -> None:
    """Raise InputError where there is nothing to index, nothing gone and nothing kept."""
    if made.files or made.gone or made.kept:
        return
    if made.unreadable:
        raise InputError("; ".join(reason for _, reason in made.unreadable))
    names = ", ".join(str(path) for path in paths)
    raise InputError(f"{names}: no readable documents there ({made.passed_over} files of other kinds passed over)")
