"""Office files changed part by part, as programs and transfers leave them that the libraries are not made for."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

# What becomes of a part: other bytes, what is made of those that are there, or None for a part that is gone.
Change = bytes | Callable[[bytes], bytes] | None

_RELATIONSHIPS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES = "[Content_Types].xml"


def change(path: Path, parts: Mapping[str, Change]) -> None:
    """Change parts of an Office file, and add those that are not there."""
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    for name, made in parts.items():
        if made is None:
            members.pop(name, None)
        else:
            members[name] = made(members[name]) if callable(made) else made
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in members.items():
            new.writestr(name, content)


def replaced(*pairs: tuple[str, str]) -> Callable[[bytes], bytes]:
    """A change of a part: each text, which must be there, by another."""

    def make(content: bytes) -> bytes:
        for before, after in pairs:
            assert before.encode() in content, before
            content = content.replace(before.encode(), after.encode())
        return content

    return make


def related(key: str, kind: str, target: str) -> Callable[[bytes], bytes]:
    """A change of a part's relationships: one more."""
    more = f'<Relationship Id="{key}" Type="{_RELATIONSHIPS}/{kind}" Target="{target}"/></Relationships>'
    return replaced(("</Relationships>", more))


def strict(path: Path) -> None:
    """Make a file a Strict one: its namespaces have other names."""
    with zipfile.ZipFile(path) as old:
        names = [name for name in old.namelist() if name.endswith((".xml", ".rels")) and name != _TYPES]
    family = [
        (f"http://schemas.openxmlformats.org/{one}/2006/".encode(), f"http://purl.oclc.org/ooxml/{one}/".encode())
        for one in ("wordprocessingml", "spreadsheetml", "presentationml", "drawingml", "officeDocument")
    ]

    def make(content: bytes) -> bytes:
        for before, after in family:
            content = content.replace(before, after)
        return content

    change(path, dict.fromkeys(names, make))
