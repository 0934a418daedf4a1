"""A text as models and search should see it, with a mapping back to the text itself.

Stored and cited is always the text of the source. For reading and searching, words hyphenated at the end of a line are
joined, ligatures, decorated letters and soft hyphens are resolved, and the cells of a table row get the names of their
columns: "Oslo,717710" is seen as "City: Oslo; Population: 717710" (a tab behind the semicolon).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

# Between the names of columns, at the end of a passage's context.
COLUMNS = " | "
# A word hyphenated at the end of a line: the hyphen, the line break, and the indentation of the next line. The pattern
# starts with the hyphen and then looks behind, so that it is only tried at hyphens.
_DIVIDED = re.compile(r"[-\u2010\u00ad](?<=[^\W_][-\u2010\u00ad])[ \t]*(?:\r\n|\r|\n)[ \t]*(?=[^\W_])")
# Ligatures, full-width letters, and the bold, script and Fraktur letters that people decorate posts with: a model does
# not recognise them as the letters they show.
_DRAWN = "\ufb00-\ufb06\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\U0001d400-\U0001d7ff"
_CHANGED = re.compile(f"{_DIVIDED.pattern}|[\u00ad{_DRAWN}]")
_DRAWN_LETTER = re.compile(f"[{_DRAWN}]")
_WORD_AROUND = re.compile(r"[^\W_]+")
_LABELLED = re.compile(r"([^\t\r\n]{0,60}[^\t\r\n.:;,!?])\t[^\t\r\n]++")
# Decimal commas are common between semicolons, and semicolons rare between commas.
_SEPARATORS = "\t|;,"
# Parts one cell from the next where a row is seen with the names of its columns. To tokenisers a tab is a space; to
# `index.text.borders` it ends a cell.
_NEXT_CELL = ";\t"


@dataclass(frozen=True, slots=True)
class Legible:
    """A text to be read. `origin` gives the offset of each character in the source text, -1 for inserted characters;
    None if the two texts are the same."""

    text: str
    origin: tuple[int, ...] | None = None

    def span_in_source(self, start: int, end: int) -> tuple[int, int] | None:
        """The span of the source text for `[start, end)`; None if all of it was inserted."""
        if self.origin is None:
            return start, end
        offsets = [offset for offset in self.origin[start:end] if offset >= 0]
        return (offsets[0], offsets[-1] + 1) if offsets else None

    def span_of_source(self, start: int, end: int) -> tuple[int, int] | None:
        """Where the source's span `[start, end)` stands in this text; None where nothing of it does."""
        if self.origin is None:
            return start, end
        found = [place for place, offset in enumerate(self.origin) if start <= offset < end]
        return (found[0], found[-1] + 1) if found else None


def legible(text: str, context: str = "") -> Legible:
    """The text of a passage as it should be read; `context` may end with the names of its columns."""
    named = _named_cells(text, context) or _labelled(text)
    if named is not None:
        return named
    if not _CHANGED.search(text):
        return Legible(text)
    pieces: list[str] = []
    origin: list[int] = []
    _add(pieces, origin, text, 0, len(text))
    return Legible("".join(pieces), tuple(origin))


def searchable(text: str) -> str:
    """A text for lexical search, with hyphenated words also joined and decorated words also in plain letters.

    Both forms are kept, since a hyphen at the end of a line may be part of the word.
    """
    whole = []
    for match in _DIVIDED.finditer(text):
        before = re.search(r"[^\W_]+$", text[max(0, match.start() - 60) : match.start()])
        after = _WORD_AROUND.match(text, match.end())
        if before and after:
            whole.append(before.group() + after.group())
    plain = text.replace("\u00ad", "")
    if _DRAWN_LETTER.search(plain):
        words = _WORD_AROUND.findall(plain)
        whole += [unicodedata.normalize("NFKC", word) for word in words if _DRAWN_LETTER.search(word)]
    return f"{plain}\n{' '.join(whole)}" if whole else plain


def cells(text: str) -> list[tuple[int, int]]:
    """The offsets of the cells of a table row, without quotes: between tabs if there are any, else by the separator
    that makes the most of them."""
    splits = [_split(text, separator) for separator in _SEPARATORS]
    return splits[0] if "\t" in text else max(splits, key=len)


def outer_cells(text: str, columns: int | None = None) -> list[tuple[int, int]]:
    """As `cells`, but with the quotes around them; the separator is the one that comes nearest to `columns`."""
    spans = cells(text) if columns is None else _cells_of(text, columns)
    return [
        (start - 1, end + 1) if start > 0 and text[start - 1] == '"' and text[end : end + 1] == '"' else (start, end)
        for start, end in spans
    ]


def columns_of(context: str) -> list[str]:
    """The names of the columns at the end of a passage's context, "" for a column without one; [] where there are
    none."""
    names = context.rpartition(" > ")[2].split(COLUMNS)
    return names if len(names) > 1 else []


def named_cells(text: str, context: str) -> list[tuple[str, int, int]]:
    """The cells `[start, end)` of a passage that is a table row, each with the name of its column; [] for another.

    A row may have fewer cells than there are columns: those at its end are missing. Of one with more it is not known
    which is which, so that none gets a name.
    """
    names = columns_of(context)
    if not names:
        return []
    spans = _cells_of(text, len(names))
    if len(spans) < 2:
        return []
    if any(start < end for start, end in spans[len(names) :]):
        names = [""] * len(spans)
    return [(name, start, end) for name, (start, end) in zip(names, spans, strict=False)]


def _cells_of(text: str, columns: int) -> list[tuple[int, int]]:
    """The cells of a row by the separator that makes as many of them as there are columns, or comes nearest."""
    splits = [_split(text, separator) for separator in _SEPARATORS]
    return min(splits, key=lambda split: (len(split) < 2, abs(len(split) - columns)))


def _named_cells(text: str, context: str) -> Legible | None:
    pieces: list[str] = []
    origin: list[int] = []
    for name, start, end in named_cells(text, context):
        if start == end:
            continue
        put_in = f"{_NEXT_CELL if pieces else ''}{name}{': ' if name else ''}"
        pieces.append(put_in)
        origin.extend([-1] * len(put_in))
        _add(pieces, origin, text, start, end)
    return Legible("".join(pieces), tuple(origin)) if pieces else None


def _labelled(text: str) -> Legible | None:
    """A row of two cells, of which the first names the second, with a colon between them."""
    match = _LABELLED.fullmatch(text)
    if match is None or not any(map(str.isalpha, match[1])) or not text[match.end(1) :].strip():
        return None
    pieces: list[str] = []
    origin: list[int] = []
    _add(pieces, origin, text, *match.span(1))
    pieces.append(":")
    origin.append(-1)
    _add(pieces, origin, text, match.end(1), len(text))
    return Legible("".join(pieces), tuple(origin))


def _add(pieces: list[str], origin: list[int], text: str, start: int, end: int) -> None:
    begin = start
    for match in _CHANGED.finditer(text, start, end):
        pieces.append(text[begin : match.start()])
        origin.extend(range(begin, match.start()))
        seen = _seen(text, match)
        pieces.append(seen)
        origin.extend([match.start()] * len(seen))
        begin = match.end()
    pieces.append(text[begin:end])
    origin.extend(range(begin, end))


def _seen(text: str, match: re.Match[str]) -> str:
    changed = match.group()
    if changed[0] == "\u00ad":
        return ""
    if len(changed) > 1:
        # Between two lower-case letters the hyphen comes from the line break; before a capital or a digit it is part of
        # the word.
        divided = text[match.start() - 1].isalpha() and text[match.end()].islower()
        return "" if divided else changed[0]
    return unicodedata.normalize("NFKC", changed)


def _split(text: str, separator: str) -> list[tuple[int, int]]:
    """The cells between separators; cells in double quotes may contain them (RFC 4180), except between tabs."""
    spans: list[tuple[int, int]] = []
    begin = 0
    while begin <= len(text):
        closing = (
            _closing_quote(text, begin, separator) if separator != "\t" and text[begin : begin + 1] == '"' else None
        )
        if closing is not None:
            spans.append((begin + 1, closing))
            begin = closing + 2
            if begin > len(text):
                return spans
            continue
        stop = _end_of_cell(text, begin, separator)
        first, last = begin, stop
        while first < last and text[first].isspace():
            first += 1
        while last > first and text[last - 1].isspace():
            last -= 1
        spans.append((first, last))
        begin = stop + 1
    return spans


def _end_of_cell(text: str, begin: int, separator: str) -> int:
    stop = text.find(separator, begin)
    while separator == "|" and stop > 0 and text[stop - 1] == "\\":
        # An escaped bar is part of a cell (GitHub Flavored Markdown, section 4.10).
        stop = text.find(separator, stop + 1)
    return len(text) if stop < 0 else stop


def _closing_quote(text: str, begin: int, separator: str) -> int | None:
    """Where the quotation that opens at `begin` closes, if a separator or the end of the row follows."""
    at = begin + 1
    while (at := text.find('"', at)) >= 0:
        if text[at + 1 : at + 2] == '"':
            at += 2
        elif at + 1 == len(text) or text[at + 1] == separator:
            return at
        else:
            return None
    return None
