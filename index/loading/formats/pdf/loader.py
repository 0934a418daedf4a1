"""PDF, by PDFium. Kept: the text of every page in reading order, columns one after the other, and what was filled into
its form; tables as rows; pages, and bookmarks as headings. Title, author and date are those that the file states; the
title may be the largest words of the first page.

Not kept: pictures, and so the text of scanned pages, which are named; notes, and numbers of lines. Heads and feet of
pages are paragraphs of their own. A word divided at the end of a line stays divided, with its hyphen, as it stands on
the page (see `index.text.legible`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from index.documents import Document, Page, Row, Unread
from index.errors import InputError
from index.loading.building import file_title, file_uri, one_line, person
from index.loading.dates import iso_date
from index.loading.formats.pdf.fields import field_glyphs
from index.loading.formats.pdf.glyphs import PageGlyphs, read_glyphs
from index.loading.formats.pdf.layout import PageText, TableRow, lay_out
from index.loading.formats.pdf.margins import RunningLines
from index.loading.formats.pdf.places import PageFrame, Places, encode_page
from index.loading.formats.pdf.readable import NONSENSE, is_nonsense, why_unread
from index.loading.formats.pdf.rules import Rules, read_rules
from index.loading.formats.pdf.titles import bookmarks, largest_words, stated_title, usual_size
from index.loading.language import detect_language
from index.loading.limits import MAX_RESULT_BYTES
from index.loading.progress import progress
from index.loading.registry import register

PAGE_BREAK = "\f"
# Heads and feet are known by the pages around them.
_AHEAD = 2
_DAMAGED = "damaged; it cannot be read"


@register(".pdf")
def load_pdf(path: Path, content: bytes) -> Document:
    """Load the text of a PDF file, page by page."""
    return _load(path, content, None)


def load_with_places(path: Path, content: bytes) -> tuple[Document, Places]:
    """Load a PDF file with the places of its words on the pages."""
    encoded: dict[int, bytes] = {}
    document = _load(path, content, encoded)
    return document, Places((page.number, page.start, page.end, encoded[page.number]) for page in document.pages)


def _load(path: Path, content: bytes, places: dict[int, bytes] | None) -> Document:
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise InputError(f"{path}: encrypted; save it without its password") from error
        raise InputError(f"{path}: damaged, or no PDF file ({error})") from error
    try:
        return _document(path, content, pdf, places)
    finally:
        pdf.close()


@dataclass(slots=True)
class _Assembly:
    """The text of a document so far, page by page."""

    pieces: list[str] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    title: str = ""
    length: int = 0
    # The last table: its last row, whether the page ended with it, and its head.
    last_row: TableRow | None = None
    ended: bool = False
    head: str = ""

    def add(self, number: int, page: PageText, text: str) -> None:
        if self.pieces:
            self.pieces.append(PAGE_BREAK)
            self.length += len(PAGE_BREAK)
        start = self.length
        self.pages.append(Page(number=number, start=start, end=start + len(text)))
        self.pieces.append(text)
        self.length += len(text)
        self._add_rows(page, text, start)

    def _add_rows(self, page: PageText, text: str, start: int) -> None:
        shift = 0
        for number, row in enumerate(page.rows):
            header = row.header
            if row.number == 1 or number == 0:
                shift = 0
                if self._goes_on(page, row, number):
                    if header and text[row.start : row.end] != self.head:
                        header = False
                    if not header and self.last_row is not None:
                        shift = self.rows[-1].number
            if header:
                self.head = text[row.start : row.end]
            elif row.number == 1 and not shift:
                self.head = ""
            self.rows.append(
                Row(number=row.number + shift, start=start + row.start, end=start + row.end, header=header)
            )
            self.last_row = row
        self.ended = bool(page.rows) and page.rows[-1].end >= page.body_end

    def _goes_on(self, page: PageText, row: TableRow, number: int) -> bool:
        """Whether the first table of a page continues the last one of the page before, which had a head."""
        last = self.last_row
        return (
            number == 0
            and self.ended
            and bool(self.head)
            and row.start <= page.body_start
            and last is not None
            and len(last.columns) == len(row.columns)
            and all(abs(a - b) < 12 for a, b in zip(last.columns, row.columns, strict=True))
        )


def _document(path: Path, content: bytes, pdf: Any, places: dict[int, bytes] | None) -> Document:
    made = _Assembly()
    unread: list[tuple[int, str]] = []
    stated = {name: one_line(str(value)) for name, value in pdf.get_metadata_dict().items() if value}
    title = stated_title(stated.get("Title", ""))
    for number, read, page in _laid_out(pdf):
        if page is None:
            if read:
                unread.append((number, read))
            continue
        text = page.text
        if read == NONSENSE or not text:
            if read:
                unread.append((number, read))
            continue
        if read:
            unread.append((number, read))
        if not made.pieces and not title:
            made.title = largest_words(page.glyphs[page.body_start : page.body_end], usual_size(page.glyphs))
        made.add(number, page, text)
        if places is not None:
            places[number] = encode_page(page.glyphs, _frame(pdf, number))
        if made.length > MAX_RESULT_BYTES:
            raise InputError(f"{path}: gives more than {MAX_RESULT_BYTES // 2**20} MB of text; split it")
    text = "".join(made.pieces)
    if not text.strip():
        raise InputError(f"{path}: {_why_nothing(len(pdf), [reason for _, reason in unread])}")
    title = title or made.title
    return Document(
        uri=file_uri(path),
        title=title or file_title(path),
        own_title=bool(title),
        text=text,
        media_type="application/pdf",
        source_sha256=hashlib.sha256(content).hexdigest(),
        pages=tuple(made.pages),
        outline=tuple(bookmarks(pdf, text, {page.number: page for page in made.pages})),
        rows=tuple(made.rows),
        date=iso_date(stated.get("CreationDate") or stated.get("ModDate")),
        author=person(stated.get("Author")),
        language=detect_language(text),
        unread=tuple(_unread(pdf, unread)),
    )


def _frame(pdf: Any, number: int) -> PageFrame:
    page = pdf[number - 1]
    try:
        left, bottom, right, top = page.get_cropbox()
        return PageFrame(left, bottom, right, top, page.get_rotation())
    finally:
        page.close()


def _why_nothing(count: int, reasons: list[str]) -> str:
    pages = f"{count} page{'' if count == 1 else 's'}"
    if reasons and all(reason == _DAMAGED for reason in reasons):
        return f"damaged, none of its {count} pages can be read"
    if NONSENSE in reasons:
        return (
            f"the text layer of its {pages} does not say which letters it shows (fonts without a map to Unicode); "
            "make its text readable with a program for character recognition (OCR) first"
        )
    return (
        f"has no text on its {pages}, only pictures: a scan; "
        "make its text readable with a program for character recognition (OCR) first"
    )


def _unread(pdf: Any, pages: list[tuple[int, str]]) -> Iterator[Unread]:
    """The pages that were not read, those in a row for one reason as one part; and a form that is not on pages."""
    from pypdfium2 import raw

    at = 0
    while at < len(pages):
        stop = at + 1
        while stop < len(pages) and pages[stop] == (pages[stop - 1][0] + 1, pages[at][1]):
            stop += 1
        first, last = pages[at][0], pages[stop - 1][0]
        yield Unread(part=f"page {first}" if first == last else f"pages {first}-{last}", reason=pages[at][1])
        at = stop
    if pdf.get_formtype() == raw.FORMTYPE_XFA_FULL:
        yield Unread(
            part="XFA form", reason="a form of the kind that only Adobe's programs show; print it to a PDF file"
        )


@dataclass(frozen=True, slots=True)
class _ReadPage:
    number: int
    glyphs: PageGlyphs
    rules: Rules
    missing: str | None


def _laid_out(pdf: Any) -> Iterator[tuple[int, str | None, PageText | None]]:
    """For each page its number, why words of it are missing if so, and its text; None for one that cannot be read."""
    from pypdfium2 import raw

    if pdf.get_formtype() != raw.FORMTYPE_NONE:
        pdf.init_forms()
    running = RunningLines()
    waiting: list[_ReadPage | int] = []
    count = len(pdf)
    for number in range(1, count + 1 + _AHEAD):
        if number <= count:
            page = _read_page(pdf, number)
            waiting.append(page if page is not None else number)
            if page is not None:
                running.add(number, page.glyphs.body)
        if number > _AHEAD:
            yield _lay_out(waiting.pop(0), running)
        progress.part_is_read()


def _lay_out(read: _ReadPage | int, running: RunningLines) -> tuple[int, str | None, PageText | None]:
    if isinstance(read, int):
        return read, _DAMAGED, None
    body, heads, feet = running.split(read.number, read.glyphs.body)
    page = lay_out(body, heads=heads, feet=feet, turned=read.glyphs.turned, rules=read.rules)
    if is_nonsense(page.text, read.glyphs.unmapped):
        return read.number, NONSENSE, page
    return read.number, read.missing, page


def _read_page(pdf: Any, number: int) -> _ReadPage | None:
    """The glyphs and rules of a page; None if it cannot be read."""
    import pypdfium2

    try:
        page = pdf[number - 1]
    except pypdfium2.PdfiumError:
        return None
    try:
        text_page = page.get_textpage()
        try:
            glyphs = read_glyphs(text_page, page.get_rotation())
        finally:
            text_page.close()
        filled = field_glyphs(page, pdf.formenv.raw if pdf.formenv is not None else None, glyphs.angle)
        if filled:
            glyphs.body.extend(filled)
        characters = sum(map(len, (glyphs.body, *glyphs.turned)))
        return _ReadPage(number, glyphs, read_rules(page).upright(glyphs.angle), why_unread(page, characters))
    except pypdfium2.PdfiumError:
        return None
    finally:
        page.close()
