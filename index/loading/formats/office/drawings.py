"""Words of drawings: text boxes and shapes, diagrams (SmartArt) and charts (DrawingML, ECMA-376-1, 20 and 21)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from index.loading.building import TextBuilder
from index.loading.formats.office.number_formats import shown
from index.loading.formats.office.package import RELATIONSHIP, Package, children, every, inner, name_of, whole_number

# Points of a diagram that hold what somebody wrote; others hold its layout.
_WRITTEN = (None, "node", "asst")
# As a spreadsheet's row; a chart of more points is the picture of a table that stands elsewhere.
_MOST_POINTS = 1_000


def add_drawing(builder: TextBuilder, package: Package, name: str, called: str) -> None:
    """Add the words of all shapes and diagrams of a part of drawings; its charts only show values of cells."""
    root = package.xml(name, called)
    if root is None:
        return
    references = package.references(name, called)
    for element in root.iter():
        kind = name_of(element)
        if kind == "txBody":
            for text in paragraphs(element):
                builder.paragraph(text)
        elif kind == "relIds":
            target = references.get(element.get(f"{RELATIONSHIP}dm") or "")
            add_diagram(builder, package, target.target if target else "", f"diagram in {called}")


def paragraphs(body: Any) -> Iterator[str]:
    """The paragraphs of a shape's text, with their line breaks."""
    for paragraph in body:
        if name_of(paragraph) == "p":
            yield paragraph_text(paragraph)


def paragraph_text(paragraph: Any) -> str:
    """The text of a DrawingML paragraph."""
    pieces = []
    for element in paragraph.iter():
        kind = name_of(element)
        if kind == "t":
            pieces.append(element.text or "")
        elif kind == "br":
            pieces.append("\n")
        elif kind == "tab":
            pieces.append("\t")
    return "".join(pieces)


def add_diagram(builder: TextBuilder, package: Package, name: str, called: str) -> None:
    """Add the words of a diagram from its data, one item a point, in the order in which they were written."""
    root = _root(package, name, called)
    if root is None:
        return
    points = {point.get("modelId") or "": point for point in every(root, "pt") if point.get("type") in _WRITTEN}
    children: dict[str, list[tuple[int, str]]] = {}
    below: set[str] = set()
    for link in every(root, "cxn"):
        above, under = link.get("srcId") or "", link.get("destId") or ""
        if link.get("type") in (None, "parOf") and under in points:
            children.setdefault(above, []).append((whole_number(link.get("srcOrd"), 0), under))
            if above in points:
                below.add(under)
    placed: set[str] = set()
    roots = [under for above, links in children.items() if above not in points for _, under in sorted(links)]

    def add(first: str) -> None:
        waiting = [(first, 0)]
        while waiting:
            one, depth = waiting.pop()
            if one in placed:
                continue
            placed.add(one)
            text = " ".join(filter(None, (t.strip() for body in _bodies(points[one]) for t in paragraphs(body))))
            builder.item(text, min(depth, 8))
            waiting += [(under, depth + 1) for _, under in sorted(children.get(one, []), reverse=True)]

    for one in [*roots, *(each for each in points if each not in below), *points]:
        add(one)


def _root(package: Package, name: str, called: str) -> Any | None:
    """The root of a diagram or chart that a document shows; None, and noted, where it leads to no part of the file."""
    if not name:
        package.leave_out(called, "missing in the file")
    return package.xml(name, called)


def _bodies(point: Any) -> Iterator[Any]:
    return (element for element in point if name_of(element) == "t")


def add_chart(builder: TextBuilder, package: Package, name: str, called: str) -> None:
    """Add a chart's title, and its values as a table: a row a category, a column a series, of whatever kind it is."""
    root = _root(package, name, called)
    if root is None:
        return
    chart = inner(root, "chart")
    if chart is None:
        # Funnels, maps and their like have another form (Office's own, of 2014).
        package.leave_out(called, "a kind of chart that is not read")
        return
    title = inner(chart, "title", "tx", "rich")
    if title is not None:
        for text in paragraphs(title):
            builder.paragraph(text)
    for plot in children(chart, "plotArea"):
        series = [one for one in plot if name_of(one) == "ser"]
        if series:
            _add_plot(builder, series)


def _add_plot(builder: TextBuilder, series: list[Any]) -> None:
    names = [next(iter(_points(inner(one, "tx")).values()), "") for one in series]
    columns = [_points(inner(one, "val"), inner(one, "yVal"), inner(one, "bubbleSize")) for one in series]
    categories: dict[int, str] = {}
    for one in series:
        categories |= _points(inner(one, "cat"), inner(one, "xVal")) if not categories else {}
    numbers = sorted({number for column in [categories, *columns] for number in column})[:_MOST_POINTS]
    rows = [
        [categories.get(number, str(number + 1)), *(column.get(number, "") for column in columns)] for number in numbers
    ]
    if rows:
        builder.table([["", *names], *rows], header=1)


def _shown(point: Any, text: str) -> str:
    """The value of a point as its cell shows it: numbers are kept with the code of their format."""
    cache = point.getparent()
    if name_of(cache) not in ("numCache", "numLit"):
        return text
    stated = inner(cache, "formatCode")
    code = point.get("formatCode") or (stated.text if stated is not None else "") or ""
    try:
        return shown(float(text), code)
    except (ValueError, OverflowError):
        return text


def _points(*sources: Any | None) -> dict[int, str]:
    """The values that a chart keeps of its cells, by number; of the first source that has any."""
    for source in sources:
        if source is None:
            continue
        values: dict[int, str] = {}
        for point in every(source, "pt"):
            value = inner(point, "v")
            if value is not None and value.text:
                # Of categories with several levels, the first is the innermost.
                values.setdefault(whole_number(point.get("idx"), len(values)), _shown(point, value.text.strip()))
        if not values and (value := inner(source, "v")) is not None and value.text:
            values[0] = value.text
        if values:
            return values
    return {}
