"""Citations: where a span stands, in every form that lets somebody check it."""

from __future__ import annotations

from index.documents import Document, text_sha256
from index.sentences import split_sentences
from qa.types import Citation, DocumentRef, SentenceRef, TextPositionSelector, TextQuoteSelector

# Characters of prefix and suffix: enough to tell places apart, short enough to read.
CONTEXT = 32


def cite(document: Document, start: int, end: int, *, around: tuple[int, int]) -> Citation:
    """Cite `[start, end)` of a document; `around` is a stretch that holds it and begins and ends with sentences.

    Raises ValueError for a span that is empty or not within the text.
    """
    text = document.text
    if not 0 <= start < end <= len(text):
        raise ValueError(f"[{start}, {end}) is not a span of {document.uri} ({len(text)} characters)")
    return Citation(
        document=DocumentRef(id=document.id, uri=document.uri, title=document.title, sha256=text_sha256(text)),
        start=start,
        end=end,
        quote=text[start:end],
        sentence=_sentence(text, start, end, around),
        page=page_of(document, start),
        line=line_of(text, start),
        selector=selectors(text, start, end),
    )


def selectors(text: str, start: int, end: int) -> tuple[TextQuoteSelector, TextPositionSelector]:
    """The W3C selectors of a span."""
    quote = TextQuoteSelector(
        exact=text[start:end], prefix=text[max(0, start - CONTEXT) : start], suffix=text[end : end + CONTEXT]
    )
    return quote, TextPositionSelector(start=start, end=end)


def line_of(text: str, offset: int) -> int:
    """The line of an offset, from 1; a line ends with LF, CR LF or CR."""
    before = text[:offset]
    # A CR LF cut in two by the offset is still one line end, which is not over yet.
    inside_pair = before.endswith("\r") and text[offset : offset + 1] == "\n"
    return 1 + before.count("\n") + before.count("\r") - before.count("\r\n") - int(inside_pair)


def page_of(document: Document, offset: int) -> int | None:
    """The page of an offset, None for a document without pages."""
    return next((page.number for page in document.pages if page.start <= offset < page.end), None)


def _sentence(text: str, start: int, end: int, around: tuple[int, int]) -> SentenceRef:
    base = min(around[0], start)
    stop = max(around[1], end)
    sentences = split_sentences(text[base:stop])
    touched = [s for s in sentences if base + s.start < end and start < base + s.end]
    first = min([start, *(base + s.start for s in touched)])
    last = max([end, *(base + s.end for s in touched)])
    return SentenceRef(start=first, end=last, text=text[first:last])
