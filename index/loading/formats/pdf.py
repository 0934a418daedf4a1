"""PDF, by PDFium. Kept: the text of every page in reading order, columns one after the other; pages, and bookmarks as
headings. Title, author and date are those that the file states.

Not kept: pictures, and so the text of scanned pages; notes and form fields that are not drawn on the page. A word
divided at the end of a line stays divided, with its hyphen, as it stands on the page (see `index.text.legible`).
"""

from __future__ import annotations

import ctypes
import hashlib
import re
from pathlib import Path
from typing import Any

from index.documents import Document, Heading, Page
from index.errors import InputError
from index.loading.building import file_title, file_uri, one_line, person
from index.loading.dates import iso_date
from index.loading.formats.page_layout import Glyph, page_text
from index.loading.language import detect_language
from index.loading.registry import register

PAGE_BREAK = "\f"
MAX_BOOKMARKS = 5_000
# Longer titles are not sought on their page: one of a single word, over and over, may take the square of its length.
MAX_SOUGHT_TITLE = 300
# A page whose text PDFium cannot make out has characters that no font maps to Unicode.
_UNMAPPED = 0.5
_HYPHENS = {"\x02": "-", "\ufffe": "-"}
# Titles that a program wrote and no person: "Microsoft Word - report.doc", "untitled".
_NO_TITLE = re.compile(
    r"(?i)microsoft (word|powerpoint) - |untitled|document\d*$|.*\.(docx?|tex|dvi|indd|pptx?)$|\(anonymous\)"
)


@register(".pdf")
def load_pdf(path: Path, content: bytes) -> Document:
    """The text of a PDF file's pages."""
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise InputError(f"{path}: encrypted; save it without its password") from error
        raise InputError(f"{path}: damaged, or no PDF file ({error})") from error
    try:
        return _document(path, content, pdf)
    finally:
        pdf.close()


def _document(path: Path, content: bytes, pdf: Any) -> Document:
    pieces: list[str] = []
    pages: list[Page] = []
    length = 0
    count = len(pdf)
    unreadable = 0
    for number in range(1, count + 1):
        text = _page_text(pdf, number - 1)
        if text is None:
            unreadable += 1
            continue
        if not text:
            continue
        if pieces:
            pieces.append(PAGE_BREAK)
            length += len(PAGE_BREAK)
        pages.append(Page(number=number, start=length, end=length + len(text)))
        pieces.append(text)
        length += len(text)
    text = "".join(pieces)
    if not text.strip():
        if unreadable == count:
            raise InputError(f"{path}: damaged, none of its {count} pages can be read")
        raise InputError(
            f"{path}: has no text on its {count} page{'' if count == 1 else 's'}, only pictures: a scan; "
            "make its text readable with a program for character recognition (OCR) first"
        )
    stated = {name: one_line(str(value)) for name, value in pdf.get_metadata_dict().items() if value}
    title = stated.get("Title", "")
    if _NO_TITLE.match(title):
        title = ""
    return Document(
        uri=file_uri(path),
        title=title or file_title(path),
        own_title=bool(title),
        text=text,
        media_type="application/pdf",
        source_sha256=hashlib.sha256(content).hexdigest(),
        pages=tuple(pages),
        outline=tuple(_bookmarks(pdf, text, {page.number: page for page in pages})),
        date=iso_date(stated.get("CreationDate") or stated.get("ModDate")),
        author=person(stated.get("Author")),
        language=detect_language(text),
    )


def _page_text(pdf: Any, index: int) -> str | None:
    """The text of a page, "" where it has none, None where it cannot be read."""
    import pypdfium2

    try:
        page = pdf[index]
    except pypdfium2.PdfiumError:
        return None
    try:
        text_page = page.get_textpage()
        try:
            glyphs = _glyphs(text_page)
            if glyphs is None:
                return _clean(text_page.get_text_range())
            return _clean(page_text(glyphs))
        finally:
            text_page.close()
    except pypdfium2.PdfiumError:
        return None
    finally:
        page.close()


def _glyphs(text_page: Any) -> list[Glyph] | None:
    """The characters of a page with their boxes; None where they do not stand upright, so that lines cannot be told."""
    from pypdfium2 import raw

    handle = text_page.raw
    count = raw.FPDFText_CountChars(handle)
    box = raw.FS_RECTF()
    reference = ctypes.byref(box)
    unicode_at, box_at = raw.FPDFText_GetUnicode, raw.FPDFText_GetLooseCharBox
    generated_at, angle_at = raw.FPDFText_IsGenerated, raw.FPDFText_GetCharAngle
    glyphs: list[Glyph] = []
    turned = 0
    for number in range(count):
        char = chr(unicode_at(handle, number))
        if char in "\r\n\x00":
            continue
        if generated_at(handle, number) == 1:
            glyphs.append(Glyph(" ", 0.0, 0.0, 0.0, 0.0))
            continue
        if number % 16 == 0 and 0.1 < angle_at(handle, number) < 6.18:
            turned += 1
        box_at(handle, number, reference)
        glyphs.append(Glyph(_HYPHENS.get(char, char), box.left, box.right, box.bottom, box.top))
    return None if turned * 16 > count / 2 else glyphs


def _clean(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufffe", "-\n")
    return "".join(char for char in text if char >= " " or char in "\n\t").strip("\n ")


def _bookmarks(pdf: Any, text: str, pages: dict[int, Page]) -> list[Heading]:
    """Bookmarks as headings, where their words stand on the page that they lead to; else at its beginning."""
    found: list[Heading] = []
    for number, bookmark in enumerate(pdf.get_toc()):
        if number >= MAX_BOOKMARKS:
            break
        title = one_line(bookmark.get_title())
        target = bookmark.get_dest()
        index = target.get_index() if target else None
        page = pages.get(index + 1) if index is not None else None
        if not title or page is None:
            continue
        if len(title) > MAX_SOUGHT_TITLE:
            found.append(Heading(level=bookmark.level + 1, title=title, start=page.start))
            continue
        words = re.compile(r"\s+".join(re.escape(word) for word in title.split()), re.IGNORECASE)
        previous = found[-1].start if found else 0
        match = words.search(text, max(page.start, previous), page.end) or words.search(text, page.start, page.end)
        found.append(Heading(level=bookmark.level + 1, title=title, start=match.start() if match else page.start))
    return sorted(found, key=lambda heading: heading.start)
