"""Citations: where a span stands, in every form that lets somebody check it."""

from __future__ import annotations

from index.documents import Document, Page
from index.text.sentences import split_sentences
from index.text.structure import heading_path, headings, line_breaks, row_at
from qa.types import Citation, DocumentRef, SentenceRef, TextPositionSelector, TextQuoteSelector

# Characters of prefix and suffix: mostly enough to tell places apart, short enough to read.
CONTEXT = 32
# Where they are not enough, up to so many are taken.
LONGEST_CONTEXT = 2_048


def cite(document: Document, start: int, end: int, *, around: tuple[int, int], sha256: str | None = None) -> Citation:
    """Cite `[start, end)` of a document; `around` is a stretch that holds it and begins and ends with sentences;
    `sha256` is that of the document's text, where it is known already.

    Raises ValueError for a span that is empty or not within the text.
    """
    text = document.text
    if not 0 <= start < end <= len(text):
        raise ValueError(f"[{start}, {end}) is not a span of {document.uri} ({len(text)} characters)")
    return Citation(
        document=DocumentRef(
            id=document.id,
            uri=document.uri,
            title=document.title,
            sha256=sha256 or document.sha256,
            date=document.date,
        ),
        start=start,
        end=end,
        quote=text[start:end],
        sentence=_sentence(document, start, end, around),
        page=page_of(document, start),
        page_line=page_line_of(document, start),
        line=line_of(text, start),
        headings=headings_of(document, start),
        row=row_of(document, start),
        selector=selectors(text, start, end),
        occurrences=text.count(text[start:end]),
    )


def selectors(text: str, start: int, end: int) -> tuple[TextQuoteSelector, TextPositionSelector]:
    """The W3C selectors of a span.

    The prefix is what stands before it, long enough that prefix and quote stand together only once in the text, and the
    suffix likewise; either is empty where no such length would do. So a place can be found again for sure after edits
    (see `qa.citing.anchor`).
    """
    quote = TextQuoteSelector(exact=text[start:end], prefix=_prefix(text, start, end), suffix=_suffix(text, start, end))
    return quote, TextPositionSelector(start=start, end=end)


def _prefix(text: str, start: int, end: int) -> str:
    size = CONTEXT
    while True:
        first = max(0, start - size)
        if _stands_once(text, first, end):
            return text[first:start]
        if first == 0 or size >= LONGEST_CONTEXT:
            return ""
        size *= 2


def _suffix(text: str, start: int, end: int) -> str:
    size = CONTEXT
    while True:
        last = min(len(text), end + size)
        if _stands_once(text, start, last):
            return text[end:last]
        if last == len(text) or size >= LONGEST_CONTEXT:
            return ""
        size *= 2


def _stands_once(text: str, start: int, end: int) -> bool:
    words = text[start:end]
    return text.find(words) == start and text.find(words, start + 1) < 0


def line_of(text: str, offset: int) -> int:
    """The line of an offset, from 1; a line ends with LF, CR LF or CR."""
    before = text[:offset]
    # A CR LF cut in two by the offset is still one line end, which is not over yet.
    inside_pair = before.endswith("\r") and text[offset : offset + 1] == "\n"
    return 1 + before.count("\n") + before.count("\r") - before.count("\r\n") - int(inside_pair)


def page_of(document: Document, offset: int) -> int | None:
    """The page of an offset, None for a document without pages."""
    page = _page(document, offset)
    return page.number if page else None


def page_line_of(document: Document, offset: int) -> int | None:
    """The line of an offset on its page, from 1; None for a document without pages."""
    page = _page(document, offset)
    return line_of(document.text[page.start :], offset - page.start) if page else None


def headings_of(document: Document, offset: int) -> tuple[str, ...] | None:
    """The titles that an offset stands under, topmost first; None for a document without headings."""
    return heading_path(document, offset) if headings(document) else None


def row_of(document: Document, offset: int) -> int | None:
    """The number of the table's row that an offset stands in, None where it stands in none."""
    row = row_at(document, offset)
    return row.number if row else None


def _page(document: Document, offset: int) -> Page | None:
    return next((page for page in document.pages if page.start <= offset < page.end), None)


def _sentence(document: Document, start: int, end: int, around: tuple[int, int]) -> SentenceRef:
    text = document.text
    base = min(around[0], start)
    stop = max(around[1], end)
    row = row_at(document, start)
    rows = [(max(row.start, base) - base, min(row.end, stop) - base)] if row else []
    sentences = split_sentences(text[base:stop], rows=rows, line_breaks=line_breaks(document))
    touched = [s for s in sentences if base + s.start < end and start < base + s.end]
    first = min([start, *(base + s.start for s in touched)])
    last = max([end, *(base + s.end for s in touched)])
    return SentenceRef(start=first, end=last, text=text[first:last])
