"""Zip files: the documents in them, and the one safe way to open any zip.

Each member of a known format becomes a document with a URI like `file:///x.zip!/folder/a.pdf`. Nothing is unpacked to
disk. Encrypted members, archives within archives and members that are too large are not read; each gets a message.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from index.errors import InputError
from index.loading.registry import MAX_FILE_BYTES, Contents, is_supported, register_container

MAX_MEMBERS = 20_000
# Bytes unpacked, all members together; text compresses about tenfold, a bomb a thousandfold.
MAX_UNPACKED = 1024 * 1024 * 1024
MAX_RATIO = 200
_SMALL = 16 * 1024 * 1024
_ENCRYPTED = 0x1
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


class Archive:
    """A zip file whose unpacked size is checked before anything is unpacked."""

    def __init__(self, path: Path, content: bytes) -> None:
        self._path = path
        if content.startswith(_OLE):
            raise InputError(
                f"{path}: encrypted, or of the old binary kind; save it without a password in today's format"
            )
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content))
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: damaged, or no {path.suffix} file ({error})") from error
        self.members = [entry for entry in self._zip.infolist() if not entry.is_dir()]
        if len(self.members) > MAX_MEMBERS:
            raise InputError(f"{path}: holds {len(self.members):,} files, more than {MAX_MEMBERS:,}; split it")
        unpacked = sum(entry.file_size for entry in self.members)
        packed = max(1, len(content))
        if unpacked > MAX_UNPACKED or (unpacked > _SMALL and unpacked > MAX_RATIO * packed):
            raise InputError(
                f"{path}: {packed:,} bytes that unpack to {unpacked:,}: as a zip bomb does, so it is not opened"
            )
        self._by_name = {entry.filename: entry for entry in self.members}

    def names(self) -> list[str]:
        return list(self._by_name)

    def read(self, name: str) -> bytes:
        """The content of a member; of the last one, if several have that name.

        Raises InputError if there is none, or if it cannot be unpacked.
        """
        entry = self._by_name.get(name)
        if entry is None:
            raise InputError(f"{self._path}: holds no {name!r}")
        if entry.flag_bits & _ENCRYPTED:
            raise InputError(f"{self._path}!/{name}: encrypted; unpack it first")
        if entry.file_size > MAX_FILE_BYTES:
            raise InputError(f"{self._path}!/{name}: larger than {MAX_FILE_BYTES // 2**20} MB unpacked; split it")
        try:
            # Reads no more than the declared size that was checked, however much data follows.
            return self._zip.read(entry)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            NotImplementedError,
            RuntimeError,
            OSError,
            ValueError,
        ) as error:
            raise InputError(f"{self._path}!/{name}: cannot be unpacked ({error})") from error


@lru_cache(maxsize=1)
def _opened(path: Path, content: bytes) -> Archive:
    # Members are requested one after the other; this way the directory of a large archive is read only once.
    return Archive(path, content)


def _contents(path: Path, content: bytes) -> Contents:
    archive = _opened(path, content)
    parts: list[str] = []
    notices: list[str] = []
    within: list[str] = []
    known: set[str] = set()
    for entry in archive.members:
        name = entry.filename
        if _is_hidden(name) or not is_supported(name):
            continue
        shown = f"{path}!/{name}"
        if name in known:
            notices.append(f"{shown}: the name stands twice in the archive; only the last of that name is read")
        elif name.startswith("/") or ".." in name.split("/"):
            notices.append(f"{shown}: a name that leads out of the archive; rename it")
        elif name.lower().endswith(".zip"):
            within.append(name)
        elif entry.flag_bits & _ENCRYPTED:
            notices.append(f"{shown}: encrypted; unpack it first")
        else:
            parts.append(name)
        known.add(name)
    if within:
        notices.append(f"{path}: archives within it are not opened ({_some(within)}); unpack it and index them")
    if not parts and not notices:
        raise InputError(f"{path}: holds no document of a known kind ({len(archive.members)} files of other kinds)")
    return Contents(tuple(parts), tuple(notices))


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") and part not in (".", "..") for part in posixpath.normpath(name).split("/")) or (
        name.startswith("__MACOSX/")
    )


def _read(path: Path, content: bytes, name: str) -> bytes:
    return _opened(path, content).read(name)


register_container(".zip", parts=_contents, read=_read)


def parsed_xml(path: Path, name: str, content: bytes) -> Any:
    """The root element of an archive's member; nothing that it refers to is resolved or fetched. Raises InputError."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise InputError(f"{path}: damaged, {name} is not XML ({error})") from error
