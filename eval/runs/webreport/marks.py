"""Texts with the gold and the given span marked, as pieces that a page can show without counting code points."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from eval.results import Excerpt, QuestionResult

GOLD, GIVEN = 1, 2


class Piece(NamedTuple):
    """Some text, and which of `GOLD` and `GIVEN` it is part of, added up."""

    text: str
    marks: int


class Marked(NamedTuple):
    """A stretch of a document with its spans marked."""

    uri: str
    pieces: tuple[Piece, ...]


def marked_texts(result: QuestionResult) -> list[Marked]:
    """The excerpts of a result with its spans marked; without excerpts the cited sentence."""
    uris = {place.document: place.uri for place in (result.place, result.cited) if place is not None}
    cited = result.cited
    shown = list(result.excerpts)
    if not shown and cited is not None:
        shown = [Excerpt(cited.document, cited.sentence_start, cited.sentence_end, cited.sentence)]
    gold = [(result.place.document, *span) for span in result.place.spans] if result.place is not None else []
    given = [(cited.document, cited.start, cited.end)] if cited is not None else []
    return [
        Marked(uris.get(excerpt.document, excerpt.document), tuple(_pieces(excerpt, gold, given))) for excerpt in shown
    ]


def _pieces(
    excerpt: Excerpt, gold: Iterable[tuple[str, int, int]], given: Iterable[tuple[str, int, int]]
) -> Iterable[Piece]:
    inside = [
        (max(start, excerpt.start) - excerpt.start, min(end, excerpt.end) - excerpt.start, mark)
        for spans, mark in ((gold, GOLD), (given, GIVEN))
        for document, start, end in spans
        if document == excerpt.document and start < excerpt.end and excerpt.start < end
    ]
    edges = sorted({0, len(excerpt.text), *(edge for start, end, _ in inside for edge in (start, end))})
    for start, end in pairwise(edges):
        marks = 0
        for first, last, mark in inside:
            if first <= start and end <= last:
                marks |= mark
        yield Piece(excerpt.text[start:end], marks)
