"""E-books (.epub).

Kept: the chapters in the order of the book's spine, their headings, lists and tables by row; title, author, date and
language from the package document. Not kept: pictures, styles, the machine-readable table of contents.

An EPUB file is a zip of XHTML files with a package document that states their reading order (EPUB 3.3, section 5).
"""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from index.documents import Document, Unread
from index.errors import InputError
from index.loading.building import TextBuilder
from index.loading.formats.archives import Archive, parsed_xml
from index.loading.formats.html import decode_html, parse_html
from index.loading.formats.markup import add_elements
from index.loading.registry import register

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_PAGES = ("application/xhtml+xml", "text/html")


@register(".epub")
def load_epub(path: Path, content: bytes) -> Document:
    """Load the chapters of an e-book."""
    archive = Archive(path, content)
    package_name = _package_name(path, archive)
    package = _xml(path, archive, package_name)
    chapters = _spine(package, posixpath.dirname(package_name))
    builder = TextBuilder()
    unread: list[Unread] = []
    for name in chapters:
        if name not in archive.names():
            unread.append(Unread(part=f"chapter {name}", reason="missing in the file"))
            continue
        chapter = Path(f"{path}!/{name}")
        try:
            page = archive.read(name)
            if page.strip():
                add_elements(builder, _body(parse_html(chapter, decode_html(chapter, page))))
        except InputError as error:
            reason = str(error).removeprefix(f"{chapter}: ")
            unread.append(Unread(part=f"chapter {name}", reason=reason))
    protected = _ENCRYPTION in archive.names() and builder.length == 0
    nothing = "encrypted (copy protection); its text cannot be read" if protected else "has no text"
    if unread and not protected:
        nothing = f"has no text that can be read ({unread[0].part}: {unread[0].reason})"
    return builder.document(
        path,
        content,
        "application/epub+zip",
        title=_said(package, "title"),
        author=", ".join(_all(package, "creator")),
        date=_said(package, "date"),
        language=_said(package, "language"),
        nothing=nothing,
    ).with_unread(unread)


def _package_name(path: Path, archive: Archive) -> str:
    if _CONTAINER not in archive.names():
        raise InputError(f"{path}: damaged, or no EPUB file (it lacks {_CONTAINER})")
    for root in _xml(path, archive, _CONTAINER).iter("{*}rootfile"):
        name = root.get("full-path")
        if name and name in archive.names():
            return str(name)
    raise InputError(f"{path}: damaged, the package document that it names is missing")


def _spine(package: Any, folder: str) -> list[str]:
    """The names of the chapters in the archive, in reading order."""
    hrefs = {
        item.get("id"): item.get("href")
        for item in package.iter("{*}item")
        if item.get("media-type") in _PAGES and item.get("href") and "nav" not in (item.get("properties") or "").split()
    }
    hrefs_in_order = [hrefs[entry.get("idref")] for entry in package.iter("{*}itemref") if entry.get("idref") in hrefs]
    names = [posixpath.normpath(posixpath.join(folder, unquote(href.partition("#")[0]))) for href in hrefs_in_order]
    return list(dict.fromkeys(names))


def _xml(path: Path, archive: Archive, name: str) -> Any:
    return parsed_xml(path, name, archive.read(name))


def _body(root: Any) -> Any:
    body = root.find(".//body")
    return root if body is None else body


def _said(package: Any, name: str) -> str | None:
    return next(iter(_all(package, name)), None)


def _all(package: Any, name: str) -> list[str]:
    tag = f"{{http://purl.org/dc/elements/1.1/}}{name}"
    return [text for element in package.iter(tag) if (text := "".join(element.itertext()).strip())]
