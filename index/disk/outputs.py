"""The files and folders that a user tells a command to write: what may be written over, and what never is.

Every output is looked at before the work begins, so that hours of it do not end in a refusal, and again when it is
written. Never written over, even by force: what the command reads, anything inside a store, folders where a file is
meant, devices and pipes. Only by force: whatever is there and is not recognised as a former output of the same kind,
and files that are write-protected.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, overload

from pydantic import BaseModel

from index.disk.atomic import PART_PREFIX, followed, part_beside, replacing, replacing_folder
from index.errors import InputError, OutputError
from index.location import parse_location

MAX_LOOKED_AT = 64 * 2**20
"""A larger file is none of the kinds that are recognised as a whole."""
HEAD_BYTES = 64 * 2**10
STORE_FILES = ("catalogue.sqlite", "derived.lock", "keys.lock")
"""Any of these makes a folder a store: the catalogue, or what a store in servers keeps on this machine."""
FORCE = "--force"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: its `name` with an article, and how a former output of that kind is told from any other file.

    `former` gets the bytes of a file that is not empty: all of them, or its first `HEAD_BYTES` with `by_head`.
    """

    name: str
    former: Callable[[bytes], bool]
    by_head: bool = False

    def holds(self, file: Path) -> bool:
        """Whether the file at a path is of this kind. Raises OSError where it cannot be read."""
        if not self.by_head and file.stat().st_size > MAX_LOOKED_AT:
            return False
        with file.open("rb") as stream:
            return self.former(stream.read(HEAD_BYTES if self.by_head else MAX_LOOKED_AT))


def head_kind(name: str, pattern: bytes) -> Kind:
    """Files that begin as a regular expression says."""
    return Kind(name, lambda head: re.match(pattern, head) is not None, by_head=True)


def marked_kind(name: str, pattern: bytes) -> Kind:
    """Files in which a regular expression occurs."""
    return Kind(name, lambda data: re.search(pattern, data) is not None)


def json_kind(name: str, model: type[BaseModel]) -> Kind:
    """JSON objects with the fields of a model: all that it requires, and no others."""
    fields = model.model_fields
    known = fields.keys() | model.model_computed_fields.keys()
    required = {field for field, about in fields.items() if about.is_required()}

    def former(data: bytes) -> bool:
        try:
            content = json.loads(data)
        except (ValueError, RecursionError):
            return False
        return isinstance(content, dict) and required <= content.keys() <= known

    return Kind(name, former)


# Nothing that is there is of this kind: what people go on to edit.
DRAFT = Kind("a file to be replaced", lambda _: False)


@dataclass(frozen=True, slots=True)
class FolderKind:
    """A kind of folder: its `name` with an article, the names of which one at least is in a former output
    (`marks`), and all names that may be in one; `names` None allows any, for folders that are worked in."""

    name: str
    marks: frozenset[str]
    names: frozenset[str] | None = None

    def holds(self, folder: Path) -> bool:
        """Whether a folder is empty or of this kind. Raises OSError where it cannot be read."""
        names = {entry.name for entry in folder.iterdir() if not entry.name.startswith(PART_PREFIX)}
        if not names:
            return True
        left_over = {name for name in names if self.names and name.removesuffix(".tmp") in self.names}
        return bool(names & self.marks) and (self.names is None or names - left_over <= self.names)


class Output:
    """A file that a command will write; made by `Outputs.file`."""

    def __init__(self, path: Path, check: Callable[[], None]) -> None:
        self.path = path
        self._check = check

    def write(self, data: bytes) -> None:
        """Writes the file whole or not at all; raises InputError as `stream` does."""
        with self.stream() as stream:
            stream.write(data)

    def write_model(self, value: BaseModel) -> None:
        """Writes a value as JSON; raises InputError as `stream` does."""
        self.write(f"{value.model_dump_json(indent=2)}\n".encode())

    @contextmanager
    def stream(self) -> Iterator[BinaryIO]:
        """A stream whose bytes become the file once the block has ended without an error (see `index.disk.atomic`).

        Raises InputError where it cannot be written. Where something else has been put there since the command began,
        that stays, and the error names the file beside it that holds what this command made.
        """
        target = place = followed(self.path)

        def still_free() -> Path:
            nonlocal place
            try:
                self._check()
            except OutputError:
                names = (target.with_name(f"{target.stem}-{number}{target.suffix}") for number in range(1, 10_000))
                place = next((name for name in names if not os.path.lexists(name)), part_beside(target))
            return place

        with replacing(self.path, still_free) as stream:
            yield stream
        if place != target:
            raise InputError(f"{self.path}: something else was put there meanwhile; what was to go there is in {place}")


class OutputFolder:
    """A folder that a command will write; made by `Outputs.folder`."""

    def __init__(self, path: Path, check: Callable[[], None]) -> None:
        self.path = path
        self._check = check

    @contextmanager
    def making(self) -> Iterator[Path]:
        """An empty folder that takes its place once the block has ended without an error; the old one goes last."""
        with replacing_folder(self.path) as folder:
            yield folder
            self._check()


@dataclass(frozen=True, slots=True)
class _Input:
    path: Path
    identity: tuple[int, int] | None
    is_folder: bool


class Outputs:
    """The outputs of one run of a command, given what it reads.

    inputs: files and folders; names of models may be among them, and None. store: as `--store` names it. force: write
    over what is no former output.
    """

    def __init__(
        self, inputs: Iterable[str | Path | None] = (), *, store: str | None = None, force: bool = False
    ) -> None:
        self._inputs = [_input(Path(given)) for given in inputs if given is not None]
        self._force = force
        self._claimed: dict[str, Path] = {}
        self._store: Path | None = None
        if store is not None:
            location = parse_location(store)
            self._store = followed(location if isinstance(location, Path) else location.derived)

    @overload
    def file(self, path: Path, kind: Kind, *, forced: bool | None = None) -> Output: ...
    @overload
    def file(self, path: Path | None, kind: Kind, *, forced: bool | None = None) -> Output | None: ...
    def file(self, path: Path | None, kind: Kind, *, forced: bool | None = None) -> Output | None:
        """A file to write; None for None. `forced` decides in the place of the command's own force.

        Raises OutputError where it may not be written over or cannot be written.
        """
        if path is None:
            return None
        force = self._force if forced is None else forced
        target = self._claim(path)
        self._check_file(path, target, kind, force)
        _probe(path, target)
        return Output(path, lambda: self._check_file(path, target, kind, force))

    def folder(self, path: Path, kind: FolderKind) -> OutputFolder:
        """A folder to write. Raises OutputError where it may not be replaced or cannot be written."""
        target = self._claim(path)
        self._check_folder(path, target, kind)
        if os.path.ismount(target) or Path.cwd().is_relative_to(target):
            raise OutputError(f"{path}: cannot be replaced while you are in it; name a folder in it")
        _probe(path, target)
        return OutputFolder(path, lambda: self._check_folder(path, target, kind))

    def work(self, path: Path, kind: FolderKind) -> Path:
        """A folder to work in, which may be there already if earlier work is in it. Raises OutputError for any other
        that is not empty."""
        self._check_folder(path, self._claim(path), kind, worked_in=True)
        return path

    def _claim(self, path: Path) -> Path:
        try:
            target = followed(path)
            absolute = Path(os.path.normpath(path.absolute()))
        except InputError as error:
            raise OutputError(str(error)) from error
        if absolute.parts[1:2] in (("dev",), ("proc",)):
            raise OutputError(f"{path}: is no ordinary file; name one")
        # Two spellings that some disks take for one name.
        key = str(target).casefold()
        if key in self._claimed:
            raise OutputError(f"{path}: is to be written twice, as {self._claimed[key]} too; name two files")
        self._claimed[key] = path
        return target

    def _check_file(self, path: Path, target: Path, kind: Kind, force: bool) -> None:
        self._check_store(path, target)
        status = _stat(path, target)
        if status is None:
            self._check_inputs(path, target, None)
            return
        if stat.S_ISDIR(status.st_mode):
            raise OutputError(f"{path}: is a folder; name a file for what is to be written")
        if not stat.S_ISREG(status.st_mode):
            raise OutputError(f"{path}: is no ordinary file; name one")
        self._check_inputs(path, target, status)
        try:
            former = status.st_size == 0 or kind.holds(target)
        except OSError as error:
            raise _unreadable(path, error) from error
        self._check_former(path, target, kind.name, former=former, force=force)
        if not status.st_mode & 0o222 and not force:
            raise OutputError(f"{path}: is write-protected; name another file, or add {FORCE} to replace it")

    def _check_folder(self, path: Path, target: Path, kind: FolderKind, *, worked_in: bool = False) -> None:
        self._check_store(path, target)
        status = _stat(path, target)
        if status is not None and not stat.S_ISDIR(status.st_mode):
            raise OutputError(f"{path}: is no folder; name one that is new")
        if not worked_in:
            self._check_inputs(path, target, status)
            for given in self._inputs:
                if given.path.is_relative_to(target):
                    raise OutputError(f"{path}: holds {given.path}, which this command reads; name another folder")
        if status is None:
            return
        try:
            if any((target / name).exists() for name in STORE_FILES):
                raise OutputError(f"{path}: is a store, which is never written over; name another folder")
            former = kind.holds(target)
        except OSError as error:
            raise _unreadable(path, error) from error
        self._check_former(path, target, kind.name, former=former, force=self._force)

    def _check_former(self, path: Path, target: Path, name: str, *, former: bool, force: bool) -> None:
        if former:
            return
        folders = [given.path for given in self._inputs if given.is_folder]
        if any(target.is_relative_to(folder) and target != folder for folder in folders):
            raise OutputError(f"{path}: is there already, in a folder that this command reads; name another")
        if not force:
            raise OutputError(f"{path}: is there already and is not {name}; name another, or add {FORCE} to replace it")

    def _check_inputs(self, path: Path, target: Path, status: os.stat_result | None) -> None:
        identity = (status.st_dev, status.st_ino) if status is not None else None
        for given in self._inputs:
            if target == given.path or (identity is not None and identity == given.identity):
                raise OutputError(
                    f"{path}: is what this command reads ({given.path}), and would be written over; name another"
                )

    def _check_store(self, path: Path, target: Path) -> None:
        for folder in target.parents:
            if folder == self._store or any((folder / name).exists() for name in STORE_FILES):
                raise OutputError(f"{path}: lies in the store {folder}, where only spanqa writes; name another place")
        if target == self._store:
            raise OutputError(f"{path}: is the store; name another place")


def _input(given: Path) -> _Input:
    path = followed(given)
    try:
        status = path.stat()
    except (OSError, ValueError):
        # Whoever reads it will say so; its name is still not to be written over.
        return _Input(path, None, is_folder=False)
    return _Input(path, (status.st_dev, status.st_ino), stat.S_ISDIR(status.st_mode))


def _stat(path: Path, target: Path) -> os.stat_result | None:
    try:
        return target.stat()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise OutputError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}") from error


def _probe(path: Path, target: Path) -> None:
    """Raises OutputError where a file cannot be made in the folder of what is to be written."""
    if not target.parent.is_dir():
        raise OutputError(f"{path}: there is no folder {target.parent} to write it in")
    beside = part_beside(target)
    try:
        beside.touch(exist_ok=False)
        beside.unlink()
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error


def _unreadable(path: Path, error: OSError) -> OutputError:
    return OutputError(f"{path}: is there already and cannot be read: {error.strerror or error}; name another")
