"""Sentences and their blocks in a text, as exact offsets."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import sentencex

from index.text.markdown import markdown_headings

# sentencex takes nearly quadratic time on huge blocks, and its rules need only local context.
MAX_BLOCK = 20_000
# The groups are atomic: a CRLF matched in two halves would be two line breaks, that is, a blank line.
_BLANK = re.compile(r"(?>\r\n|\r|\n|\u2029)[^\S\r\n\u2029]*(?>\r\n|\r|\n|\u2029)+|\f|\u2029")
_NEWLINE = re.compile(r"\r\n|\r|\n|\u2028")
# The range of line lengths in a hard-wrapped paragraph, except for its last line.
_WRAP_MIN, _WRAP_MAX = 45, 130
# Narrow columns are recognised by sentences that continue: a line ends within one, and the next begins within one.
_NARROW_MIN = 20
# In characters; the cells of longer rows contain whole sentences.
_SHORT_ROW = 600

# Abbreviations of which no sentence ends, beside those that the library knows.
_ABBREVIATED = re.compile(r"(?<!\w)(?:Ms|Mx|Figs|Eqs?|Vols?|approx)\.\s*\Z")
_LONGEST_ABBREVIATION = 12

# What a single line break in a text means: the end of a paragraph, the edge of the column that the text is set in, or
# either of the two, to be guessed from the lines.
LineBreaks = Literal["end", "wrap", "guess"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence `[start, end)` in code points, without surrounding white space.

    `block` is the number of its paragraph; `heading` is the path of headings above it; `in_row` means that the block is
    a table row.
    """

    start: int
    end: int
    block: int
    heading: tuple[str, ...] = ()
    in_row: bool = False


def split_sentences(
    text: str,
    *,
    markdown: bool = False,
    headings: Mapping[int, tuple[int, str]] | None = None,
    rows: Sequence[tuple[int, int]] = (),
    line_breaks: LineBreaks = "guess",
) -> list[Sentence]:
    """The sentences of a text in order. Together they cover every character that is not white space.

    A blank line or form feed ends a paragraph; `line_breaks` says what a single line break does. Every heading is a
    separate block: `headings` maps offsets to level and title, and defaults to Markdown's headings if `markdown` is
    true. So is each of `rows`, the `[start, end)` of table rows in order; a short row is a single sentence.
    """
    sentences: list[Sentence] = []
    if headings is None:
        headings = markdown_headings(text) if markdown else {}
    waiting = sorted(headings.items(), reverse=True)
    path: list[tuple[int, str]] = []
    for number, (start, end, in_row) in enumerate(_blocks_and_rows(text, headings, rows, line_breaks)):
        while waiting and waiting[-1][0] <= start:
            level, title = waiting.pop()[1]
            path = [(other, name) for other, name in path if other < level] + [(level, title)]
        names = tuple(name for _, name in path)
        whole = in_row and end - start <= _SHORT_ROW
        for first, last in [(start, end)] if whole else _sentences_of(text, start, end):
            sentences.append(Sentence(first, last, number, names, in_row))
    return sentences


def sentences_around(sentences: Sequence[Sentence], start: int, end: int, *, more: int = 0) -> tuple[int, int]:
    """`[start, end)` of the sentences that a span touches, with `more` sentences on either side; the span itself if it
    touches none."""
    touched = [number for number, s in enumerate(sentences) if s.start < end and start < s.end]
    if not touched:
        return start, end
    last = min(len(sentences) - 1, touched[-1] + more)
    return sentences[max(0, touched[0] - more)].start, sentences[last].end


def _blocks_and_rows(
    text: str, headings: Container[int], rows: Sequence[tuple[int, int]], line_breaks: LineBreaks
) -> Iterator[tuple[int, int, bool]]:
    begin = 0
    for start, end in [*rows, (len(text), len(text))]:
        yield from ((first, last, False) for first, last in _blocks(text, begin, start, headings, line_breaks))
        if trimmed := _trim(text, max(begin, start), end):
            yield (*trimmed, True)
        begin = max(begin, end)


def _blocks(
    text: str, begin: int, stop: int, headings: Container[int], line_breaks: LineBreaks
) -> list[tuple[int, int]]:
    blocks: list[tuple[int, int]] = []
    for match in [*_BLANK.finditer(text, begin, stop), None]:
        end = match.start() if match else stop
        blocks.extend(_lines_or_whole(text, begin, end, headings, line_breaks))
        begin = match.end() if match else end
    return [trimmed for start, end in blocks if (trimmed := _trim(text, start, end))]


def _lines_or_whole(
    text: str, start: int, end: int, headings: Container[int], line_breaks: LineBreaks
) -> list[tuple[int, int]]:
    lines = []
    begin = start
    for match in _NEWLINE.finditer(text, start, end):
        lines.append((begin, match.start()))
        begin = match.end()
    lines.append((begin, end))
    lines = [trimmed for line in lines if (trimmed := _trim(text, *line))]
    groups: list[tuple[int, int]] = []
    run: tuple[int, int] | None = None
    before = ""
    for line in lines:
        content = text[line[0] : line[1]]
        if line[0] in headings:
            if run:
                groups.append(run)
            groups.append(line)
            run = None
        elif run is not None and _goes_on(before, content, line_breaks):
            run = (run[0], line[1])
        else:
            if run:
                groups.append(run)
            run = line
        before = content
    if run:
        groups.append(run)
    return groups


def _goes_on(before: str, line: str, line_breaks: LineBreaks) -> bool:
    """Whether `line` continues the paragraph whose last line is `before`; both trimmed."""
    if line_breaks == "end" or line[:2] in ("- ", "* ", "+ ", "• ") or re.match(r"\d{1,3}[.)]\s", line):
        return False
    if line_breaks == "wrap":
        # Table cells are not lines of a paragraph.
        return "\t" not in before and "\t" not in line
    if line.startswith(("|", ">", "#")):
        return False
    if len(before) > _WRAP_MAX or len(line) > _WRAP_MAX:
        return False
    return len(before) >= _WRAP_MIN or (
        len(before) >= _NARROW_MIN and line[0].islower() and (before[-1].isalnum() or before[-1] in ",-")
    )


def _sentences_of(text: str, start: int, end: int) -> list[tuple[int, int]]:
    sentences: list[tuple[int, int]] = []
    begin = start
    while begin < end:
        piece = text[begin : min(begin + MAX_BLOCK, end)]
        cuts = _boundaries(piece)
        if begin + len(piece) < end:
            # The last sentence may continue beyond this piece, so the next one starts with it. If it fills the piece,
            # it is cut at a space.
            cuts = cuts[:-1] or [(0, piece.rfind(" ") + 1 or len(piece))]
        sentences.extend((begin + first, begin + last) for first, last in cuts)
        begin += cuts[-1][1]
    return [trimmed for first, last in sentences if (trimmed := _trim(text, first, last))]


def _boundaries(piece: str) -> list[tuple[int, int]]:
    """Contiguous sentences of a piece from the library's boundaries, checked to cover the piece in order."""
    cuts = sorted({int(b["end_index"]) for b in sentencex.get_sentence_boundaries("en", piece)})
    inner = [cut for cut in cuts if 0 < cut < len(piece)]
    cuts = [cut for cut in inner if not _ABBREVIATED.search(piece[max(0, cut - _LONGEST_ABBREVIATION) : cut])]
    cuts.append(len(piece))
    return list(zip([0, *cuts[:-1]], cuts, strict=True))


def _trim(text: str, start: int, end: int) -> tuple[int, int] | None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else None
