"""From files to documents: what `qa index` and uploads go through."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote, unquote

from index.disk.paths import is_folder, is_there, own_path, real_path
from index.documents import Document
from index.errors import InputError
from index.loading.building import file_uri
from index.loading.encodings import decode_text, decode_unicode
from index.loading.limited import shared
from index.loading.reading import Read, parse, read_bytes
from index.loading.registry import (
    MAX_FILE_BYTES,
    Loader,
    is_plain,
    is_supported,
    register,
    require_supported,
    supported_suffixes,
)

__all__ = [
    "MAX_FILE_BYTES",
    "FoundFiles",
    "Loader",
    "NotRead",
    "decode_text",
    "decode_unicode",
    "document_from_bytes",
    "find_files",
    "load_cited",
    "load_file",
    "read_documents",
    "register",
    "supported_suffixes",
]

# Between the URI of an archive or a message and the name of a part of it.
PART_MARK = "!/"
# As deep as people nest things: a message attached to a message in an archive.
MAX_DEPTH = 4


@dataclass(frozen=True, slots=True)
class NotRead:
    """A part of a file that could not be read: the reason, and the URI its document would have, if known."""

    reason: str
    uri: str | None = None


def load_file(path: Path) -> Document:
    """Load a file that is a single document; raises InputError saying what is wrong with it.

    For an e-mail that is the message without its attachments. `read_documents` reads everything in a file.
    """
    document = _read(path).document
    if document is None:
        raise InputError(f"{path}: holds several documents; index it, or unpack it and name one")
    return document


def load_cited(path: Path, uri: str) -> Document:
    """Load the document that a citation's URI refers to (a file, or a part of one) from where the file is now."""
    parts = [unquote(name) for name in uri.split(PART_MARK)[1:]]
    document = (_read(path, parts) if parts else _read(path)).document
    if document is None:
        raise InputError(f"{path}: holds several documents, and {uri} does not say which")
    return document.model_copy(update={"uri": _part_uri(path, parts)}) if parts else document


# Reads a file, or the part of it that these names lead to.
_Reader = Callable[[tuple[str, ...]], Read]


def read_documents(path: Path, content: bytes | None = None) -> Iterator[Document | NotRead]:
    """Yield every document in a file: each member of an archive, a message and its attachments.

    `content` is the content of the file, if it is not on this machine. A part that cannot be read is yielded as NotRead
    in its place. Raises InputError if the file as a whole cannot be read.
    """
    if content is None:
        reader: _Reader = partial(_read, path)
        yield from _documents(path, (), reader(()), reader)
        return
    require_supported(str(path))
    if is_plain(path.name) and decode_unicode(path, content) is not None:
        reader = partial(parse, path, content)
        yield from _documents(path, (), reader(()), reader)
        return
    with _lying_here(path, content) as reader:
        yield from _documents(path, (), reader(()), reader)


@contextmanager
def _lying_here(path: Path, content: bytes) -> Iterator[_Reader]:
    """A reader of content, which is first written to a file so that the parsing process can read many parts of it."""
    # An unnamed file: nothing of the document is left on disk, however this process ends.
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        at = Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")
        yield lambda parts: shared.read(path, parts=parts, at=at)


def _documents(path: Path, parts: tuple[str, ...], read: Read, reader: _Reader) -> Iterator[Document | NotRead]:
    if read.document is not None:
        yield read.document.model_copy(update={"uri": _part_uri(path, parts)}) if parts else read.document
    yield from (NotRead(notice) for notice in read.notices)
    for name in read.parts:
        deeper = (*parts, name)
        if len(deeper) > MAX_DEPTH:
            yield NotRead(f"{PART_MARK.join([str(path), *deeper])}: nested too deeply to be read")
            continue
        try:
            part = reader(deeper)
        except InputError as error:
            yield NotRead(str(error), _part_uri(path, deeper))
            continue
        yield from _documents(path, deeper, part, reader)


def document_from_bytes(name: str, content: bytes, *, uri: str) -> Document:
    """Load content that is not in a file (an upload): `name` only gives the format and the title.

    Raises InputError if it cannot be read, is too large, or holds several documents."""
    path = Path(Path(name).name or "document.txt")
    require_supported(str(path))
    if len(content) > MAX_FILE_BYTES:
        raise InputError(f"{name}: larger than {MAX_FILE_BYTES // 2**20} MB; split it")
    if is_plain(path.name) and decode_unicode(path, content) is not None:
        document = parse(path, content).document
    else:
        document = shared.read(path, content).document
    if document is None:
        raise InputError(f"{name}: holds several documents; add each of them")
    return document.model_copy(update={"uri": uri})


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """The result of a search for files: those with a loader, how many others were passed over, the folders that could
    not be read, and what was refused unread (links to folders, pipes, devices), each with the reason.

    `again` holds further names of the `files`: links to them, and files in linked folders.
    """

    files: tuple[Path, ...]
    passed_over: int
    unreadable: tuple[tuple[Path, str], ...] = ()
    refused: tuple[tuple[Path, str], ...] = ()
    again: tuple[Path, ...] = ()


def find_files(paths: list[Path]) -> FoundFiles:
    """The loadable files among these files and folders, each once, in a stable order, by their own paths (`own_path`).

    A file met under several names is listed under its real name, or else under the first link to it. Hidden files and
    folders are skipped, and links to folders are not followed, since they may loop. A file that is named explicitly is
    always listed, so that its error is shown. Raises InputError if a named path does not exist.
    """
    files: dict[Path, None] = {}
    passed_over = 0
    unreadable: list[tuple[Path, str]] = []
    refused: list[tuple[Path, str]] = []
    for named in paths:
        path = own_path(named)
        if is_folder(path):
            for file in _walk(path, unreadable, refused):
                if is_supported(file.name):
                    files.setdefault(file)
                else:
                    passed_over += 1
        elif is_there(path):
            files.setdefault(path)
        elif path.is_symlink():
            raise InputError(f"{named}: no such file or folder (a link that leads to nothing)")
        else:
            raise InputError(f"{named}: no such file or folder")
    once, again = _each_once(list(files))
    return FoundFiles(once, passed_over, tuple(unreadable), tuple(refused), again)


def _each_once(files: list[Path]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """The files, each under one name, and the other names that they were met under."""
    # There are few folders and many files, of which few are links.
    folders = {folder: real_path(folder) for folder in {file.parent for file in files}}
    real = {file: real_path(file) if file.is_symlink() else folders[file.parent] / file.name for file in files}
    names: dict[Path, Path] = {}
    for file, target in real.items():
        if names.setdefault(target, file) != target and file == target:
            names[target] = file
    kept = [names[target] == file for file, target in real.items()]
    return tuple(itertools.compress(files, kept)), tuple(itertools.compress(files, [not keep for keep in kept]))


def _walk(folder: Path, unreadable: list[tuple[Path, str]], refused: list[tuple[Path, str]]) -> Iterator[Path]:
    try:
        # That a link leads to something off limits says nothing about the folder it is in.
        entries = [(entry, entry.is_symlink()) for entry in sorted(folder.iterdir())]
    except OSError as error:
        unreadable.append((folder, f"{folder}: cannot be read ({error.strerror})"))
        return
    for entry, is_link in entries:
        if entry.name.startswith("."):
            continue
        try:
            is_a_folder, is_a_file = entry.is_dir(), entry.is_file()
        except OSError as error:
            refused.append((entry, f"{entry}: cannot be read ({error.strerror})"))
            continue
        if is_a_folder:
            if is_link:
                refused.append((entry, f"{entry}: a link to a folder is not followed; name it to index it"))
            else:
                yield from _walk(entry, unreadable, refused)
        elif is_a_file:
            yield entry
        elif is_supported(entry.name):
            refused.append((entry, f"{entry}: not a regular file, or a link that leads to none"))


def _read(path: Path, parts: tuple[str, ...] | list[str] = ()) -> Read:
    require_supported(str(path))
    if is_plain(path.name) and not parts:
        content = read_bytes(path)
        if decode_unicode(path, content) is not None:
            return parse(path, content)
    elif not path.is_file():
        raise InputError(f"{path}: not a regular file")
    return shared.read(path, parts=parts)


def _part_uri(path: Path, parts: tuple[str, ...] | list[str]) -> str:
    return PART_MARK.join([file_uri(path), *(quote(name) for name in parts)])
