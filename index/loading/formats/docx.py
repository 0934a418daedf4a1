"""Word documents (.docx), by python-docx.

Kept: paragraphs, headings by their style, lists, tables by row, text boxes, footnotes and endnotes (at the end), text
that was inserted under track changes; title, author, date and language of the properties. Not kept: text that was
deleted under track changes, comments, page headers and footers, pictures. Word files know no pages: where they fall
depends on the printer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from index.documents import Document
from index.errors import InputError
from index.loading.building import TextBuilder
from index.loading.formats.archives import Archive
from index.loading.registry import register

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)
_NOTES = {"footnotes": "footnote", "endnotes": "endnote"}
# What holds paragraphs and tables among others of their kind.
_WRAPPERS = {"sdt", "sdtContent", "customXml", "ins", "moveTo", "smartTag"}
_DROPPED = {"del", "moveFrom", "instrText", "delText", "rPr", "pPr", "txbxContent", "Fallback"}


@register(".docx")
def load_docx(path: Path, content: bytes) -> Document:
    """The text of a Word document."""
    import docx
    from docx.opc.exceptions import PackageNotFoundError

    Archive(path, content)
    try:
        opened = docx.Document(BytesIO(content))
    except (PackageNotFoundError, KeyError, ValueError, AttributeError, SyntaxError, OSError) as error:
        raise InputError(f"{path}: damaged, or no Word document ({error})") from error
    builder = TextBuilder()
    _blocks(builder, opened.element.body, _Styles(opened))
    for note in _notes(opened):
        builder.paragraph(note)
    properties = opened.core_properties
    return builder.document(
        path,
        content,
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        title=properties.title or _styled_title(opened),
        author=properties.author,
        date=properties.created,
        language=properties.language,
    )


class _Styles:
    """Heading levels and list styles of a document, by style id."""

    def __init__(self, opened: Any) -> None:
        self.level: dict[str, int] = {}
        self.lists: set[str] = set()
        for style in opened.styles.element.iter(f"{_W}style"):
            key = style.get(f"{_W}styleId") or ""
            named = style.find(f"{_W}name")
            name = (named.get(f"{_W}val") if named is not None else "") or ""
            if match := _HEADING.fullmatch(name.strip()):
                self.level[key] = int(match.group(1))
            elif outline := _outline_level(style):
                self.level[key] = outline
            elif name.lower() == "title":
                self.level[key] = 1
            if name.lower().startswith("list"):
                self.lists.add(key)


def _outline_level(element: Any) -> int | None:
    found = element.find(f"{_W}pPr/{_W}outlineLvl")
    value = found.get(f"{_W}val") if found is not None else None
    return int(value) + 1 if value is not None and value.isdecimal() and int(value) < 9 else None


def _blocks(builder: TextBuilder, parent: Any, styles: _Styles) -> None:
    for element in parent:
        name = _name(element)
        if name == "p":
            _paragraph(builder, element, styles)
        elif name == "tbl":
            _table(builder, element)
        elif name in _WRAPPERS:
            _blocks(builder, element, styles)


def _paragraph(builder: TextBuilder, paragraph: Any, styles: _Styles) -> None:
    text = _text(paragraph)
    styled = paragraph.find(f"{_W}pPr/{_W}pStyle")
    style = styled.get(f"{_W}val") if styled is not None else None
    level = _outline_level(paragraph) or styles.level.get(style or "")
    depth = paragraph.find(f"{_W}pPr/{_W}numPr/{_W}ilvl")
    if level and text.strip():
        builder.heading(level, text)
    elif depth is not None or style in styles.lists:
        value = depth.get(f"{_W}val") if depth is not None else "0"
        builder.item(text, int(value) if value and value.isdecimal() else 0)
    else:
        builder.paragraph(text)
    for box in _boxes(paragraph):
        _blocks(builder, box, styles)


def _table(builder: TextBuilder, table: Any) -> None:
    rows = [[_cell(cell) for cell in _inner(row, "tc")] for row in _inner(table, "tr")]
    marked = any(row.find(f"{_W}trPr/{_W}tblHeader") is not None for row in _inner(table, "tr"))
    builder.table(rows, header=len(rows) > 1 and (marked or names_columns(rows)))


def names_columns(rows: list[list[str]]) -> bool:
    """Whether the first row of a table names its columns: every cell has words, no two the same ones."""
    first = [cell.strip().casefold() for cell in rows[0]]
    return (
        len(first) > 1 and all(any(char.isalpha() for char in cell) for cell in first) and len(set(first)) == len(first)
    )


def _cell(cell: Any) -> str:
    # A table within a cell is text of the cell.
    return " ".join(_text(paragraph) for paragraph in cell.iter(f"{_W}p"))


def _inner(parent: Any, name: str) -> Iterator[Any]:
    for element in parent:
        if _name(element) == name:
            yield element
        elif _name(element) in _WRAPPERS:
            yield from _inner(element, name)


def _text(paragraph: Any) -> str:
    pieces: list[str] = []
    _add_text(paragraph, pieces)
    return "".join(pieces)


def _add_text(parent: Any, pieces: list[str]) -> None:
    for element in parent:
        name = _name(element)
        if name in _DROPPED or not name:
            continue
        if name == "t":
            pieces.append(element.text or "")
        elif name in ("tab", "ptab"):
            pieces.append("\t")
        elif name in ("br", "cr"):
            pieces.append("\n")
        elif name == "noBreakHyphen":
            pieces.append("\u2011")
        elif name == "softHyphen":
            pieces.append("\u00ad")
        elif name in ("footnoteReference", "endnoteReference"):
            pieces.append(f" [{element.get(f'{_W}id')}]")
        else:
            _add_text(element, pieces)


def _boxes(paragraph: Any) -> Iterator[Any]:
    for box in paragraph.iter(f"{_W}txbxContent"):
        # The same box is written twice, once for older programs.
        if not any(_name(above) == "Fallback" for above in box.iterancestors()):
            yield box


def _notes(opened: Any) -> Iterator[str]:
    from docx.oxml import parse_xml

    for part in opened.part.package.iter_parts():
        kind = Path(str(part.partname)).stem
        if kind not in _NOTES:
            continue
        for note in parse_xml(part.blob).iter(f"{_W}{_NOTES[kind]}"):
            text = "\n".join(_text(paragraph) for paragraph in note.iter(f"{_W}p"))
            if note.get(f"{_W}type") in (None, "normal") and text.strip():
                yield f"[{note.get(f'{_W}id')}] {text.strip()}"


def _styled_title(opened: Any) -> str | None:
    return next((p.text for p in opened.paragraphs[:20] if p.style is not None and p.style.name == "Title"), None)


def _name(element: Any) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
