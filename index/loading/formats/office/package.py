"""The package of an Office Open XML file: its parts, how they refer to one another, and its properties.

A part that is damaged or missing costs that part only: it is noted as unread, and the rest is read. Strict files
(ISO/IEC 29500-1) differ from the usual, transitional ones in the names of their namespaces, and are seen as those here.
Macro-enabled files and templates hold the same parts under other content types, which are not looked at.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from index.documents import Unread
from index.errors import InputError
from index.loading.formats.archives import Archive, parsed_xml

RELATIONSHIP = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/(\w+)")
_TRANSITIONAL = rb"http://schemas.openxmlformats.org/\1/2006/\2"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a part refers to: the last word of the relationship's type, and the name of the part that it leads to, ""
    for what lies outside of the package."""

    kind: str
    target: str


class Package:
    """The parts of a file. `unread` grows with what cannot be read."""

    def __init__(self, path: Path, content: bytes) -> None:
        self.path = path
        self.archive = Archive(path, content)
        self.unread: list[Unread] = []
        # Some programs part folders as their own system does.
        self._names = {name.replace("\\", "/").lower(): name for name in self.archive.names()}

    def main(self, root: str, kind: str, usual: str) -> tuple[str, Any]:
        """The name and the root element, which is a `root`, of the part that the file consists of: the one that the
        package names, else the `usual` one.

        Raises InputError if there is none: then it is no `kind`.
        """
        named = [one.target for one in self.references("").values() if one.kind == "officeDocument"]
        name = next((name for name in (*named, usual) if self.has(name)), None)
        if name is None:
            raise InputError(f"{self.path}: damaged, or no {kind} (it has no main part)")
        element = self._parse(name)
        if name_of(element) != root:
            raise InputError(f"{self.path}: no {kind}, but a file of another kind (its main part is {name})")
        return name, element

    def has(self, name: str) -> bool:
        return name.lower() in self._names

    def read(self, name: str) -> bytes:
        """Raises InputError where the part cannot be read."""
        # Names of parts are compared without regard to case (ECMA-376-2, 6.2.2.3).
        return self.archive.read(self._names.get(name.lower(), name))

    def xml(self, name: str, called: str) -> Any | None:
        """The root element of a part; None where it is missing or damaged, which is noted under what it is `called`."""
        if not name:
            return None
        if not self.has(name):
            self.leave_out(called, "missing in the file")
            return None
        try:
            return self._parse(name)
        except InputError:
            self.leave_out(called, "damaged")
            return None

    def transitional(self, name: str) -> bytes:
        """The content of a part in UTF-8, or another encoding that it declares, with the usual namespaces."""
        content = self.read(name)
        if content.startswith(_UTF_16):
            content = re.sub(r"^<\?xml[^>]*\?>", "", content.decode("utf-16", "replace")).encode()
        return _STRICT.sub(_TRANSITIONAL, content)

    def references(self, name: str, called: str = "") -> dict[str, Reference]:
        """Which parts a part refers to, by the relationship's id. Those of the package itself with name ""."""
        folder, base = posixpath.split(name)
        listed = posixpath.join(folder, "_rels", f"{base}.rels")
        if not self.has(listed):
            return {}
        try:
            root = self._parse(listed)
        except InputError:
            self.leave_out(f"what {called or name or 'the package'} refers to", "damaged")
            return {}
        return {
            one.get("Id") or "": Reference(
                (one.get("Type") or "").rpartition("/")[2],
                "" if one.get("TargetMode") == "External" else _resolved(folder, one.get("Target") or ""),
            )
            for one in root
            if name_of(one) == "Relationship"
        }

    def leave_out(self, part: str, reason: str) -> None:
        """Note that a part was not read."""
        self.unread.append(Unread(part=part or "a part", reason=reason))

    def properties(self) -> dict[str, str]:
        """What the file says of itself, as written: title, creator, created, language."""
        name = next((one.target for one in self.references("").values() if one.kind == "core-properties"), "")
        name = name if self.has(name) else "docProps/core.xml"
        try:
            root = self._parse(name) if self.has(name) else ()
        except InputError:
            self.leave_out("title, author and date of the file", "damaged")
            return {}
        said = {name_of(one): text for one in root if (text := (one.text or "").strip())}
        if "created" in said:
            said["created"] = re.sub(r"Z$", "+00:00", said["created"])
        return said

    def _parse(self, name: str) -> Any:
        return parsed_xml(self.path, name, self.transitional(name))


def name_of(element: Any) -> str:
    """The name of an element without its namespace; "" for comments and the like."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def inner(parent: Any, *path: str) -> Any | None:
    """The first element that the names lead to, one level each; None where there is none."""
    for name in path:
        parent = next((one for one in parent if name_of(one) == name), None)
        if parent is None:
            return None
    return parent


def children(parent: Any, *path: str) -> list[Any]:
    """All that is within the element that the names lead to."""
    element = inner(parent, *path)
    return [] if element is None else list(element)


def every(parent: Any, name: str) -> Iterator[Any]:
    """All elements of a name, at any depth."""
    yield from parent.iter(f"{{*}}{name}")


def whole_number(value: str | None, otherwise: int) -> int:
    """The number that an attribute states, else another."""
    try:
        return int(value) if value is not None else otherwise
    except ValueError:
        return otherwise


def _resolved(folder: str, target: str) -> str:
    target = unquote(target)
    joined = target if target.startswith("/") else posixpath.join("/", folder, target)
    return posixpath.normpath(joined).lstrip("/")
