"""The blocks of a Markdown text (CommonMark 0.31) with their offsets: front matter, headings, and literal text that is
not to be read as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

# YAML can be crafted to take very long; real front matter is short.
_MAX_FRONT_MATTER = 20_000
_FRONT_MATTER = re.compile(r"---[ \t]*(?:\r\n|\r|\n)(.*?)(?:\r\n|\r|\n)(?:---|\.\.\.)[ \t]*(?:\r\n|\r|\n|$)", re.DOTALL)
# Unicode line separators end a line too, since sentences end there, although CommonMark does not know them.
_LINE_END = re.compile(r"\r\n|[\r\n\f\u2028\u2029]")
_MARKS = re.compile(r"[ \t]*(#{1,6})(?:[ \t]+|$)")
CHUNK_LINES = 5_000
MOST_LINES = 160_000
_LITERAL = ("fence", "code_block", "html_block")


@dataclass(frozen=True, slots=True)
class _Block:
    """A block of the lines `[first, last)`, as markdown-it's tokens have it; `words`: whether a heading has any."""

    kind: str
    level: int
    tag: str
    markup: str
    first: int
    last: int
    words: bool


def front_matter(text: str) -> tuple[int, dict[str, Any]]:
    """Where the YAML front matter of a text ends, and its values by lower-case name; 0 and {} if there is none."""
    match = _FRONT_MATTER.match(text[:_MAX_FRONT_MATTER]) if text.startswith("---") else None
    if match is None:
        return 0, {}
    import yaml

    try:
        said = yaml.safe_load(match.group(1))
    except (yaml.YAMLError, ValueError, RecursionError):
        # Lines between two horizontal rules look the same; they remain text.
        return 0, {}
    if not isinstance(said, dict):
        return 0, {}
    return match.end(), {str(name).lower(): value for name, value in said.items()}


def markdown_headings(text: str) -> dict[int, tuple[int, str]]:
    """The level and title of every heading, by the offset of its `#` or, if it is underlined, of its first word.

    Headings within quotes and lists are left out, since the text after the quote is not under them; code, HTML and
    front matter contain none.
    """
    if not any(mark in text for mark in "#=-"):
        return {}
    lines = _lines(text)
    headings: dict[int, tuple[int, str]] = {}
    for block in _blocks(text, lines):
        if block.kind != "heading_open" or block.level:
            continue
        begin, end = lines[block.first]
        line = text[begin:end]
        if block.markup.startswith("#"):
            marks = _MARKS.match(line)
            title = _without_closing_marks(line[marks.end() :]) if marks and block.words else ""
        else:
            title = " ".join(text[slice(*bounds)].strip() for bounds in lines[block.first : block.last - 1])
        if title:
            # A line of what is white space in Unicode alone is not blank in CommonMark.
            whole = text[begin : lines[block.last - 1][1]]
            headings[begin + len(whole) - len(whole.lstrip())] = (int(block.tag[1:]), title)
    return headings


def literal_lines(text: str) -> set[int]:
    """The offsets at which the lines of code, HTML and front matter begin, which are not read as Markdown."""
    lines = _lines(text)
    end, _ = front_matter(text)
    literal = {begin for begin, _ in lines if begin < end}
    for block in _blocks(text, lines):
        if block.kind in _LITERAL:
            literal.update(begin for begin, _ in lines[block.first : block.last])
    return literal


def _lines(text: str) -> list[tuple[int, int]]:
    """`[start, end)` of every line, without its line break."""
    ends = [match.span() for match in _LINE_END.finditer(text)]
    return list(zip([0, *(end for _, end in ends)], [*(start for start, _ in ends), len(text)], strict=True))


def _blocks(text: str, lines: list[tuple[int, int]]) -> Iterator[_Block]:
    """The blocks of a text in order, nested ones included.

    A few thousand lines are parsed at a time, since a parsed line takes a hundred times its own memory. The last
    top-level block of a chunk may continue in the next one, so it is parsed again there. A block longer than
    `MOST_LINES` is cut.
    """
    end, _ = front_matter(text)
    begin, count = 0, CHUNK_LINES
    while begin < len(lines):
        piece = lines[begin : begin + count]
        tokens = _parser().parse("\n".join("" if start < end else text[start:stop] for start, stop in piece))
        outermost = [token.map[0] for token in tokens if token.level == 0 and token.map]
        done = len(piece) if begin + count >= len(lines) else max(outermost, default=len(piece))
        if done == 0 and count < MOST_LINES:
            count *= 2
            continue
        done = done or len(piece)
        for place, token in enumerate(tokens):
            if token.map and token.map[0] < done:
                first, last = (begin + number for number in token.map)
                words = token.type == "heading_open" and bool(tokens[place + 1].content.strip())
                yield _Block(token.type, token.level, token.tag, token.markup, first, min(last, len(lines)), words)
        begin, count = begin + done, CHUNK_LINES


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    # Inline markup is not needed here, and parsing it takes most of the time.
    return MarkdownIt("commonmark").disable(["inline"])


def _without_closing_marks(name: str) -> str:
    name = name.rstrip()
    opened = name.rstrip("#")
    return opened.rstrip() if opened.endswith((" ", "\t")) else name
