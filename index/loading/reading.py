"""Reading one file, or one part of one, in the process at hand."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from index.documents import Document
from index.errors import InputError
from index.loading.registry import MAX_FILE_BYTES, container_for, loader_for


class Read(BaseModel):
    """What a file, or a part, came to: its document where it has text itself, the names of parts that can be read in
    turn, and a message for each part that cannot."""

    model_config = ConfigDict(frozen=True)

    document: Document | None = None
    parts: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


def read_bytes(path: Path) -> bytes:
    """A regular file's content. Raises InputError where it is none, too large, or cannot be read."""
    if not path.is_file():
        raise InputError(f"{path}: not a regular file")
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputError(f"{path}: larger than {MAX_FILE_BYTES // 2**20} MB; split it")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def parse(path: Path, content: bytes, parts: tuple[str, ...] = ()) -> Read:
    """Read content by the suffix of `path`, or what is found in it by following the names of parts.

    Raises InputError, and whatever the parsers raise on input that nobody thought of.
    """
    for name in parts:
        container = container_for(path.name)
        if container is None:
            raise InputError(f"{path}: holds no {name!r}")
        _, read = container
        content = read(path, content, name)
        path = Path(f"{path}!/{name}")
    loader, container = loader_for(path.name), container_for(path.name)
    document = loader(path, content) if loader else None
    if container is None:
        return Read(document=document)
    listed, _ = container
    contents = listed(path, content)
    return Read(document=document, parts=contents.parts, notices=contents.notices)


@lru_cache(maxsize=1)
def _kept(path: Path, _modified_ns: int, _size: int) -> bytes:
    return read_bytes(path)


def parse_file(path: Path, parts: tuple[str, ...] = (), at: Path | None = None) -> Read:
    """As `parse`, of a file, whose content lies `at` another place where that is given. Its content is kept for the
    next call: one part after the other is asked for."""
    if at is not None and not parts:
        # Another content may come to lie in the same place, as large and written within the same tick of the clock.
        _kept.cache_clear()
    at = at or path
    if not at.is_file():
        raise InputError(f"{path}: not a regular file")
    state = at.stat()
    return parse(path, _kept(at, state.st_mtime_ns, state.st_size), parts)
