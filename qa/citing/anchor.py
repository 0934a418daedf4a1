"""Finding a citation's place again after its document was edited: surely, or not at all."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from index.documents import Document
from qa.types import Citation

# Two places look alike that share this many characters next to the quote.
NEAR = 8

State = Literal["unchanged", "moved", "ambiguous", "gone"]


class Anchor(BaseModel):
    """Where a quote stands in a document as it is now: code points `[start, end)`, null where that is not sure.

    `unchanged`: where the citation says. `moved`: elsewhere. `ambiguous`: the words are there, but whether one of their
    places is the cited one cannot be told, since its surroundings have changed or stand there twice. `gone`: the words
    are not there, or the document is not.
    """

    model_config = ConfigDict(frozen=True)

    state: State
    start: int | None = None
    end: int | None = None


GONE = Anchor(state="gone")
_AMBIGUOUS = Anchor(state="ambiguous")


def anchor(citation: Citation, document: Document) -> Anchor:
    """The cited place in this version of its document.

    Relies on what `qa.citing.cite.selectors` promises: in the version cited, prefix and quote stand together only
    once, and so
    do quote and suffix. A place that both of them lead to, and no other, is therefore the cited one. One side alone
    would find more, and now and then another sentence of the same words that an edit left there.
    """
    text, quote = document.text, citation.quote
    if citation.document.sha256 == document.sha256:
        stands = citation.start >= 0 and text[citation.start : citation.end] == quote
        return Anchor(state="unchanged", start=citation.start, end=citation.end) if stands else GONE
    selector = citation.selector[0]
    if not quote or selector.exact != quote or quote not in text:
        return GONE
    prefix, suffix = selector.prefix, selector.suffix
    # The beginning of a text needs no prefix to tell it; elsewhere an empty one tells that none would do.
    if not suffix or not (prefix or citation.start == 0):
        return _AMBIGUOUS
    by_prefix = {at + len(prefix) for at in _first_two(text, prefix + quote)} if prefix else set()
    by_suffix = set(_first_two(text, quote + suffix))
    places = by_prefix | by_suffix
    if len(places) != 1 or (prefix and by_prefix != by_suffix):
        return _AMBIGUOUS
    start = places.pop()
    # Where the quote stands more often than it did, the place may be a copy, and another one be the cited one still.
    if text.count(quote) > (citation.occurrences or 0) and _has_rival(text, start, quote, prefix, suffix):
        return _AMBIGUOUS
    return Anchor(state="unchanged" if start == citation.start else "moved", start=start, end=start + len(quote))


def _has_rival(text: str, start: int, quote: str, prefix: str, suffix: str) -> bool:
    """Whether the quote also stands elsewhere, next to the same characters on either side."""
    before, after = prefix[-NEAR:], suffix[:NEAR]
    places = _first_two(text, quote + after)
    if before:
        places += [at + len(before) for at in _first_two(text, before + quote)]
    return any(at != start for at in places)


def _first_two(text: str, words: str) -> list[int]:
    first = text.find(words)
    second = text.find(words, first + 1) if first >= 0 else -1
    return [at for at in (first, second) if at >= 0]
