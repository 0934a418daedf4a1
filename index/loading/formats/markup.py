"""From HTML elements to a text with headings and tables, for every format that holds HTML."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Sequence
from typing import Any

from index.loading.building import TextBuilder
from index.loading.formats.web.controls import (
    FIELDS,
    field_value,
    is_openable,
    is_opener,
    is_unseen,
    opened_parts,
    tag_of,
)
from index.loading.raised import lowered, raised
from index.loading.tables import Cell, spread

__all__ = ["add_elements", "bare_text", "tag_of"]

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = set(
    """
        address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption figure
        footer form header hr html legend li main menu nav ol p pre section summary table tbody td tfoot th thead tr ul
    """.split()
)
# Deeper than any page written by a person; elements nested deeper are reduced to their bare text.
MAX_DEPTH = 200
# In characters; what is longer is small print, and no mark.
_LONGEST_MARK = 20


def add_elements(builder: TextBuilder, root: Any, leave_out: Callable[[Any], bool] = lambda _: False) -> None:
    """Add the text of an lxml element in order, except for the elements for which `leave_out` is true."""
    walk = _Walk(builder, leave_out, opened_parts(root))
    walk.into(root, 0)
    walk.close()


class _Walk:
    def __init__(self, builder: TextBuilder, leave_out: Callable[[Any], bool], opened: Container[str]) -> None:
        self._builder = builder
        self._leave_out = leave_out
        self._opened = opened
        self._inline: list[str] = []
        self._notes: list[str] = []
        self._lists = 0
        self._item = False

    def close(self) -> None:
        """End the current paragraph or list item."""
        text = "".join(self._inline)
        self._inline = []
        # Line breaks in the source are white space; those of <br> are represented by a separate mark.
        words = "\n".join(" ".join(line.split()) for line in _BROKEN.sub("", text).split(_LINE_BREAK))
        notes, self._notes = self._notes, []
        if not words.strip():
            return
        # The marks of notes stand apart, behind the paragraph: within it they would be digits of its numbers.
        words += "".join(f" [{note}]" for note in notes)
        if self._item:
            self._builder.item(words, max(0, self._lists - 1))
            # The rest of the same item becomes a paragraph below it.
            self._item = False
        else:
            self._builder.paragraph(words)

    def into(self, element: Any, depth: int) -> None:
        """Add the content of an element."""
        self._inline.append(element.text or "")
        for child in element:
            if isinstance(child.tag, str):
                self._element(child, depth + 1)
            self._inline.append(child.tail or "")

    def _element(self, element: Any, depth: int) -> None:
        name = tag_of(element)
        if depth > MAX_DEPTH:
            self._inline.append("".join(bare_text(element)))
        elif is_unseen(element) or _is_hidden(element, self._opened) or self._leave_out(element):
            return
        elif name in _HEADINGS:
            self.close()
            self._item = False
            self._builder.heading(_HEADINGS[name], "".join(bare_text(element)))
        elif name == "table" and not _is_layout(element):
            self.close()
            self._table(element, depth)
        elif name == "pre":
            self.close()
            self._builder.verbatim("".join(bare_text(element, line_break="\n")))
        elif name in ("ul", "ol", "menu", "dir"):
            self.close()
            self._lists += 1
            self.into(element, depth)
            self.close()
            self._lists -= 1
            self._item = False
        elif name in _BLOCKS or is_opener(element):
            self.close()
            self._item = name == "li" or (self._item and name in ("p", "div"))
            self.into(element, depth)
            self.close()
            if name == "li":
                self._item = False
        else:
            self._phrase(element, name, depth)

    def _phrase(self, element: Any, name: str, depth: int) -> None:
        """Add an element that stands within a line."""
        if name == "br":
            self._inline.append(_LINE_BREAK)
        elif name in FIELDS:
            value = field_value(element)
            # Each field is a line of its own, so that its value ends where the next label begins.
            self._inline.append(f" {value}{_LINE_BREAK}" if value not in ("", "☐", "☑") else f" {value} ")
        elif (mark := _mark(element, "".join(self._inline[-4:]))) is not None:
            kind, words = mark
            (self._notes if kind == "note" else self._inline).append(words)
        else:
            self.into(element, depth)
            if name == "label" and _names_a_field(element):
                self._inline.append(": ")

    def _table(self, table: Any, depth: int) -> None:
        for caption in _children(table, "caption"):
            self.into(caption, depth)
            self.close()
        marked = list(_table_rows(table))
        rows = spread([[cell for cell, _ in row] for row in marked])
        heads = {
            number for number, (row, of) in enumerate(zip(rows, marked, strict=True), start=1) if _is_head(row, of)
        }
        # A table of heads alone has values after all, and so has one that ends with them.
        while len(rows) in heads or (heads and not any(number not in heads for number in range(1, len(rows) + 1))):
            heads.discard(max(heads))
        self._builder.table([[cell.text for cell in row] for row in rows], header=heads)


_LINE_BREAK = "\x1e"
# Where a long word may be broken.
_BROKEN = re.compile("(?<=[A-Za-z\u00c0-\u024f])\u200b(?=[A-Za-z\u00c0-\u024f])")


def _names_a_field(label: Any) -> bool:
    """Whether a label ends in words, behind which its field follows."""
    words = "".join(label.itertext()).rstrip()
    return bool(words) and words[-1].isalnum() and next(label.iter(*FIELDS), None) is None


def _is_head(row: Sequence[Cell], marked: Sequence[tuple[Cell, bool]]) -> bool:
    """Whether a row names columns: all of its cells are marked as heads, or it is of the head of the table."""
    if len(row) < 2 or not any(cell.text.strip() for cell in row):
        return False
    return all(cell.head or not cell.text.strip() for cell in row) or any(in_head for _, in_head in marked)


def _table_rows(table: Any, in_head: bool = False) -> Iterator[list[tuple[Cell, bool]]]:
    """The cells of each row, and whether it is in the head of the table; a nested table counts as text of its cell."""
    for child in table:
        name = tag_of(child)
        if name in ("thead", "tbody", "tfoot"):
            yield from _table_rows(child, name == "thead")
        elif name == "tr" and not is_unseen(child):
            yield [(_cell(cell), in_head) for cell in child if tag_of(cell) in ("td", "th")]


def _cell(element: Any) -> Cell:
    text = " ".join("".join(bare_text(element)).split())
    columns, rows = (_span(element.get(name)) for name in ("colspan", "rowspan"))
    return Cell(text, columns, rows, head=tag_of(element) == "th" or (bool(text) and _is_bold(element)))


def _span(stated: str | None) -> int:
    digits = (stated or "").strip()
    # A row span of 0 reaches to the end of the table (HTML Living Standard, 4.9.11).
    return min(int(digits), 65_534) or 65_534 if digits.isascii() and digits.isdecimal() and len(digits) < 7 else 1


def _is_bold(element: Any) -> bool:
    """Whether a cell holds one bold element, and nothing beside it."""
    children = [child for child in element if isinstance(child.tag, str) and tag_of(child) != "br"]
    around = [element.text or "", *(child.tail or "" for child in element)]
    return len(children) == 1 and tag_of(children[0]) in ("b", "strong") and not "".join(around).strip()


def _is_layout(table: Any) -> bool:
    """Whether a table only serves layout: rows of a single cell, or headings and tables within its cells."""
    if table.get("role") in ("presentation", "none"):
        return True
    rows = list(_table_rows(table))
    if max((len(row) for row in rows), default=0) <= 1:
        return True
    inner = sum(1 for _ in table.iter("table", "h1", "h2", "h3", "{*}table", "{*}h1", "{*}h2", "{*}h3")) - 1
    return inner > 0


def _children(element: Any, name: str) -> Iterator[Any]:
    for child in element:
        if tag_of(child) == name:
            yield child


def bare_text(element: Any, line_break: str = " ") -> Iterator[str]:
    """The strings in an element. Without recursion: elements may be nested deeper than Python's stack."""
    stack: list[Any] = [element]
    before = ""
    notes: list[str] = []
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            before = item or before
            yield item
            continue
        name = tag_of(item)
        if not name or is_unseen(item):
            continue
        if (mark := _mark(item, before)) is not None:
            kind, words = mark
            (notes.append(words) if kind == "note" else stack.append(words))
            continue
        yield from _opening(item, name, line_break, outermost=item is element)
        if name in FIELDS:
            continue
        if item.text:
            before = item.text
            yield item.text
        if name in _BLOCKS and item is not element:
            stack.append(" ")
        for child in reversed(item):
            if child.tail:
                stack.append(child.tail)
            stack.append(child)
    yield from (f" [{note}]" for note in notes)


def _opening(element: Any, name: str, line_break: str, *, outermost: bool) -> Iterator[str]:
    """What an element puts before its content: words of two blocks, or on two lines, are two words."""
    if name == "br":
        yield line_break
    elif name in _BLOCKS and not (outermost and name == "pre"):
        yield " "
    elif name in FIELDS:
        yield f" {field_value(element)} "


def _mark(element: Any, before: str) -> tuple[str, str] | None:
    """What a raised or lowered mark behind the text `before` is, with its words (see `index.loading.raised`); None for
    any other element."""
    name = tag_of(element)
    if name not in ("sup", "sub"):
        return None
    words = "".join(element.itertext())
    if len(words) > _LONGEST_MARK:
        return None
    return raised(words, before, is_note=_is_note(element)) if name == "sup" else ("text", lowered(words, before))


def _is_note(element: Any) -> bool:
    """Whether a raised mark leads to a note."""
    named = f"{element.get('class') or ''} {element.get('role') or ''} {element.get('id') or ''}".lower()
    link = next(iter(element.iter("a", "{*}a")), None)
    return "note" in named or "reference" in named or (link is not None and (link.get("href") or "").find("#") >= 0)


def _is_hidden(element: Any, opened: Container[str]) -> bool:
    """Whether an element is hidden for good, and not only until somebody opens it."""
    style = (element.get("style") or "").replace(" ", "").lower()
    hidden = (
        element.get("hidden") is not None
        or "display:none" in style
        or "visibility:hidden" in style
        or element.get("aria-hidden") == "true"
    )
    return hidden and not is_openable(element, opened)
