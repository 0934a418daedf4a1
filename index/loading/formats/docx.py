"""Word documents (.docx, .docm, and their templates).

Kept: paragraphs, headings by their style, lists, tables by row with merged cells in every row that they cover, text
boxes, diagrams and charts, other texts that are put in as a whole (altChunk), footnotes and endnotes (at the end), page
headers and footers (once, before the body), text inserted under track changes; title, author, date and language from
the properties. Not kept: text deleted under track changes, pictures; comments and embedded objects, which are named as
unread. Word files have no pages: where pages break depends on the printer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from index.documents import Document
from index.errors import InputError
from index.loading.building import TextBuilder
from index.loading.formats.office.chunks import add_chunk
from index.loading.formats.office.drawings import add_chart, add_diagram
from index.loading.formats.office.package import (
    RELATIONSHIP,
    Package,
    Reference,
    every,
    inner,
    name_of,
    whole_number,
)
from index.loading.formats.office.tables import Merge, add_table
from index.loading.registry import register

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)
_NOTES = {"footnotes": "footnote", "endnotes": "endnote"}
# Elements that wrap paragraphs and tables.
_WRAPPERS = {"sdt", "sdtContent", "customXml", "ins", "moveTo", "smartTag", "AlternateContent", "Choice"}
_DROPPED = {"del", "moveFrom", "instrText", "delText", "rPr", "pPr", "txbxContent", "Fallback"}
# A page header that consists of the number of the page says nothing of the document.
_PAGE_FIELD = re.compile(r"\b(?:PAGE|NUMPAGES|SECTIONPAGES)\b", re.IGNORECASE)
_PAGE_WORDS = 3
# Texts within texts within texts: more are the work of a program that went wrong.
_DEEPEST = 3
_MOST_COLUMNS = 1_000


@register(".docx", ".docm", ".dotx", ".dotm")
def load_docx(path: Path, content: bytes) -> Document:
    """Load the text of a Word document."""
    package = Package(path, content)
    builder = TextBuilder()
    writer = _Writer(builder, package)
    writer.whole()
    said = package.properties()
    return builder.document(
        path,
        content,
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        title=said.get("title") or writer.title,
        author=said.get("creator"),
        date=said.get("created"),
        language=said.get("language"),
    ).with_unread(package.unread)


class _Styles:
    """The heading levels, titles and list styles of a document, by style id."""

    def __init__(self, root: Any | None) -> None:
        self.level: dict[str, int] = {}
        self.lists: set[str] = set()
        self.titles: set[str] = set()
        for style in root.iter(f"{_W}style") if root is not None else ():
            key = style.get(f"{_W}styleId") or ""
            named = style.find(f"{_W}name")
            name = (named.get(f"{_W}val") if named is not None else "") or ""
            if match := _HEADING.fullmatch(name.strip()):
                self.level[key] = int(match.group(1))
            elif outline := _outline_level(style):
                self.level[key] = outline
            elif name.lower() == "title":
                self.level[key] = 1
                self.titles.add(key)
            if name.lower().startswith("list"):
                self.lists.add(key)


def _outline_level(element: Any) -> int | None:
    level = element.find(f"{_W}pPr/{_W}outlineLvl")
    value = level.get(f"{_W}val") if level is not None else None
    return int(value) + 1 if value is not None and value.isdecimal() and int(value) < 9 else None


class _Writer:
    """Writes the parts of a Word document into a builder."""

    def __init__(self, builder: TextBuilder, package: Package, depth: int = 0) -> None:
        self._builder = builder
        self._package = package
        self._depth = depth
        self._references: dict[str, Reference] = {}
        self._styles = _Styles(None)
        self._drawn = 0
        self.title: str | None = None

    def whole(self) -> None:
        """Write the body, with what stands above and below its pages before it and its notes behind it."""
        name, root = self._package.main("document", "Word document", "word/document.xml")
        body = inner(root, "body")
        if body is None:
            raise InputError(f"{self._package.path}: damaged, or no Word document (it has no body)")
        main = self._package.references(name, "the text")
        by_kind: dict[str, list[str]] = {}
        for one in main.values():
            by_kind.setdefault(one.kind, []).append(one.target)
        self._styles = _Styles(next((self._package.xml(part, "styles") for part in by_kind.get("styles", [])), None))
        self._margins(root, main)
        self._references = main
        self._blocks(body)
        for kind, note in _NOTES.items():
            for part in by_kind.get(kind, []):
                self._notes(part, kind, note)
        for part in by_kind.get("comments", []):
            self._comments(part)

    def _margins(self, root: Any, references: dict[str, Reference]) -> None:
        """Page headers and footers, each wording once: every page repeats them."""
        known: set[str] = set()
        settings = next((one.target for one in references.values() if one.kind == "settings"), "")
        root_of_settings = self._package.xml(settings, "settings") if self._package.has(settings) else None
        even = _is_on(root_of_settings, "evenAndOddHeaders")
        for kind in ("header", "footer"):
            for mark in every(root, f"{kind}Reference"):
                if not self._is_shown(mark, even):
                    continue
                target = references.get(mark.get(f"{RELATIONSHIP}id") or "")
                name = target.target if target is not None else ""
                if name in known:
                    continue
                known.add(name)
                part = self._package.xml(name, f"page {kind}")
                if part is None:
                    continue
                self._references = self._package.references(name, f"page {kind}")
                written = "\n".join(_text(paragraph) for paragraph in part.iter(f"{_W}p")).strip()
                if written in known or _is_page_number(part, written):
                    continue
                known.add(written)
                self._blocks(part)

    @staticmethod
    def _is_shown(mark: Any, even: bool) -> bool:
        """Whether a page header is on any page: one for first or even pages may be there, and switched off."""
        which = mark.get(f"{_W}type")
        return (which != "first" or _is_on(mark.getparent(), "titlePg")) and (which != "even" or even)

    def _blocks(self, parent: Any) -> None:
        for element in parent:
            name = name_of(element)
            if name == "p":
                self._paragraph(element)
            elif name == "tbl":
                self._table(element)
            elif name == "altChunk":
                self._chunk(element)
            elif name in _WRAPPERS:
                self._blocks(element)

    def _paragraph(self, paragraph: Any) -> None:
        text = _text(paragraph)
        styled = paragraph.find(f"{_W}pPr/{_W}pStyle")
        style = styled.get(f"{_W}val") if styled is not None else None
        level = _outline_level(paragraph) or self._styles.level.get(style or "")
        depth = paragraph.find(f"{_W}pPr/{_W}numPr/{_W}ilvl")
        if style in self._styles.titles and self.title is None and text.strip():
            self.title = text
        if level and text.strip():
            self._builder.heading(level, text)
        elif depth is not None or style in self._styles.lists:
            value = depth.get(f"{_W}val") if depth is not None else "0"
            self._builder.item(text, int(value) if value and value.isdecimal() else 0)
        else:
            self._builder.paragraph(text)
        self._drawings(paragraph)

    def _drawings(self, parent: Any) -> None:
        """Text boxes, diagrams, charts and embedded objects, behind the paragraph or table that they stand in."""
        for element in parent.iter(f"{_W}txbxContent", "{*}relIds", "{*}chart", "{*}OLEObject"):
            # The same drawing is written twice, once for older programs.
            above = {name_of(one) for one in element.iterancestors()}
            kind = name_of(element)
            if "Fallback" in above or (
                kind != "txbxContent" and "txbxContent" in {name_of(one) for one in _up_to(element, parent)}
            ):
                continue
            if kind == "txbxContent":
                self._blocks(element)
                continue
            self._drawn += 1
            key = {"relIds": "dm", "chart": "id", "OLEObject": "id"}[kind]
            target = self._references.get(element.get(f"{RELATIONSHIP}{key}") or "")
            name = target.target if target is not None else ""
            if kind == "relIds":
                add_diagram(self._builder, self._package, name, f"diagram {self._drawn}")
            elif kind == "chart":
                add_chart(self._builder, self._package, name, f"chart {self._drawn}")
            elif not (element.get("ProgID") or "").startswith("Equation"):
                program = (element.get("ProgID") or "").partition(".")[0]
                self._package.leave_out(
                    f"embedded object {self._drawn}" + (f" ({program})" if program else ""), "objects are not read"
                )

    def _table(self, table: Any) -> None:
        rows: list[list[str]] = []
        merges: list[Merge] = []
        # Where a merged cell began that the next row may go on with, by its first column.
        going: dict[int, Merge] = {}
        marked = 0
        for number, row in enumerate(_inner(table, "tr")):
            is_head = row.find(f"{_W}trPr/{_W}tblHeader") is not None
            marked = number + 1 if is_head and marked == number else marked
            cells: list[str] = []
            still: dict[int, Merge] = {}
            before = row.find(f"{_W}trPr/{_W}gridBefore")
            cells += [""] * _span(before, 0)
            for cell in _inner(row, "tc"):
                column, columns = len(cells), _span(cell.find(f"{_W}tcPr/{_W}gridSpan"), 1)
                vertical = cell.find(f"{_W}tcPr/{_W}vMerge")
                text = self._cell(cell)
                area = Merge(number, column, number, column + columns - 1)
                goes_on = vertical is not None and vertical.get(f"{_W}val") in (None, "continue")
                if goes_on and column in going and not text.strip():
                    above = going[column]
                    area = Merge(above.top, above.left, number, above.right)
                if vertical is not None:
                    still[column] = area
                elif columns > 1:
                    merges.append(area)
                cells += [text] + [""] * (columns - 1)
            merges += [
                area for column, area in going.items() if still.get(column, area).top != area.top or column not in still
            ]
            going = still
            rows.append(cells)
        merges += going.values()
        add_table(self._builder, rows, merges, marked=marked if marked < len(rows) else 0)
        for cell in table.iter(f"{_W}tc"):
            if any(name_of(one) == "tbl" for one in _up_to(cell, table)):
                continue
            self._drawings(cell)

    def _cell(self, cell: Any) -> str:
        # A nested table counts as text of its cell.
        paragraphs = (
            one for one in cell.iter(f"{_W}p") if not any(name_of(up) == "txbxContent" for up in _up_to(one, cell))
        )
        return " ".join(_text(paragraph) for paragraph in paragraphs)

    def _chunk(self, element: Any) -> None:
        target = self._references.get(element.get(f"{RELATIONSHIP}id") or "")
        name = target.target if target is not None else ""
        if not self._package.has(name):
            self._package.leave_out("a text that is put in as a whole", "missing in the file")
        elif Path(name).suffix.lower() in (".docx", ".docm", ".dotx") and self._depth < _DEEPEST:
            self._document(name)
        else:
            add_chunk(self._builder, self._package, name)

    def _document(self, name: str) -> None:
        """A whole Word document within this one."""
        try:
            package = Package(Path(f"{self._package.path}!/{name}"), self._package.read(name))
            _Writer(self._builder, package, self._depth + 1).whole()
        except InputError:
            self._package.leave_out(f"the document {Path(name).name} within it", "damaged")
        else:
            self._package.unread += package.unread

    def _notes(self, part: str, kind: str, element: str) -> None:
        root = self._package.xml(part, kind)
        for note in root.iter(f"{_W}{element}") if root is not None else ():
            text = "\n".join(_text(paragraph) for paragraph in note.iter(f"{_W}p"))
            if note.get(f"{_W}type") in (None, "normal") and text.strip():
                self._builder.paragraph(f"[{note.get(f'{_W}id')}] {text.strip()}")

    def _comments(self, part: str) -> None:
        root = self._package.xml(part, "comments")
        count = sum(1 for _ in root.iter(f"{_W}comment")) if root is not None else 0
        if count:
            self._package.leave_out(f"{count:,} comment{'' if count == 1 else 's'}", "comments are not read")


def _span(element: Any | None, otherwise: int) -> int:
    if element is None:
        return otherwise
    return min(max(whole_number(element.get(f"{_W}val"), otherwise), otherwise), _MOST_COLUMNS)


def _is_on(parent: Any | None, name: str) -> bool:
    mark = inner(parent, name) if parent is not None else None
    return mark is not None and mark.get(f"{_W}val") not in ("0", "false", "off")


def _inner(parent: Any, name: str) -> Iterator[Any]:
    for element in parent:
        if name_of(element) == name:
            yield element
        elif name_of(element) in _WRAPPERS:
            yield from _inner(element, name)


def _up_to(element: Any, top: Any) -> Iterator[Any]:
    """What an element stands in, within another."""
    for above in element.iterancestors():
        if above is top:
            return
        yield above


def _is_page_number(part: Any, written: str) -> bool:
    fields = [one.text or "" for one in part.iter(f"{_W}instrText")]
    fields += [one.get(f"{_W}instr") or "" for one in part.iter(f"{_W}fldSimple")]
    words = sum(any(char.isalpha() for char in word) for word in written.split())
    return not words or (
        words <= _PAGE_WORDS and any(_PAGE_FIELD.search(field) for field in fields) and len(written) < 20
    )


def _text(paragraph: Any) -> str:
    pieces: list[str] = []
    _add_text(paragraph, pieces)
    return "".join(pieces)


def _add_text(parent: Any, pieces: list[str]) -> None:
    for element in parent:
        name = name_of(element)
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
