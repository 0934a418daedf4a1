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
    "MAX_FILE_BYTES", "Found", "Loader", "NotRead", "decode_text", "decode_unicode", "document_from_bytes",
    "find_files", "load_cited", "load_file", "read_documents", "register", "supported_suffixes",
]  # fmt: skip

# Between the URI of an archive or a message and the name of a part of it.
PART_MARK = "!/"
# A message attached to a message in an archive is as deep as people go.
MAX_DEPTH = 4


@dataclass(frozen=True, slots=True)
class NotRead:
    """A part of a file that is no document now, with the reason, and the URI that its document would have, if known."""

    reason: str
    uri: str | None = None


def load_file(path: Path) -> Document:
    """Load one file that is one document; raises InputError saying what is wrong with it.

    Of a message that is the message without its attachments. See `read_documents` for all that a file holds.
    """
    document = _read(path).document
    if document is None:
        raise InputError(f"{path}: holds several documents; index it, or unpack it and name one")
    return document


def load_cited(path: Path, uri: str) -> Document:
    """Load the document that a citation's URI means, wherever its file now lies: the file, or a part of it."""
    parts = [unquote(name) for name in uri.split(PART_MARK)[1:]]
    document = (_read(path, parts) if parts else _read(path)).document
    if document is None:
        raise InputError(f"{path}: holds several documents, and {uri} does not say which")
    return document.model_copy(update={"uri": _part_uri(path, parts)}) if parts else document


# Reads a file by the names of parts that lead to what is wanted of it.
_Reader = Callable[[tuple[str, ...]], Read]


def read_documents(path: Path, content: bytes | None = None) -> Iterator[Document | NotRead]:
    """All documents of a file, one after the other: of an archive each member, of a message its attachments too.

    `content` is the file's, where it does not lie on this machine. What cannot be read of them comes as NotRead in its
    place. Raises InputError where that is the file as a whole.
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
    """A reader of content that is written down for the process that parses: it may be asked for part after part."""
    # A file without a name: nothing of somebody's document stays on a disk, however this process ends.
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
            found = reader(deeper)
        except InputError as error:
            yield NotRead(str(error), _part_uri(path, deeper))
            continue
        yield from _documents(path, deeper, found, reader)


def document_from_bytes(name: str, content: bytes, *, uri: str) -> Document:
    """Load content that is no file of ours (an upload): `name` gives the format and the title only."""
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
class Found:
    """What a search for files came to: files with a loader, how many others were passed over, the folders that could
    not be read, and what is refused unread (links to folders, pipes, devices), each with the reason.

    `again` are links, and files in linked folders, that lead to one of the `files`.
    """

    files: tuple[Path, ...]
    passed_over: int
    unreadable: tuple[tuple[Path, str], ...] = ()
    refused: tuple[tuple[Path, str], ...] = ()
    again: tuple[Path, ...] = ()


def find_files(paths: list[Path]) -> Found:
    """The loadable files of files and folders, each once, in a stable order, under their own paths (see `own_path`).

    A file that is met under several names counts under its real one, else under the first of the links to it.
    Hidden files and folders are passed over, links to folders are not followed (they may loop). A named file is
    always taken, so that its error is shown; a named path that does not exist is an InputError.
    """
    files: dict[Path, None] = {}
    passed_over = 0
    unreadable: list[tuple[Path, str]] = []
    refused: list[tuple[Path, str]] = []
    for named in paths:
        path = own_path(named)
        if is_folder(path):
            for found in _walk(path, unreadable, refused):
                if is_supported(found.name):
                    files.setdefault(found)
                else:
                    passed_over += 1
        elif is_there(path):
            files.setdefault(path)
        elif path.is_symlink():
            raise InputError(f"{named}: no such file or folder (a link that leads to nothing)")
        else:
            raise InputError(f"{named}: no such file or folder")
    once, again = _each_once(list(files))
    return Found(once, passed_over, tuple(unreadable), tuple(refused), again)


def _each_once(files: list[Path]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """The files without other names of one of them, and those names."""
    # Folders are few, files are many, and few of those are links.
    folders = {folder: real_path(folder) for folder in {file.parent for file in files}}
    real = {file: real_path(file) if file.is_symlink() else folders[file.parent] / file.name for file in files}
    names: dict[Path, Path] = {}
    for file, target in real.items():
        if names.setdefault(target, file) != target and file == target:
            names[target] = file
    kept = [names[target] == file for file, target in real.items()]
    return tuple(itertools.compress(files, kept)), tuple(itertools.compress(files, [not own for own in kept]))


def _walk(folder: Path, unreadable: list[tuple[Path, str]], refused: list[tuple[Path, str]]) -> Iterator[Path]:
    try:
        # A link to what must not be looked at says nothing about the folder that it is in.
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
