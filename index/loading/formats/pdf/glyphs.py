"""The characters of a page as PDFium gives them, turned upright."""

from __future__ import annotations

import ctypes
import math
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

Box = tuple[float, float, float, float]


class Glyph(NamedTuple):
    """A character and its box in points, from the lower left corner of the page. A space that was inserted between
    words, not drawn, has no box.

    `size` is the size of its font and `base` the height of its baseline; both 0 if unknown. `place` is its box on the
    page (left, bottom, right, top) where the other figures are those of a frame in which the text stands upright.
    """

    char: str
    left: float
    right: float
    bottom: float
    top: float
    size: float = 0.0
    base: float = 0.0
    place: Box | None = None


SPACE = Glyph(" ", 0.0, 0.0, 0.0, 0.0)
TAB = Glyph("\t", 0.0, 0.0, 0.0, 0.0)
NEWLINE = Glyph("\n", 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class PageGlyphs:
    """The characters of a page: those of the body, and those of each other direction in a frame of its own.

    `angle` is that of the body's lines on the page, in degrees; `unmapped` is the share of characters that the fonts do
    not map to Unicode.
    """

    body: list[Glyph]
    turned: list[list[Glyph]]
    angle: int
    unmapped: float


_HYPHENS = {0x02: "-", 0xFFFE: "-"}
# White space, and a hyphen at the end of a line; no other control characters.
_KEPT = {0x02, 0x09, 0x20}
# PDFium's rectangle: left, top, right, bottom.
_BOX = struct.Struct("4f")
# Text within this angle of the horizontal is upright: scans that were made readable are seldom quite straight.
_STRAIGHT = 0.1
# A page that has this share of its characters upright is read upright.
_UPRIGHT_SHARE = 0.3
_SAMPLED = 8
# The box of a line is higher than its font by about this factor.
_LEADING = 1.15


@lru_cache(maxsize=1)
def _functions() -> tuple[Callable[..., Any], ...]:
    """PDFium's functions with plain addresses as arguments: they are called for every character."""
    from pypdfium2 import raw

    def plain(function: Any, result: Any, *arguments: Any) -> Callable[..., Any]:
        address = ctypes.cast(function, ctypes.c_void_p).value or 0
        return ctypes.PYFUNCTYPE(result, ctypes.c_void_p, ctypes.c_int, *arguments)(address)

    pointer = ctypes.c_void_p
    return (
        plain(raw.FPDFText_GetUnicode, ctypes.c_uint),
        plain(raw.FPDFText_GetTextObject, pointer),
        plain(raw.FPDFText_GetLooseCharBox, ctypes.c_int, pointer),
        plain(raw.FPDFText_GetMatrix, ctypes.c_int, pointer),
        plain(raw.FPDFText_GetCharOrigin, ctypes.c_int, pointer, pointer),
        plain(raw.FPDFText_GetFontSize, ctypes.c_double),
        plain(raw.FPDFText_HasUnicodeMapError, ctypes.c_int),
    )


def read_glyphs(text_page: Any, rotation: int = 0) -> PageGlyphs:
    """The characters of a PDFium text page, which is shown turned clockwise by `rotation` degrees."""
    from pypdfium2 import raw

    _, object_at, box_at, matrix_at, origin_at, size_at, unmapped_at = _functions()
    handle = ctypes.cast(text_page.raw, ctypes.c_void_p)
    box, matrix = bytearray(_BOX.size), raw.FS_MATRIX()
    x, y = ctypes.c_double(), ctypes.c_double()
    to_box = ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(box)))
    to_matrix, to_x, to_y = ctypes.addressof(matrix), ctypes.addressof(x), ctypes.addressof(y)
    groups: dict[int, list[Glyph]] = {}
    origins: dict[int, list[tuple[float, float]]] = {}
    glyphs: list[Glyph] = []
    angle, size, base = 0, 0.0, 0.0
    last_bottom = last_top = math.nan
    sampled = unmapped = 0
    make, unpack = tuple.__new__, _BOX.unpack_from
    for number, code in enumerate(_codes(text_page)):
        if code <= 32:
            if code not in _KEPT:
                continue
            if object_at(handle, number) is None:
                glyphs.append(SPACE)
                continue
        elif 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
            continue
        box_at(handle, number, to_box)
        left, top, right, bottom = unpack(box)
        # Characters of one line have boxes of one height, but for those of another font.
        if bottom != last_bottom or top != last_top:
            last_bottom, last_top = bottom, top
            matrix_at(handle, number, to_matrix)
            origin_at(handle, number, to_x, to_y)
            size = size_at(handle, number) * math.hypot(matrix.c, matrix.d)
            base = y.value
            turn = math.remainder(math.atan2(matrix.b, matrix.a) - math.radians(rotation), 2 * math.pi)
            angle = 0 if abs(turn) < _STRAIGHT else round(math.degrees(turn)) % 360
            glyphs = groups.setdefault(angle, [])
        if number % _SAMPLED == 0:
            sampled += 1
            unmapped += unmapped_at(handle, number) == 1
        if angle:
            origin_at(handle, number, to_x, to_y)
            origins.setdefault(angle, []).append((x.value, y.value))
        char = _HYPHENS.get(code) or chr(code)
        glyphs.append(make(Glyph, (char, left, right, bottom, top, size, base, None)))
    sizes = Counter({angle: len(group) for angle, group in groups.items()})
    total = sum(sizes.values())
    main = 0 if not total or sizes[0] >= _UPRIGHT_SHARE * total else sizes.most_common(1)[0][0]
    frames = {
        angle: _upright(group, origins.get(angle, []), (angle + rotation) % 360) for angle, group in groups.items()
    }
    body = frames.pop(main, [])
    others = [frames[angle] for angle in sorted(frames)]
    return PageGlyphs(body, others, (main + rotation) % 360, unmapped / sampled if sampled else 0.0)


def turned(box: Box, angle: float) -> Box:
    """The box (left, bottom, right, top) in a frame that is turned by `angle` degrees."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    corners = [(x * cos + y * sin, y * cos - x * sin) for x in (box[0], box[2]) for y in (box[1], box[3])]
    across, up = [x for x, _ in corners], [y for _, y in corners]
    return min(across), min(up), max(across), max(up)


def _codes(text_page: Any) -> Sequence[int]:
    """The code point of each character of a text page."""
    from pypdfium2 import raw

    count = raw.FPDFText_CountChars(text_page.raw)
    text = (ctypes.c_ushort * (count + 1))()
    if raw.FPDFText_GetText(text_page.raw, 0, count, text) == count + 1:
        codes: list[int] = text[:count]
        # All at once, unless some have two units, or none, in the text as a whole.
        if not any(0xD800 <= code <= 0xDFFF for code in set(codes)):
            return codes
    unicode_at = _functions()[0]
    handle = ctypes.cast(text_page.raw, ctypes.c_void_p)
    return [unicode_at(handle, number) for number in range(count)]


def _upright(glyphs: list[Glyph], origins: Sequence[tuple[float, float]], angle: int) -> list[Glyph]:
    """The glyphs of one direction, in a frame in which they stand upright."""
    if angle == 0 or not glyphs:
        return glyphs
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    upright: list[Glyph] = []
    # Characters of the main direction of a page that is shown turned have no origins of their own.
    waiting = iter(origins)
    for glyph in glyphs:
        if glyph is SPACE:
            upright.append(glyph)
            continue
        left, bottom, right, top = glyph.left, glyph.bottom, glyph.right, glyph.top
        origin = next(waiting, None)
        if angle % 90 == 0:
            first, low, last, high = turned((left, bottom, right, top), angle)
            base = low + 0.2 * (high - low) if origin is None else origin[1] * cos - origin[0] * sin
        else:
            # The box around a slanted character is larger than the character.
            height = _LEADING * glyph.size
            wide, high = right - left, top - bottom
            length = (
                (wide - height * abs(sin)) / abs(cos) if abs(cos) >= abs(sin) else (high - height * abs(cos)) / abs(sin)
            )
            x, y = origin if origin is not None else (left, bottom)
            first, base = x * cos + y * sin, y * cos - x * sin
            last = first + max(length, 0.1 * glyph.size)
            low, high = base - 0.25 * glyph.size, base + 0.9 * glyph.size
        upright.append(Glyph(glyph.char, first, last, low, high, glyph.size, base, (left, bottom, right, top)))
    return upright
