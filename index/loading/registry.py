"""Which loader reads which file: a registry by file suffix."""

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
    """What a file holds beside its own text: the names of its parts that can be documents of their own, and a message
    for each that cannot."""

    parts: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


# Lists the parts of a container, and reads one of them; both raise InputError.
Lister = Callable[[Path, bytes], Contents]
PartReader = Callable[[Path, bytes, str], bytes]

_LOADERS: dict[str, Loader] = {}
_CONTAINERS: dict[str, tuple[Lister, PartReader]] = {}
# Of each format of our own, the module that registers it. Modules of formats that need a library are imported by the
# process that parses, when such a file is met.
_MODULES = {
    ".text": "plain", ".txt": "plain", ".markdown": "markdown", ".md": "markdown", ".csv": "delimited",
    ".tab": "delimited", ".tsv": "delimited", ".docx": "docx", ".eml": "mail", ".epub": "epub", ".htm": "html",
    ".html": "html", ".xhtml": "html", ".pdf": "pdf", ".pptx": "pptx", ".xlsx": "xlsx", ".zip": "archives",
}  # fmt: skip
# Formats that no parser can be harmed by, as long as they are Unicode: they are read where they are needed.
_PLAIN = {".text", ".txt", ".markdown", ".md"}


def register(*suffixes: str) -> Callable[[Loader], Loader]:
    """Register a loader for file suffixes (lower case, with the dot).

    A loader that is not one of spanqa's own runs in the process that registered it.
    """

    def add(loader: Loader) -> Loader:
        for suffix in suffixes:
            _LOADERS[suffix] = loader
        return loader

    return add


def register_container(*suffixes: str, parts: Lister, read: PartReader) -> None:
    """Register how files that hold others are listed and read. One that has text itself needs a loader as well."""
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
    """Whether only this process can read a file of this name, by a loader that is not one of spanqa's own."""
    return _suffix(name) in _LOADERS and _suffix(name) not in _MODULES


def loader_for(name: str) -> Loader | None:
    """The loader for a file of this name; None for a mere container. Raises InputError where none knows it."""
    suffix = _known(name)
    return _LOADERS.get(suffix)


def container_for(name: str) -> tuple[Lister, PartReader] | None:
    suffix = _known(name)
    return _CONTAINERS.get(suffix)


def require_supported(name: str) -> None:
    """Raise InputError, which names what there is, where no loader knows files of this name."""
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
