"""Building the text of a structured document, recording where its headings, table rows and pages are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container, Iterable, Sequence
from pathlib import Path

from index.documents import Document, Heading, Page, Row
from index.errors import InputError
from index.loading.dates import iso_date
from index.loading.encodings import as_windows
from index.loading.language import detect_language, language_tag

_NOBODY = {"anonymous", "author", "openpyxl", "python-docx", "unknown", "unspecified", "user"}
PARAGRAPH = "\n\n"
CELL = "\t"
# Vertical tab and form feed are white space to a reader; other control characters and lone surrogates are not text.
_NO_TEXT = re.compile("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
# Only matches from the first character of a run of white space: otherwise every start within a long run would be tried.
_BREAK = re.compile(r"(?:(?<![ \t\x0b\x0c])[ \t\x0b\x0c]+)?+(?:\r\n|\r|\n)[ \t\x0b\x0c]*+")


def clean(text: str) -> str:
    """The text without control characters, lone surrogates and white space around line breaks."""
    return _BREAK.sub("\n", _NO_TEXT.sub("", as_windows(text))).strip()


def one_line(text: str) -> str:
    """The text on one line, with every run of white space as a single space."""
    return " ".join(_NO_TEXT.sub("", as_windows(text)).split())


def person(stated: str | None) -> str | None:
    """The stated author, unless it is a placeholder that programs write when nobody gave a name."""
    name = one_line(stated or "")
    return name if name and name.strip("()").casefold() not in _NOBODY else None


class TextBuilder:
    """Builds the text of a document from its parts, added in order; a blank line separates paragraphs."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self._in_list = False
        self._outline: list[Heading] = []
        self._rows: list[Row] = []
        self._pages: list[Page] = []
        self._page: tuple[int, int] | None = None

    def heading(self, level: int, title: str) -> None:
        """Add a heading; level 1 is the topmost."""
        title = one_line(title)
        if title:
            self._separate(PARAGRAPH)
            self._outline.append(Heading(level=max(1, level), title=title, start=self._length))
            self._add(title)

    def paragraph(self, text: str) -> None:
        """Add a paragraph; line breaks within it are kept."""
        text = clean(text)
        if text:
            self._separate(PARAGRAPH)
            self._add(text)

    def verbatim(self, text: str) -> None:
        """Add a paragraph whose white space is kept, as that of code."""
        text = _NO_TEXT.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
        lines = text.rstrip().split("\n")
        while lines and not lines[0].strip():
            lines.pop(0)
        if lines:
            self._separate(PARAGRAPH)
            self._add("\n".join(line.rstrip() for line in lines))

    def paragraphs_of(self, other: TextBuilder) -> None:
        """Add what another builder holds, as paragraphs."""
        for text in "".join(other._pieces).split(PARAGRAPH):
            self.paragraph(text)

    def item(self, text: str, depth: int = 0) -> None:
        """Add a list item on its own line, with a dash and indented by its depth."""
        text = clean(text)
        if text:
            self._separate("\n" if self._in_list else PARAGRAPH)
            self._add(f"{'  ' * depth}- {text}")
            self._in_list = True

    def table(self, rows: Iterable[Sequence[str]], *, header: int | Container[int], first: int = 1) -> None:
        """Add a table: a row per line, cells separated by tabs. Rows are numbered from `first`; empty ones are counted
        but left out.

        `header` says which rows hold the names of the columns: how many of the first, empty ones aside, or their
        numbers.
        """
        separator = PARAGRAPH
        waiting, heads = (header, ()) if isinstance(header, int) else (0, header)
        for number, cells in enumerate(rows, start=first):
            line = CELL.join(one_line(cell) for cell in cells)
            if not line.strip():
                continue
            self._separate(separator)
            start = self._length
            self._add(line)
            self._rows.append(Row(number=number, start=start, end=self._length, header=waiting > 0 or number in heads))
            waiting -= 1
            separator = "\n"

    def begin_page(self, number: int) -> None:
        """Everything added from here on is on this page."""
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
        """The length of the text so far, in code points."""
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
        """The finished document. Its title is the stated one, else the first heading, else the file name; its language
        is the stated one, else the one detected in the text.

        Raises InputError, with `nothing` as the reason, if there is no text.
        """
        self.end_page()
        text = "".join(self._pieces)
        if not text.strip():
            raise InputError(f"{path}: {nothing}")
        stated_title = one_line(title or "") or next((heading.title for heading in self._outline), "")
        return Document(
            uri=uri or file_uri(path),
            title=stated_title or file_title(path),
            own_title=bool(stated_title),
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
    """A file's name as text. Names may be arbitrary bytes; what is not text in them is replaced."""
    return path.name.encode("utf-8", "replace").decode("utf-8")


def file_uri(path: Path) -> str:
    """A file's URI; for content that is not in a file, just its name."""
    return path.as_uri() if path.is_absolute() else file_title(path)
