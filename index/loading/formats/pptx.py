"""Presentations (.pptx, .pptm, .ppsx, and their templates).

Kept: the text of every slide from top to bottom, tables by row with merged cells in every row that they cover, the
categories and series of charts, diagrams (SmartArt), speaker notes; each slide is a page, its title a heading; what
stands at the foot of every slide once. Title, author, date and language come from the properties. Not kept: pictures,
text that is only on the slide master; comments and embedded objects, which are named as unread.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from index.documents import Document
from index.loading.building import TextBuilder
from index.loading.formats.office.drawings import add_chart, add_diagram, paragraph_text, paragraphs
from index.loading.formats.office.package import (
    RELATIONSHIP,
    Package,
    Reference,
    children,
    every,
    inner,
    name_of,
    whole_number,
)
from index.loading.formats.office.tables import Merge, add_table
from index.loading.registry import register

_TITLES = ("title", "ctrTitle")
_AT_THE_FOOT = ("ftr", "dt", "hdr")
_PLACES = {"grpSp": ("grpSpPr", "xfrm"), "graphicFrame": ("xfrm",)}
_SHAPES = ("sp", "grpSp", "graphicFrame", "cxnSp")
_MOST_COVERED = 1_000
# The name that the program gives a file whose author gave none.
_NO_TITLE = "PowerPoint Presentation"


@register(".pptx", ".pptm", ".ppsx", ".ppsm", ".potx", ".potm")
def load_pptx(path: Path, content: bytes) -> Document:
    """Load the text of a presentation, slide by slide."""
    package = Package(path, content)
    name, presentation = package.main("presentation", "presentation", "ppt/presentation.xml")
    references = package.references(name, "the presentation")
    builder = TextBuilder()
    at_the_foot: set[str] = set()
    for number, mark in enumerate(every(presentation, "sldId"), start=1):
        target = references.get(mark.get(f"{RELATIONSHIP}id") or "", Reference("", "")).target
        slide = package.xml(target, f"slide {number}")
        if slide is None:
            if not target:
                package.leave_out(f"slide {number}", "missing in the file")
            continue
        builder.begin_page(number)
        _Slide(builder, package, target, number, at_the_foot).write(slide)
    said = package.properties()
    return builder.document(
        path,
        content,
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        title=said.get("title") if said.get("title") != _NO_TITLE else None,
        author=said.get("creator"),
        date=said.get("created"),
        language=said.get("language"),
    ).with_unread(package.unread)


class _Slide:
    """Writes one slide into a builder."""

    def __init__(self, builder: TextBuilder, package: Package, name: str, number: int, at_the_foot: set[str]) -> None:
        self._builder = builder
        self._package = package
        self._called = f"slide {number}"
        self._at_the_foot = at_the_foot
        self._references = package.references(name, self._called)
        self._layout = self._first("slideLayout")
        layout_references = package.references(self._layout) if self._layout else {}
        master = next((one.target for one in layout_references.values() if one.kind == "slideMaster"), "")
        self._templates = [
            root
            for part in (self._layout, master)
            if part and package.has(part) and (root := package.xml(part, part)) is not None
        ]

    def write(self, slide: Any) -> None:
        tree = inner(slide, "cSld", "spTree")
        shapes = [] if tree is None else list(self._from_the_top(tree))
        title = next((one for one in shapes if _placeholder(one).get("type") in _TITLES), None)
        body = inner(title, "txBody") if title is not None else None
        if body is not None:
            self._builder.heading(1, "\n".join(paragraphs(body)))
        for shape in shapes:
            if shape is not title:
                self._shape(shape)
        self._notes(self._first("notesSlide"))
        if any(one.kind in ("comments", "comment") for one in self._references.values()):
            self._package.leave_out(f"comments on {self._called}", "comments are not read")

    def _first(self, kind: str) -> str:
        return next((one.target for one in self._references.values() if one.kind == kind), "")

    def _from_the_top(self, parent: Any) -> Iterator[Any]:
        """The shapes in reading order, with those of a group in place of the group."""
        placed = [(*self._place(shape), number, shape) for number, shape in enumerate(_shapes(parent))]
        for _, _, _, shape in sorted(placed, key=lambda entry: entry[:3]):
            if name_of(shape) == "grpSp":
                yield from self._from_the_top(shape)
            else:
                yield shape

    def _place(self, shape: Any) -> tuple[int, int]:
        """How far from the top and from the left; a placeholder without a place has that of its layout."""
        path = _PLACES.get(name_of(shape), ("spPr", "xfrm"))
        corner = inner(shape, *path, "off")
        placeholder = _placeholder(shape)
        if corner is None and placeholder:
            for template in self._templates:
                for other in every(template, "sp"):
                    if corner is None and _matches(placeholder, _placeholder(other)):
                        corner = inner(other, "spPr", "xfrm", "off")
        if corner is None:
            return 0, 0
        return whole_number(corner.get("y"), 0), whole_number(corner.get("x"), 0)

    def _shape(self, shape: Any) -> None:
        if name_of(shape) == "graphicFrame":
            self._frame(shape)
            return
        body = inner(shape, "txBody")
        placeholder = _placeholder(shape)
        if body is None or placeholder.get("type") == "sldNum":
            return
        if placeholder.get("type") in _AT_THE_FOOT:
            text = "\n".join(paragraphs(body)).strip()
            if text in self._at_the_foot:
                return
            self._at_the_foot.add(text)
        lines = [one for one in body if name_of(one) == "p"]
        for line in lines:
            if placeholder and len(lines) > 1:
                properties = inner(line, "pPr")
                level = whole_number(properties.get("lvl"), 0) if properties is not None else 0
                self._builder.item(paragraph_text(line), min(max(level, 0), 8))
            else:
                self._builder.paragraph(paragraph_text(line))

    def _frame(self, frame: Any) -> None:
        for element in frame.iter("{*}tbl", "{*}relIds", "{*}chart", "{*}oleObj"):
            kind = name_of(element)
            key = f"{RELATIONSHIP}{'dm' if kind == 'relIds' else 'id'}"
            target = self._references.get(element.get(key) or "", Reference("", "")).target
            if kind == "tbl":
                self._table(element)
            elif kind == "relIds":
                add_diagram(self._builder, self._package, target, f"diagram on {self._called}")
            elif kind == "chart":
                add_chart(self._builder, self._package, target, f"chart on {self._called}")
            elif not any(name_of(one) == "Fallback" for one in element.iterancestors()):
                program = (element.get("progId") or "").partition(".")[0]
                self._package.leave_out(
                    f"embedded object on {self._called}" + (f" ({program})" if program else ""), "objects are not read"
                )

    def _table(self, table: Any) -> None:
        rows: list[list[str]] = []
        merges: list[Merge] = []
        for number, row in enumerate(one for one in table if name_of(one) == "tr"):
            cells = [one for one in row if name_of(one) == "tc"]
            rows.append([])
            for column, cell in enumerate(cells):
                across, down = (min(whole_number(cell.get(name), 1), _MOST_COVERED) for name in ("gridSpan", "rowSpan"))
                if across > 1 or down > 1:
                    merges.append(Merge(number, column, number + max(down, 1) - 1, column + max(across, 1) - 1))
                # Words that were in a cell before another covered it are not seen.
                is_covered = any(cell.get(name) in ("1", "true") for name in ("hMerge", "vMerge"))
                body = inner(cell, "txBody")
                rows[-1].append("" if is_covered or body is None else "\n".join(paragraphs(body)))
        properties = inner(table, "tblPr")
        is_marked = properties is not None and properties.get("firstRow") in ("1", "true") and len(rows) > 1
        add_table(self._builder, rows, merges, marked=int(is_marked))

    def _notes(self, name: str) -> None:
        notes = self._package.xml(name, f"notes of {self._called}")
        for shape in every(notes, "sp") if notes is not None else ():
            if _placeholder(shape).get("type") == "body":
                for line in children(shape, "txBody"):
                    if name_of(line) == "p":
                        self._builder.paragraph(paragraph_text(line))


def _shapes(parent: Any) -> Iterator[Any]:
    """The shapes in an element; of a drawing that is written twice, for older programs too, the first."""
    for element in parent:
        if name_of(element) in _SHAPES:
            yield element
        elif name_of(element) == "AlternateContent":
            for choice in element:
                shapes = list(_shapes(choice))
                if shapes:
                    yield from shapes
                    break


def _placeholder(shape: Any) -> dict[str, str]:
    """What a shape says of the placeholder that it fills; nothing if it fills none."""
    for kind in ("nvSpPr", "nvGraphicFramePr"):
        mark = inner(shape, kind, "nvPr", "ph")
        if mark is not None:
            return {"type": mark.get("type") or "obj", "idx": mark.get("idx") or "0"}
    return {}


def _matches(placeholder: dict[str, str], other: dict[str, str]) -> bool:
    if not other:
        return False
    if placeholder["idx"] != "0":
        return placeholder["idx"] == other["idx"]
    return placeholder["type"] == other["type"] or {placeholder["type"], other["type"]} <= set(_TITLES)
