"""The registry of loaders, by file suffix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from index.documents import Document
from index.errors import InputError

MAX_FILE_BYTES = 100 * 1024 * 1024
Loader = Callable[[Path, bytes], Document]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file contains besides its own text: the names of the parts that can be read as documents, and a message
    for each part that cannot."""

    parts: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


# The first lists the parts of a container, the second reads one of them; both raise InputError.
Lister = Callable[[Path, bytes], Contents]
PartReader = Callable[[Path, bytes, str], bytes]

_LOADERS: dict[str, Loader] = {}
_CONTAINERS: dict[str, tuple[Lister, PartReader]] = {}
# The module that registers each built-in format. Modules that need a library are imported in the parsing process, when
# it meets such a file.
_MODULES = {
    ".text": "plain",
    ".txt": "plain",
    ".markdown": "markdown",
    ".md": "markdown",
    ".csv": "delimited",
    ".tab": "delimited",
    ".tsv": "delimited",
    ".docm": "docx",
    ".docx": "docx",
    ".dotm": "docx",
    ".dotx": "docx",
    ".eml": "mail",
    ".epub": "epub",
    ".htm": "html",
    ".html": "html",
    ".xhtml": "html",
    ".pdf": "pdf.loader",
    ".potm": "pptx",
    ".potx": "pptx",
    ".ppsm": "pptx",
    ".ppsx": "pptx",
    ".pptm": "pptx",
    ".pptx": "pptx",
    ".xlsm": "xlsx",
    ".xlsx": "xlsx",
    ".xltm": "xlsx",
    ".xltx": "xlsx",
    ".zip": "archives",
}
# Formats that cannot harm a parser as long as they are Unicode: they are read in the calling process.
_PLAIN = {".text", ".txt", ".markdown", ".md"}


def register(*suffixes: str) -> Callable[[Loader], Loader]:
    """Register a loader for file suffixes (lower case, with the dot).

    A loader that is not built into spanqa runs in the process that registered it.
    """

    def add(loader: Loader) -> Loader:
        for suffix in suffixes:
            _LOADERS[suffix] = loader
        return loader

    return add


def register_container(*suffixes: str, parts: Lister, read: PartReader) -> None:
    """Register how containers of other files are listed and read. One that has text itself needs a loader too."""
    for suffix in suffixes:
        _CONTAINERS[suffix] = (parts, read)


def supported_suffixes() -> list[str]:
    return sorted({*_MODULES, *_LOADERS})


def is_supported(name: str) -> bool:
    return _suffix(name) in _MODULES or _suffix(name) in _LOADERS


def is_plain(name: str) -> bool:
    """Whether a file of this name needs no parser, or has one that was registered here."""
    suffix = _suffix(name)
    return suffix in _PLAIN or (suffix in _LOADERS and suffix not in _MODULES)


def is_registered_here(name: str) -> bool:
    """Whether only this process can read a file of this name, with a loader that is not built into spanqa."""
    return _suffix(name) in _LOADERS and _suffix(name) not in _MODULES


def loader_for(name: str) -> Loader | None:
    """The loader for a file of this name; None for a container without text. Raises InputError if unknown."""
    suffix = _known(name)
    return _LOADERS.get(suffix)


def container_for(name: str) -> tuple[Lister, PartReader] | None:
    suffix = _known(name)
    return _CONTAINERS.get(suffix)


def require_supported(name: str) -> None:
    """Raise InputError, naming the supported suffixes, if no loader reads files of this name."""
    if not is_supported(name):
        raise InputError(f"{name}: no loader for '{_suffix(name)}' files; supported: {', '.join(supported_suffixes())}")


def _known(name: str) -> str:
    require_supported(name)
    suffix = _suffix(name)
    if suffix in _MODULES and suffix not in _LOADERS and suffix not in _CONTAINERS:
        import_module(f"index.loading.formats.{_MODULES[suffix]}")
    return suffix


def _suffix(name: str) -> str:
    return Path(name).suffix.lower()
