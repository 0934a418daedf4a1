"""What was filled in or typed onto a page: the values of form fields, and text annotations, at their place."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

from index.loading.formats.pdf.glyphs import SPACE, Glyph, turned

_HIDDEN = 0x2 | 0x20
_MULTILINE = 1 << 12
_PASSWORD = 1 << 13
MOST_FIELDS = 5_000
_MOST_CHARACTERS = 100_000
# Of the size of the font: the width of a character, and the distance of lines.
_WIDE, _LEADING = 0.5, 1.17
_USUAL_SIZE = 12.0


def field_glyphs(page: Any, form: Any, angle: int = 0) -> list[Glyph]:
    """The values on a PDFium page, in the frame in which text that is turned by `angle` degrees stands upright.

    `form` is the form environment of its document, None if it has none.
    """
    from pypdfium2 import raw

    glyphs: list[Glyph] = []
    for number in range(min(raw.FPDFPage_GetAnnotCount(page.raw), MOST_FIELDS)):
        annotation = raw.FPDFPage_GetAnnot(page.raw, number)
        if not annotation:
            continue
        try:
            if not raw.FPDFAnnot_GetFlags(annotation) & _HIDDEN:
                glyphs += _glyphs(annotation, form, angle)
        finally:
            raw.FPDFPage_CloseAnnot(annotation)
    return glyphs


def _glyphs(annotation: Any, form: Any, angle: int) -> Iterator[Glyph]:
    from pypdfium2 import raw

    kind = raw.FPDFAnnot_GetSubtype(annotation)
    if kind == raw.FPDF_ANNOT_FREETEXT:
        text, several = _string(raw.FPDFAnnot_GetStringValue, annotation, b"Contents"), True
    elif kind == raw.FPDF_ANNOT_WIDGET and form is not None:
        text, several = _value(annotation, form)
    else:
        return
    box = raw.FS_RECTF()
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()[:_MOST_CHARACTERS]
    if not text or not raw.FPDFAnnot_GetRect(annotation, ctypes.byref(box)):
        return
    left, bottom, right, top = turned((box.left, box.bottom, box.right, box.top), angle)
    size = _font_size(annotation, form, top - bottom, several)
    lines = _wrapped(text, max(1, int((right - left) / (_WIDE * size)))) if several else [" ".join(text.split())]
    middle = top - 0.6 * _LEADING * size - 2 if several and top - bottom > 2 * size else (bottom + top) / 2
    for number, line in enumerate(lines):
        width = min(_WIDE * size, (right - left) / max(1, len(line)))
        low = middle - (number + 0.5) * _LEADING * size + (0.5 * (len(lines) - 1) if not several else 0)
        yield SPACE
        for place, char in enumerate(line):
            if char >= " ":
                at = left + place * width
                high = low + _LEADING * size
                on_page = turned((at, low, at + width, high), -angle) if angle else None
                yield Glyph(char, at, at + width, low, high, size, low + 0.22 * size, on_page)


def _value(annotation: Any, form: Any) -> tuple[str, bool]:
    """What a field shows, and whether on several lines."""
    from pypdfium2 import raw

    kind = raw.FPDFAnnot_GetFormFieldType(form, annotation)
    flags = raw.FPDFAnnot_GetFormFieldFlags(form, annotation)
    if kind in (raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON):
        return ("[x]" if raw.FPDFAnnot_IsChecked(form, annotation) else "[ ]"), False
    if kind in (raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX):
        chosen = [
            _string(raw.FPDFAnnot_GetOptionLabel, form, annotation, number)
            for number in range(min(raw.FPDFAnnot_GetOptionCount(form, annotation), MOST_FIELDS))
            if raw.FPDFAnnot_IsOptionSelected(form, annotation, number)
        ]
        return ", ".join(chosen) or _string(raw.FPDFAnnot_GetFormFieldValue, form, annotation), False
    if kind == raw.FPDF_FORMFIELD_TEXTFIELD and not flags & _PASSWORD:
        return _string(raw.FPDFAnnot_GetFormFieldValue, form, annotation), bool(flags & _MULTILINE)
    return "", False


def _string(function: Any, *arguments: Any) -> str:
    """A string that PDFium writes into a buffer, as UTF-16."""
    from pypdfium2 import raw

    length = function(*arguments, None, 0)
    if not 2 < length <= 4 * _MOST_CHARACTERS:
        return ""
    buffer = ctypes.create_string_buffer(length)
    function(*arguments, ctypes.cast(buffer, ctypes.POINTER(raw.FPDF_WCHAR)), length)
    return buffer.raw[: length - 2].decode("utf-16-le", "ignore")


def _font_size(annotation: Any, form: Any, height: float, several: bool) -> float:
    from pypdfium2 import raw

    size = ctypes.c_float()
    stated = form is not None and raw.FPDFAnnot_GetFontSize(form, annotation, ctypes.byref(size)) and size.value
    usual = size.value if stated else _USUAL_SIZE
    return max(2.0, usual if several else min(usual, height / _LEADING))


def _wrapped(text: str, width: int) -> list[str]:
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            if line and len(line) + 1 + len(word) > width:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}" if line else word
        lines.append(line)
    return lines
