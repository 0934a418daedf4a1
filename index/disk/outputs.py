"""The output files and folders that users name for commands: what may be overwritten, and what never is.

Every output is checked before the work begins, so that hours of work do not end in a refusal, and again when it is
written. Never overwritten, even by force: the inputs of the command, anything inside a store, a folder in place of a
file, devices and pipes. Overwritten only by force: anything that is not recognised as an earlier output of the same
kind, and write-protected files.
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
"""A larger file is not of any kind that is recognised by its whole content."""
HEAD_BYTES = 64 * 2**10
STORE_FILES = ("catalogue.sqlite", "derived.lock", "keys.lock")
"""Any of these makes a folder a store: the catalogue, or the files that a store on servers keeps on this machine."""
FORCE = "--force"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: its `name` with an article, and how an earlier output of that kind is recognised.

    `former` is given the bytes of a non-empty file: all of them, or the first `HEAD_BYTES` with `by_head`.
    """

    name: str
    former: Callable[[bytes], bool]
    by_head: bool = False

    def holds(self, file: Path) -> bool:
        """Whether a file is of this kind. Raises OSError if it cannot be read."""
        if not self.by_head and file.stat().st_size > MAX_LOOKED_AT:
            return False
        with file.open("rb") as stream:
            return self.former(stream.read(HEAD_BYTES if self.by_head else MAX_LOOKED_AT))


def head_kind(name: str, pattern: bytes) -> Kind:
    """A kind of files whose beginning matches a regular expression."""
    return Kind(name, lambda head: re.match(pattern, head) is not None, by_head=True)


def marked_kind(name: str, pattern: bytes) -> Kind:
    """A kind of files in which a regular expression matches."""
    return Kind(name, lambda data: re.search(pattern, data) is not None)


def json_kind(name: str, model: type[BaseModel]) -> Kind:
    """A kind of JSON files: objects with all required fields of a model, and no unknown ones."""
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


# No existing file is of this kind: people edit drafts, so they are never overwritten without force.
DRAFT = Kind("a file to be replaced", lambda _: False)


@dataclass(frozen=True, slots=True)
class FolderKind:
    """A kind of folder: its `name` with an article, the `marks`, of which an earlier output contains at least one, and
    all `names` that it may contain; None allows any, for folders that are worked in."""

    name: str
    marks: frozenset[str]
    names: frozenset[str] | None = None

    def holds(self, folder: Path) -> bool:
        """Whether a folder is empty or of this kind. Raises OSError if it cannot be read."""
        names = {entry.name for entry in folder.iterdir() if not entry.name.startswith(PART_PREFIX)}
        if not names:
            return True
        left_over = {name for name in names if self.names and name.removesuffix(".tmp") in self.names}
        return bool(names & self.marks) and (self.names is None or names - left_over <= self.names)


class Output:
    """A file that a command will write; created by `Outputs.file`."""

    def __init__(self, path: Path, check: Callable[[], None]) -> None:
        self.path = path
        self._check = check

    def write(self, data: bytes) -> None:
        """Write the file completely or not at all; raises InputError like `stream`."""
        with self.stream() as stream:
            stream.write(data)

    def write_model(self, value: BaseModel) -> None:
        """Write a value as JSON; raises InputError like `stream`."""
        self.write(f"{value.model_dump_json(indent=2)}\n".encode())

    @contextmanager
    def stream(self) -> Iterator[BinaryIO]:
        """A stream whose bytes become the file once the block has ended without an error (see `index.disk.atomic`).

        Raises InputError if it cannot be written. If something else was put there since the command began, that is
        kept, and the error names the file beside it that has the output of this command.
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
    """A folder that a command will write; created by `Outputs.folder`."""

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

    `inputs` are files and folders; names of models and None may be among them. `store` is the value of `--store`.
    `force` overwrites files and folders that are not earlier outputs.
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
        """A file to write; None for None. `forced` overrides the force of the command.

        Raises OutputError if it may not be overwritten or cannot be written.
        """
        if path is None:
            return None
        force = self._force if forced is None else forced
        target = self._claim(path)
        self._check_file(path, target, kind, force)
        _probe(path, target)
        return Output(path, lambda: self._check_file(path, target, kind, force))

    def folder(self, path: Path, kind: FolderKind) -> OutputFolder:
        """A folder to write. Raises OutputError if it may not be replaced or cannot be written."""
        target = self._claim(path)
        self._check_folder(path, target, kind)
        if os.path.ismount(target) or Path.cwd().is_relative_to(target):
            raise OutputError(f"{path}: cannot be replaced while you are in it; name a folder in it")
        _probe(path, target)
        return OutputFolder(path, lambda: self._check_folder(path, target, kind))

    def work(self, path: Path, kind: FolderKind) -> Path:
        """A folder to work in; it may already exist if it contains earlier work. Raises OutputError for any other
        folder that is not empty."""
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
        # Some disks do not distinguish upper and lower case.
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
        # Reading it will report the error; it must still not be overwritten.
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
    """Raise OutputError if no file can be created in the folder of the output."""
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
