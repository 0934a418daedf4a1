"""The stretches of text that a question's outcome is looked at in: around the gold answer and around the given one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from eval.results import Cited, Excerpt, GoldPlace, PassageRead

MAX_EXCERPT = 2_000
"""Code points of one excerpt; a passage is about half as long."""


def excerpts(
    place: GoldPlace | None,
    read: Sequence[PassageRead],
    cited: Cited | None,
    text: Callable[[str], str | None],
) -> tuple[Excerpt, ...]:
    """The passages that hold the first gold span and the cited span, in that order; one where both stand in the same.

    `text` gives a document's whole text by its id. A span in no passage is shown with what is around it.
    """
    wanted: list[tuple[str, int, int]] = []
    if place is not None and place.spans:
        wanted.append(_around(place.document, *place.spans[0], place.passages))
    if cited is not None:
        spans = [(passage.start, passage.end) for passage in read if passage.document == cited.document]
        wanted.append(
            _around(cited.document, cited.start, cited.end, spans, (cited.sentence_start, cited.sentence_end))
        )
    return tuple(
        Excerpt(document, start, min(end, len(whole)), whole[start:end])
        for document, start, end in dict.fromkeys(wanted)
        if (whole := text(document)) is not None and start < len(whole)
    )


def _around(
    document: str, start: int, end: int, passages: Iterable[tuple[int, int]], sentence: tuple[int, int] | None = None
) -> tuple[str, int, int]:
    """The first stretch that holds a span, cut to `MAX_EXCERPT` code points around it."""
    first, last = sentence or (max(0, start - MAX_EXCERPT // 4), end + MAX_EXCERPT // 4)
    first, last = next(((a, b) for a, b in passages if a <= start and end <= b), (first, last))
    if last - first > MAX_EXCERPT:
        first = max(first, min(start - MAX_EXCERPT // 4, last - MAX_EXCERPT))
        last = min(last, first + MAX_EXCERPT)
    return document, first, last
