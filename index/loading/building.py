"""Building the text of a structured document, with the places of its headings, table rows and pages."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from index.documents import Document, Heading, Page, Row
from index.errors import InputError
from index.loading.dates import iso_date
from index.loading.language import detect_language, language_tag

_NOBODY = {"anonymous", "author", "openpyxl", "python-docx", "unknown", "unspecified", "user"}
PARAGRAPH = "\n\n"
CELL = "\t"
# Vertical tab and form feed are white space to a reader; other controls and lone surrogates are no text at all.
_NO_TEXT = re.compile("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
# White space is taken from its first character on, or not at all: else each of a long run of it would be tried.
_BREAK = re.compile(r"(?:(?<![ \t\x0b\x0c])[ \t\x0b\x0c]+)?+(?:\r\n|\r|\n)[ \t\x0b\x0c]*+")


def clean(text: str) -> str:
    """Text without what is none: control characters, lone surrogates, white space at the ends of its lines."""
    return _BREAK.sub("\n", _NO_TEXT.sub("", text)).strip()


def one_line(text: str) -> str:
    """Text on one line, each run of white space one space."""
    return " ".join(_NO_TEXT.sub("", text).split())


def person(stated: str | None) -> str | None:
    """An author as stated, unless it is what programs write where nobody said."""
    name = one_line(stated or "")
    return name if name and name.strip("()").casefold() not in _NOBODY else None


class TextBuilder:
    """The text of a document as its parts are added in order, paragraphs a blank line apart."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self._in_list = False
        self._outline: list[Heading] = []
        self._rows: list[Row] = []
        self._pages: list[Page] = []
        self._page: tuple[int, int] | None = None

    def heading(self, level: int, title: str) -> None:
        """A heading; levels count from 1, the topmost."""
        title = one_line(title)
        if title:
            self._separate(PARAGRAPH)
            self._outline.append(Heading(level=max(1, level), title=title, start=self._length))
            self._add(title)

    def paragraph(self, text: str) -> None:
        """A paragraph; its own line breaks are kept."""
        text = clean(text)
        if text:
            self._separate(PARAGRAPH)
            self._add(text)

    def item(self, text: str, depth: int = 0) -> None:
        """An item of a list, on a line of its own below the one before, marked and indented by its depth."""
        text = clean(text)
        if text:
            self._separate("\n" if self._in_list else PARAGRAPH)
            self._add(f"{'  ' * depth}- {text}")
            self._in_list = True

    def table(self, rows: Iterable[Sequence[str]], *, header: bool, first: int = 1) -> None:
        """A table, a row a line and cells a tab apart; numbers count from `first`, empty rows counted but left out.

        With `header`, the first row holds the names of the columns.
        """
        separator = PARAGRAPH
        for number, cells in enumerate(rows, start=first):
            line = CELL.join(one_line(cell) for cell in cells)
            if not line.strip():
                continue
            self._separate(separator)
            start = self._length
            self._add(line)
            self._rows.append(Row(number=number, start=start, end=self._length, header=header))
            header = False
            separator = "\n"

    def begin_page(self, number: int) -> None:
        """What is added from here on stands on this page."""
        self.end_page()
        self._separate(PARAGRAPH)
        self._page = (number, self._length)

    def end_page(self) -> None:
        if self._page is not None:
            number, start = self._page
            if self._length > start:
                self._pages.append(Page(number=number, start=start, end=self._length))
            self._page = None

    @property
    def length(self) -> int:
        """Of the text so far, in code points."""
        return self._length

    @property
    def outline(self) -> list[Heading]:
        return self._outline

    def document(
        self,
        path: Path,
        content: bytes,
        media_type: str,
        *,
        title: str | None = None,
        author: str | None = None,
        date: object = None,
        language: str | None = None,
        uri: str | None = None,
        nothing: str = "has no text",
    ) -> Document:
        """The document. Its title is the one stated, else its first heading, else its file name; its language the one
        stated, else the one that its text seems to be in.

        Raises InputError, with `nothing` as the reason, where there is no text.
        """
        self.end_page()
        text = "".join(self._pieces)
        if not text.strip():
            raise InputError(f"{path}: {nothing}")
        own = one_line(title or "") or next((heading.title for heading in self._outline), "")
        return Document(
            uri=uri or file_uri(path),
            title=own or file_title(path),
            own_title=bool(own),
            text=text,
            media_type=media_type,
            source_sha256=hashlib.sha256(content).hexdigest(),
            pages=tuple(self._pages),
            outline=tuple(self._outline),
            rows=tuple(self._rows),
            author=person(author),
            date=iso_date(date),
            language=language_tag(language) or detect_language(text),
        )

    def _separate(self, separator: str) -> None:
        self._in_list = False
        if self._length and (self._page is None or self._length > self._page[1]):
            self._add(separator)

    def _add(self, piece: str) -> None:
        self._pieces.append(piece)
        self._length += len(piece)


def file_title(path: Path) -> str:
    """A file's name as text; it need not be text in any encoding, and what cannot be shown is replaced."""
    return path.name.encode("utf-8", "replace").decode("utf-8")


def file_uri(path: Path) -> str:
    """A file's URI; the mere name of what is no file of ours."""
    return path.as_uri() if path.is_absolute() else file_title(path)
