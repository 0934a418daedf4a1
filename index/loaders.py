"""From a file to a document: a registry of loaders by file suffix."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from index.documents import Document
from index.errors import InputError
from index.sentences import markdown_headings

MAX_FILE_BYTES = 100 * 1024 * 1024
Loader = Callable[[Path, bytes], Document]

_LOADERS: dict[str, Loader] = {}


def register(*suffixes: str) -> Callable[[Loader], Loader]:
    """Register a loader for file suffixes (lower case, with the dot)."""

    def add(loader: Loader) -> Loader:
        for suffix in suffixes:
            _LOADERS[suffix] = loader
        return loader

    return add


def supported_suffixes() -> list[str]:
    return sorted(_LOADERS)


def load_file(path: Path) -> Document:
    """Load one file; raises InputError saying what is wrong with it."""
    loader = _LOADERS.get(path.suffix.lower())
    if loader is None:
        raise InputError(f"{path}: no loader for '{path.suffix}' files; supported: {', '.join(supported_suffixes())}")
    return loader(path, _read(path))


def document_from_bytes(name: str, content: bytes, *, uri: str) -> Document:
    """Load content that is no file of ours (an upload): `name` gives the format and the title only."""
    path = Path(Path(name).name or "document.txt")
    loader = _LOADERS.get(path.suffix.lower())
    if loader is None:
        raise InputError(f"{name}: no loader for '{path.suffix}' files; supported: {', '.join(supported_suffixes())}")
    if len(content) > MAX_FILE_BYTES:
        raise InputError(f"{name}: larger than {MAX_FILE_BYTES // 2**20} MB; split it")
    return loader(path, content).model_copy(update={"uri": uri})


@dataclass(frozen=True, slots=True)
class Found:
    """What a search for files came to: files with a loader, how many others were passed over, and the folders that
    could not be read, each with the reason."""

    files: tuple[Path, ...]
    passed_over: int
    unreadable: tuple[tuple[Path, str], ...] = ()


def find_files(paths: list[Path]) -> Found:
    """The loadable files of files and folders, each once, in a stable order.

    Hidden files and folders are passed over, links to folders are not followed (they may loop). A named file is
    always taken, so that its error is shown; a named path that does not exist is an InputError.
    """
    files: dict[Path, None] = {}
    passed_over = 0
    unreadable: list[tuple[Path, str]] = []
    for path in paths:
        if path.is_dir():
            for found in _walk(path, unreadable):
                if found.suffix.lower() in _LOADERS:
                    files.setdefault(found.resolve())
                else:
                    passed_over += 1
        elif path.exists():
            files.setdefault(path.resolve())
        else:
            raise InputError(f"{path}: no such file or folder")
    return Found(tuple(files), passed_over, tuple(unreadable))


def _walk(folder: Path, unreadable: list[tuple[Path, str]]) -> Iterator[Path]:
    try:
        entries = [(entry, entry.is_dir()) for entry in sorted(folder.iterdir())]
    except OSError as error:
        unreadable.append((folder, f"{folder}: cannot be read ({error.strerror})"))
        return
    for entry, is_folder in entries:
        if entry.name.startswith("."):
            continue
        if is_folder:
            if not entry.is_symlink():
                yield from _walk(entry, unreadable)
        elif entry.is_file():
            yield entry


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise InputError(f"{path}: not a regular file")
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputError(f"{path}: larger than {MAX_FILE_BYTES // 2**20} MB; split it")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def decode_text(path: Path, content: bytes) -> str:
    """Decode UTF-8, or UTF-16/32 with a byte-order mark; the mark is dropped, newlines stay as they are."""
    # UTF-32's little-endian mark begins with UTF-16's, so the longer ones are tried first.
    marks = [
        (b"\xff\xfe\x00\x00", "utf-32-le"),
        (b"\x00\x00\xfe\xff", "utf-32-be"),
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
    ]
    mark, encoding = next(((m, e) for m, e in marks if content.startswith(m)), (b"", "utf-8"))
    try:
        text = content[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not {encoding.upper()} text (byte {error.start + len(mark)}); a binary file, or save it as UTF-8"
        ) from error
    if "\x00" in text:
        raise InputError(f"{path}: holds NUL characters: a binary file, not text")
    if not text.strip():
        raise InputError(f"{path}: has no text")
    return text


def _file_title(path: Path) -> str:
    # A file name need not be text in any encoding; what cannot be shown is replaced.
    return path.name.encode("utf-8", "replace").decode("utf-8")


@register(".txt", ".text")
def load_text(path: Path, content: bytes) -> Document:
    """Plain text. Its title is its file name."""
    return Document(
        uri=path.as_uri() if path.is_absolute() else path.name,
        title=_file_title(path),
        text=decode_text(path, content),
        media_type="text/plain",
        source_sha256=hashlib.sha256(content).hexdigest(),
    )


@register(".md", ".markdown")
def load_markdown(path: Path, content: bytes) -> Document:
    """Markdown, its marks kept in the text. Its title is its first heading, else its file name."""
    text = decode_text(path, content)
    heading = next((name for _, name in markdown_headings(text).values()), None)
    return Document(
        uri=path.as_uri() if path.is_absolute() else path.name,
        title=heading or _file_title(path),
        own_title=heading is not None,
        text=text,
        media_type="text/markdown",
        source_sha256=hashlib.sha256(content).hexdigest(),
    )
