"""Reading passages as they should be seen, with the spans found in them in the words of their sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from index.documents import StoredPassage
from index.legible import Legible, legible
from qa.heading import reading_heading
from qa.reader import Reader
from qa.spans import Span


@dataclass(frozen=True, slots=True)
class Readable:
    """Words to read, the context of the passage that they are of, and the date of its document."""

    text: str
    context: str
    date: str | None = None

    @classmethod
    def of(cls, passage: StoredPassage, part: slice = slice(None)) -> Readable:
        """A passage, or a part of its text."""
        return cls(passage.text[part], passage.context, passage.date)


def read_legibly(
    reader: Reader, questions: Sequence[str], passages: Sequence[Sequence[Readable]]
) -> list[list[list[Span]]]:
    """As `Reader.read`, of passages seen as `index.legible` makes them, under their headings.

    Spans are in code points of the text; one of which nothing is in the text is left out.
    """
    seen = [[legible(entry.text, entry.context) for entry in own] for own in passages]
    headings = [[reading_heading(entry.context, entry.date) for entry in own] for own in passages]
    found = reader.read(questions, [[entry.text for entry in own] for own in seen], headings)
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
