"""Where the words of a document stand on its pages: from a span of its text to boxes, line by line.

Kept for each page are the lines, each with its box, and for each character how far it is from the one before and how
wide, in twentieths of a point; all of it packed as small numbers and compressed.
"""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from index.loading.formats.pdf.glyphs import Box, Glyph

_STEPS = 20
# A page has no more characters than this; damaged data must not take all memory.
_MOST_BYTES = 64 * 1024 * 1024
# In heights of a line: a glyph so much higher or lower than the line before begins another.
_LEVEL = 0.5


@dataclass(frozen=True, slots=True)
class Region:
    """A box on a page as it is shown: points from its upper left corner."""

    page: int
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class PageFrame:
    """How a page is shown: its crop box in its own coordinates, turned clockwise by `rotation` degrees."""

    left: float
    bottom: float
    right: float
    top: float
    rotation: int = 0

    def shown(self, box: Box) -> Box:
        """A box (left, bottom, right, top) of the page as it is shown: left, upper, right and lower edge."""
        left, bottom, right, top = box
        x0, x1, up0, up1 = left - self.left, right - self.left, self.top - top, self.top - bottom
        wide, high = self.right - self.left, self.top - self.bottom
        if self.rotation == 90:
            return high - up1, x0, high - up0, x1
        if self.rotation == 180:
            return wide - x1, high - up1, wide - x0, high - up0
        if self.rotation == 270:
            return up0, wide - x1, up1, wide - x0
        return x0, up0, x1, up1


def encode_page(glyphs: Sequence[Glyph], frame: PageFrame) -> bytes:
    """The places of a page's characters, in the order of its text; those without a box are passed over."""
    numbers: list[int] = [len(glyphs)]
    for start, boxes in _lines(glyphs, frame):
        x0, y0 = round(boxes[0][0] * _STEPS), round(min(box[1] for box in boxes) * _STEPS)
        height = round(max(box[3] for box in boxes) * _STEPS) - y0
        numbers += (start, len(boxes), x0, y0, height)
        reach = x0
        for left, _, right, _ in boxes:
            first, last = round(left * _STEPS), round(right * _STEPS)
            numbers += (first - reach, last - first)
            reach = last
    return zlib.compress(bytes(_varints(numbers)), 6)


@dataclass(frozen=True, slots=True)
class _Line:
    """Characters `[start, start + len(edges))` of a page, each with its left and right edge; upper and lower edge."""

    start: int
    edges: tuple[tuple[int, int], ...]
    upper: int
    lower: int


class Places:
    """The places of a document's characters. `pages` are number, `[start, end)` in the text, and encoded places."""

    def __init__(self, pages: Iterable[tuple[int, int, int, bytes]]) -> None:
        self._pages = sorted(pages, key=lambda page: page[1])

    @property
    def size(self) -> int:
        """The bytes that the places take."""
        return sum(len(encoded) for *_, encoded in self._pages)

    def regions(self, start: int, end: int) -> list[Region]:
        """The boxes of the characters `[start, end)` of the text, one for each line that they stand on."""
        first = max(0, bisect_right(self._pages, start, key=lambda page: page[1]) - 1)
        regions: list[Region] = []
        for number, begin, stop, encoded in self._pages[first:]:
            if begin >= end:
                break
            if stop > start:
                regions += _regions(number, _decoded(encoded), max(start, begin) - begin, min(end, stop) - begin)
        return regions


def _regions(page: int, lines: Iterable[_Line], start: int, end: int) -> Iterator[Region]:
    for line in lines:
        edges = line.edges[max(0, start - line.start) : max(0, end - line.start)]
        # Spaces between words have no box; where only such are asked for, there is nothing to show.
        drawn = [(left, right) for left, right in edges if right > left]
        if drawn:
            left, right = min(left for left, _ in drawn), max(right for _, right in drawn)
            yield Region(page, left / _STEPS, line.upper / _STEPS, right / _STEPS, line.lower / _STEPS)


def _lines(glyphs: Sequence[Glyph], frame: PageFrame) -> Iterator[tuple[int, list[Box]]]:
    """For each line of the text its first character, and the boxes of its characters as they are shown.

    A character without a box has an empty one where the one before ends.
    """
    start, boxes = 0, list[Box]()
    for number, glyph in enumerate(glyphs):
        if glyph.right <= glyph.left and glyph.place is None:
            if boxes:
                _, upper, right, lower = boxes[-1]
                boxes.append((right, upper, right, lower))
            continue
        box = frame.shown(glyph.place or (glyph.left, glyph.bottom, glyph.right, glyph.top))
        if boxes and not _is_level(boxes[-1], box):
            yield start, boxes
            boxes = []
        if not boxes:
            start = number
        boxes.append(box)
    if boxes:
        yield start, boxes


def _is_level(before: Box, box: Box) -> bool:
    overlap = min(before[3], box[3]) - max(before[1], box[1])
    return overlap > _LEVEL * min(before[3] - before[1], box[3] - box[1])


def _decoded(encoded: bytes) -> Iterator[_Line]:
    """The lines of a page. Raises ValueError if they are damaged."""
    unpacker = zlib.decompressobj()
    try:
        numbers = _numbers(unpacker.decompress(encoded, _MOST_BYTES))
        next(numbers)
        for start in numbers:
            count, x0, upper, height = (next(numbers) for _ in range(4))
            edges: list[tuple[int, int]] = []
            reach = x0
            for _ in range(count):
                left = reach + next(numbers)
                reach = left + next(numbers)
                edges.append((left, reach))
            yield _Line(start, tuple(edges), upper, upper + height)
    except (zlib.error, StopIteration, RuntimeError) as error:
        raise ValueError("places on a page that cannot be decoded") from error


def _varints(numbers: Iterable[int]) -> Iterator[int]:
    """Numbers in bytes of seven bits, those near zero in one: the sign is the lowest bit."""
    for number in numbers:
        rest = number << 1 if number >= 0 else (-number << 1) - 1
        while rest >= 0x80:
            yield rest & 0x7F | 0x80
            rest >>= 7
        yield rest


def _numbers(data: bytes) -> Iterator[int]:
    rest = shift = 0
    for byte in data:
        rest |= (byte & 0x7F) << shift
        if byte & 0x80:
            shift += 7
        else:
            yield rest >> 1 if rest & 1 == 0 else -((rest + 1) >> 1)
            rest = shift = 0
