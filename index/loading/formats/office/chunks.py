"""Texts of other formats that a Word document takes in as a whole (altChunk, ECMA-376-1, 17.17.2)."""

from __future__ import annotations

from pathlib import Path

from index.errors import InputError
from index.loading.building import PARAGRAPH, TextBuilder
from index.loading.encodings import decode_text
from index.loading.formats.html import decode_html, parse_html
from index.loading.formats.markup import add_elements
from index.loading.formats.office.package import Package

_PAGES = (".html", ".htm", ".xhtml", ".xml")


def add_chunk(builder: TextBuilder, package: Package, name: str) -> None:
    """Add a web page or a plain text; what is neither is noted as unread."""
    part = Path(f"{package.path}!/{name}")
    suffix = part.suffix.lower()
    try:
        content = package.read(name)
        if suffix in _PAGES and content.strip():
            root = parse_html(part, decode_html(part, content))
            body = root.find(".//body")
            add_elements(builder, root if body is None else body)
        elif suffix == ".txt":
            for paragraph in decode_text(part, content).split(PARAGRAPH):
                builder.paragraph(paragraph)
        elif suffix not in _PAGES:
            package.leave_out(
                f"the text {part.name} that is put in as a whole", f"{suffix or 'its'} format is not read here"
            )
    except InputError:
        package.leave_out(f"the text {part.name} that is put in as a whole", "damaged")
