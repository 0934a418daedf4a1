"""Sentences and their blocks in a text, as exact offsets."""

from __future__ import annotations

import re
from dataclasses import dataclass

import sentencex

# sentencex is quadratic-ish on huge blocks and its exceptions need only local context.
MAX_BLOCK = 20_000
_BLANK = re.compile(r"(?:\r\n|\r|\n|\u2029)[^\S\r\n\u2029]*(?:\r\n|\r|\n|\u2029)+|\f|\u2029")
_NEWLINE = re.compile(r"\r\n|\r|\n|\u2028")
_MARKDOWN_HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)(?:[ \t]+#+)?[ \t]*$")
# Lines of a hard-wrapped paragraph, all but the last, are this long and no more.
_WRAP_MIN, _WRAP_MAX = 45, 130


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence `[start, end)` in code points, without surrounding white space.

    `block` counts the paragraphs; `heading` is the path of headings that it stands under (Markdown).
    """

    start: int
    end: int
    block: int
    heading: tuple[str, ...] = ()


def split_sentences(text: str, *, markdown: bool = False) -> list[Sentence]:
    """Every sentence of a text in order. Together they cover every character that is not white space.

    A blank line or form feed ends a paragraph. So does a single line break, unless the lines around it are wrapped
    to a width; a Markdown heading is a block of its own.
    """
    sentences: list[Sentence] = []
    path: list[tuple[int, str]] = []
    for number, (start, end) in enumerate(_blocks(text, markdown)):
        heading = _MARKDOWN_HEADING.match(text[start:end]) if markdown else None
        if heading:
            level = len(heading.group(1))
            path = [(other, name) for other, name in path if other < level] + [(level, heading.group(2))]
        names = tuple(name for _, name in path)
        for first, last in _sentences_of(text, start, end):
            sentences.append(Sentence(first, last, number, names))
    return sentences


def _blocks(text: str, markdown: bool) -> list[tuple[int, int]]:
    blocks: list[tuple[int, int]] = []
    begin = 0
    for match in [*_BLANK.finditer(text), None]:
        end = match.start() if match else len(text)
        blocks.extend(_lines_or_whole(text, begin, end, markdown))
        begin = match.end() if match else end
    return [trimmed for start, end in blocks if (trimmed := _trim(text, start, end))]


def _lines_or_whole(text: str, start: int, end: int, markdown: bool) -> list[tuple[int, int]]:
    lines = []
    begin = start
    for match in _NEWLINE.finditer(text, start, end):
        lines.append((begin, match.start()))
        begin = match.end()
    lines.append((begin, end))
    lines = [line for line in lines if text[line[0] : line[1]].strip()]
    if not lines:
        return []
    groups: list[tuple[int, int]] = []
    run: tuple[int, int] | None = None
    for line in lines:
        content = text[line[0] : line[1]]
        if markdown and _MARKDOWN_HEADING.match(content):
            if run:
                groups.append(run)
            groups.append(line)
            run = None
        elif run is not None and _wrapped(text[run[0] : run[1]], content):
            run = (run[0], line[1])
        else:
            if run:
                groups.append(run)
            run = line
    if run:
        groups.append(run)
    return groups


def _wrapped(before: str, line: str) -> bool:
    """Whether `line` goes on the paragraph that ends with the last line of `before`."""
    last = _NEWLINE.split(before)[-1].strip()
    first = line.lstrip()
    if first[:2] in ("- ", "* ", "+ ") or re.match(r"\d{1,3}[.)]\s", first) or first.startswith(("|", ">", "#")):
        return False
    return _WRAP_MIN <= len(last) <= _WRAP_MAX and len(line.strip()) <= _WRAP_MAX


def _sentences_of(text: str, start: int, end: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for begin in range(start, end, MAX_BLOCK):
        piece = text[begin : min(begin + MAX_BLOCK, end)]
        found.extend((begin + first, begin + last) for first, last in _boundaries(piece))
    return [trimmed for first, last in found if (trimmed := _trim(text, first, last))]


def _boundaries(piece: str) -> list[tuple[int, int]]:
    """Contiguous sentence borders of a piece, from the library's, checked: they must cover the piece in order."""
    cuts = sorted({int(b["end_index"]) for b in sentencex.get_sentence_boundaries("en", piece)})
    cuts = [cut for cut in cuts if 0 < cut < len(piece)] + [len(piece)]
    return list(zip([0, *cuts[:-1]], cuts, strict=True))


def _trim(text: str, start: int, end: int) -> tuple[int, int] | None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else None
