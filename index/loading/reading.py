"""Reading one file, or one part of one, in the current process."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from index.documents import Document
from index.errors import InputError
from index.loading.registry import MAX_FILE_BYTES, container_for, loader_for


class Read(BaseModel):
    """The result of reading a file or a part: its document if it has text itself, the names of the parts that can be
    read in turn, and a message for each part that cannot."""

    model_config = ConfigDict(frozen=True)

    document: Document | None = None
    parts: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


def read_bytes(path: Path) -> bytes:
    """The content of a regular file. Raises InputError if it is not one, is too large, or cannot be read."""
    if not path.is_file():
        raise InputError(f"{path}: not a regular file")
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputError(f"{path}: larger than {MAX_FILE_BYTES // 2**20} MB; split it")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def parse(path: Path, content: bytes, parts: tuple[str, ...] = ()) -> Read:
    """Read content according to the suffix of `path`, or the part of it that the names in `parts` lead to.

    Raises InputError, and whatever else the parsers raise on unexpected input.
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
    """Like `parse`, for a file; `at` is where its content is, if not at `path`. The content is cached for the next
    call, since parts are requested one after the other."""
    if at is not None and not parts:
        # Different content may be at the same place later, with the same size and the same time stamp.
        _kept.cache_clear()
    at = at or path
    if not at.is_file():
        raise InputError(f"{path}: not a regular file")
    state = at.stat()
    return parse(path, _kept(at, state.st_mtime_ns, state.st_size), parts)
