"""From HTML elements to a text with headings and tables, for every format that holds HTML."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from index.loading.building import TextBuilder

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
# Never text, whatever stands in them.
_SILENT = {
    "audio", "button", "canvas", "datalist", "embed", "head", "iframe", "input", "link", "map", "meta", "noscript",
    "object", "option", "script", "select", "style", "svg", "template", "textarea", "title", "video",
}  # fmt: skip
_BLOCKS = {
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "div", "dl",
    "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hr", "html", "legend", "li", "main", "menu",
    "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
}  # fmt: skip
# Deeper than any page that a person wrote; beyond it elements are taken as mere text.
MAX_DEPTH = 200


def add_elements(builder: TextBuilder, root: Any, leave_out: Callable[[Any], bool] = lambda _: False) -> None:
    """Add the text of an lxml element in its order, without the elements that `leave_out` says."""
    walk = _Walk(builder, leave_out)
    walk.into(root, 0)
    walk.close()


def tag_of(element: Any) -> str:
    """An element's name, lower case and without its namespace; "" for a comment and the like."""
    return element.tag.rpartition("}")[2].lower() if isinstance(element.tag, str) else ""


class _Walk:
    def __init__(self, builder: TextBuilder, leave_out: Callable[[Any], bool]) -> None:
        self._builder = builder
        self._leave_out = leave_out
        self._inline: list[str] = []
        self._lists = 0
        self._item = False

    def close(self) -> None:
        """End the paragraph, or the item of a list, that is being gathered."""
        text = "".join(self._inline)
        self._inline = []
        # Line breaks of the source are white space; those of <br> and <pre> are kept apart by a mark of their own.
        lines = [" ".join(line.split()) for line in text.split(_LINE_BREAK)]
        words = "\n".join(lines).replace(_SPACE, " ")
        if not words.strip():
            return
        if self._item:
            self._builder.item(words, max(0, self._lists - 1))
            # What follows in the same item is a paragraph below it.
            self._item = False
        else:
            self._builder.paragraph(words)

    def into(self, element: Any, depth: int) -> None:
        """Add what an element holds."""
        self._inline.append(element.text or "")
        for child in element:
            if isinstance(child.tag, str):
                self._element(child, depth + 1)
            self._inline.append(child.tail or "")

    def _element(self, element: Any, depth: int) -> None:
        name = tag_of(element)
        if depth > MAX_DEPTH:
            self._inline.append("".join(bare_text(element)))
        elif name in _SILENT or _is_hidden(element) or self._leave_out(element):
            return
        elif name in _HEADINGS:
            self.close()
            self._item = False
            self._builder.heading(_HEADINGS[name], "".join(bare_text(element)))
        elif name == "br":
            self._inline.append(_LINE_BREAK)
        elif name == "table" and not _is_layout(element):
            self.close()
            self._table(element, depth)
        elif name == "pre":
            self.close()
            text = "".join(bare_text(element)).replace("\r\n", "\n").replace("\t", "    ")
            self._inline.append(text.strip("\n").replace(" ", _SPACE).replace("\n", _LINE_BREAK))
            self.close()
        elif name in ("ul", "ol", "menu", "dir"):
            self.close()
            self._lists += 1
            self.into(element, depth)
            self.close()
            self._lists -= 1
            self._item = False
        elif name in _BLOCKS:
            self.close()
            self._item = name == "li" or (self._item and name in ("p", "div"))
            self.into(element, depth)
            self.close()
            if name == "li":
                self._item = False
        elif name in ("sup", "sub") and element.text and element.text.strip().isdigit():
            # A footnote's number must not run into the word before it.
            self._inline.append(" ")
            self.into(element, depth)
        else:
            self.into(element, depth)

    def _table(self, table: Any, depth: int) -> None:
        for caption in _children(table, "caption"):
            self.into(caption, depth)
            self.close()
        rows = list(_table_rows(table))
        if not rows:
            return
        first = rows[0]
        header = bool(first) and (all(tag == "th" for tag, _ in first) or _in_head(table)) and len(rows) > 1
        self._builder.table([[text for _, text in row] for row in rows], header=header)


_LINE_BREAK = "\x1e"
_SPACE = "\x1f"


def _table_rows(table: Any) -> Iterator[list[tuple[str, str]]]:
    """Tag and text of the cells of each row; a table within a cell is text of the cell."""
    for child in table:
        name = tag_of(child)
        if name in ("thead", "tbody", "tfoot"):
            yield from _table_rows(child)
        elif name == "tr":
            yield [(tag_of(cell), "".join(bare_text(cell))) for cell in child if tag_of(cell) in ("td", "th")]


def _in_head(table: Any) -> bool:
    return any(True for _ in _children(table, "thead"))


def _is_layout(table: Any) -> bool:
    """Whether a table only places things on a page: one cell, or blocks of text and tables in its cells."""
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


def bare_text(element: Any) -> Iterator[str]:
    """The strings in an element. Without recursion: elements may be nested deeper than Python's stack."""
    stack: list[Any] = [element]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
            continue
        name = tag_of(item)
        if not name or name in _SILENT:
            continue
        # Words of two blocks, or on two lines, are two words.
        if name == "br" or name in _BLOCKS:
            yield " "
        if item.text:
            yield item.text
        if name in _BLOCKS and item is not element:
            stack.append(" ")
        for child in reversed(item):
            if child.tail:
                stack.append(child.tail)
            stack.append(child)


def _is_hidden(element: Any) -> bool:
    style = (element.get("style") or "").replace(" ", "").lower()
    return element.get("hidden") is not None or "display:none" in style or element.get("aria-hidden") == "true"
