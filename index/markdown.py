"""The blocks of a Markdown text (CommonMark 0.31), by where they stand in the text as it is: front matter, headings and
what is not to be read as Markdown."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

# YAML can be made to take long; what describes a document is short.
_MAX_FRONT_MATTER = 20_000
_FRONT_MATTER = re.compile(r"---[ \t]*(?:\r\n|\r|\n)(.*?)(?:\r\n|\r|\n)(?:---|\.\.\.)[ \t]*(?:\r\n|\r|\n|$)", re.DOTALL)
# The separators of Unicode end a line too, though CommonMark does not know them: sentences end there.
_LINE_END = re.compile(r"\r\n|[\r\n\f\u2028\u2029]")
_MARKS = re.compile(r"[ \t]*(#{1,6})(?:[ \t]+|$)")
_LITERAL = ("fence", "code_block", "html_block")


def front_matter(text: str) -> tuple[int, dict[str, Any]]:
    """Where the YAML front matter of a text ends, and what it says by names in lower case; 0 and nothing if none."""
    match = _FRONT_MATTER.match(text[:_MAX_FRONT_MATTER]) if text.startswith("---") else None
    if match is None:
        return 0, {}
    import yaml

    try:
        said = yaml.safe_load(match.group(1))
    except (yaml.YAMLError, ValueError, RecursionError):
        # A rule above and below some lines looks the same; they stay text.
        return 0, {}
    if not isinstance(said, dict):
        return 0, {}
    return match.end(), {str(name).lower(): value for name, value in said.items()}


def markdown_headings(text: str) -> dict[int, tuple[int, str]]:
    """Level and words of every heading, by the offset of its first mark (`# Title`) or, underlined, first word;
    none in code, HTML and front matter.

    Those within quotes and lists are left out: what follows the quote does not stand under them.
    """
    if not any(mark in text for mark in "#=-"):
        return {}
    lines = _lines(text)
    tokens = _blocks(text, lines)
    headings: dict[int, tuple[int, str]] = {}
    for place, token in enumerate(tokens):
        if token.type != "heading_open" or token.level or token.map is None or not tokens[place + 1].content.strip():
            continue
        first, last = token.map
        begin, end = lines[first]
        line = text[begin:end]
        start = begin + len(line) - len(line.lstrip(" \t"))
        if token.markup.startswith("#"):
            marks = _MARKS.match(line)
            title = _without_closing_marks(line[marks.end() :]) if marks else ""
        else:
            title = " ".join(text[slice(*lines[number])].strip() for number in range(first, last - 1))
        if title:
            headings[start] = (int(token.tag[1:]), title)
    return headings


def literal_lines(text: str) -> set[int]:
    """The offsets at which the lines of code, HTML and front matter begin, where marks are none."""
    lines = _lines(text)
    maps = [token.map for token in _blocks(text, lines) if token.type in _LITERAL and token.map]
    end, _ = front_matter(text)
    described = {begin for begin, _ in lines if begin < end}
    return described | {lines[number][0] for first, last in maps for number in range(first, min(last, len(lines)))}


def _lines(text: str) -> list[tuple[int, int]]:
    """`[start, end)` of every line without its end."""
    ends = [match.span() for match in _LINE_END.finditer(text)]
    return list(zip([0, *(end for _, end in ends)], [*(start for start, _ in ends), len(text)], strict=True))


def _blocks(text: str, lines: list[tuple[int, int]]) -> list[Token]:
    """The tokens of a text's blocks, their lines counted as `lines` are."""
    end, _ = front_matter(text)
    return _parser().parse("\n".join("" if begin < end else text[begin:stop] for begin, stop in lines))


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    # Words and links within a block are no matter here, and take most of the time.
    return MarkdownIt("commonmark").disable(["inline"])


def _without_closing_marks(name: str) -> str:
    name = name.rstrip()
    opened = name.rstrip("#")
    return opened.rstrip() if opened.endswith((" ", "\t")) else name
