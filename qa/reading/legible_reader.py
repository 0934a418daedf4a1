"""Reading passages as they should be seen, with the spans found in them in the words of their sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from index.text.legible import Legible, legible
from qa.reading.reader import Reader
from qa.reading.spans import Span


def read_legibly(
    reader: Reader, questions: Sequence[str], passages: Sequence[Sequence[tuple[str, str]]]
) -> list[list[list[Span]]]:
    """As `Reader.read`, of passages given as (text, context) and seen as `index.text.legible` makes them.

    Spans are in code points of the text; one of which nothing is in the text is left out.
    """
    seen = [[legible(text, context) for text, context in own] for own in passages]
    found = reader.read(questions, [[entry.text for entry in own] for own in seen])
    return [
        [_in_source(spans, entry) for spans, entry in zip(per_passage, own, strict=True)]
        for per_passage, own in zip(found, seen, strict=True)
    ]


def _in_source(spans: list[Span], seen: Legible) -> list[Span]:
    if seen.origin is None:
        return spans
    found: dict[tuple[int, int], Span] = {}
    for span in spans:
        place = seen.span_in_source(span.start, span.end)
        # Best first: where two become one, the better stays.
        if place is not None and place not in found:
            found[place] = replace(span, start=place[0], end=place[1])
    return list(found.values())
