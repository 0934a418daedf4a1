"""Matplotlib figures as inline SVG that takes its colours and its type from the page's style sheet."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# What a figure is drawn with, and the custom property of the style sheet that stands in its place: light and dark are
# the browser's to choose. No other colour may occur.
_PROPERTIES = "ink soft line paper c1 c2 c3 c4 c5 c6 c7 c8".split()
COLOURS = {name: f"#0000{number:02x}" for number, name in enumerate(_PROPERTIES, start=1)}
_BY_COLOUR = {colour: f"var(--{name})" for name, colour in COLOURS.items()}
# A style sheet that may not be extended (Content-Security-Policy) rules out style attributes; those that SVG also has
# as attributes of their own are all that matplotlib needs.
_ATTRIBUTES = frozenset(
    "fill fill-opacity fill-rule opacity stroke stroke-dasharray stroke-dashoffset stroke-linecap stroke-linejoin "
    "stroke-miterlimit stroke-opacity stroke-width font-size font-weight text-anchor".split()
)
_LINK = "{http://www.w3.org/1999/xlink}href"


@contextmanager
def drawing(name: str) -> Iterator[None]:
    """Within it, figures are drawn in the page's colours; `name` keeps the ids of one plot apart from another's."""
    import matplotlib as mpl

    ink, soft = COLOURS["ink"], COLOURS["soft"]
    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": name,
        "text.parse_math": False,
        "font.size": 9,
        "text.color": ink,
        "axes.edgecolor": COLOURS["line"],
        "axes.labelcolor": soft,
        "axes.facecolor": "none",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": COLOURS["line"],
        "grid.linewidth": 0.5,
        "axes.axisbelow": True,
        "figure.facecolor": "none",
        "xtick.color": soft,
        "ytick.color": soft,
        "legend.frameon": False,
        "legend.fontsize": 8,
        "lines.linewidth": 1.8,
    }
    with mpl.rc_context(settings):
        yield


def inline_svg(figure: Figure, title: str) -> str:
    """An `<svg>` element for HTML, titled for those who cannot see it, equal for equal figures."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    root = ElementTree.fromstring(stream.getvalue())
    _without_sheets(root)
    used = {reference for element in root.iter() for reference in _references(element)}
    for element in root.iter():
        _plain(element, used)
    root.attrib = {"viewBox": root.attrib["viewBox"], "role": "img", "aria-label": title}
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=False)


def _without_sheets(element: ElementTree.Element) -> None:
    for child in list(element):
        if child.tag.rpartition("}")[2] in ("metadata", "style"):
            element.remove(child)
        else:
            _without_sheets(child)


def _references(element: ElementTree.Element) -> Iterator[str]:
    for name, value in element.attrib.items():
        if name == _LINK:
            yield value.removeprefix("#")
        elif value.startswith("url(#"):
            yield value[5:-1]


def _plain(element: ElementTree.Element, used: set[str]) -> None:
    """Without namespaces, without ids that nothing refers to, every style as attributes of its own."""
    element.tag = element.tag.rpartition("}")[2]
    styles = [part.split(":", 1) for part in element.attrib.pop("style", "").split(";") if part.strip()]
    attributes = {("href" if name == _LINK else name): value for name, value in element.attrib.items()}
    for name, value in ((name.strip(), value.strip()) for name, value in styles):
        if name in _ATTRIBUTES:
            attributes[name] = _BY_COLOUR.get(value, value)
    if attributes.get("id") not in used:
        attributes.pop("id", None)
    element.attrib = attributes
