"""Reading passages as they should be seen, with the spans found in them in the words of their sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from index.documents import StoredPassage
from index.text.legible import Legible, legible
from qa.asking.asked import Asked
from qa.reading.heading import reading_heading
from qa.reading.reader import Reader
from qa.reading.spans import Span
from qa.retrieval.retriever import Retrieved, RetrievedPassage


@dataclass(frozen=True, slots=True)
class Readable:
    """Words to read, the context of the passage that they are from (its headings, a table's columns), and the date of
    its document."""

    text: str
    context: str
    date: str | None = None

    @classmethod
    def of(cls, passage: StoredPassage, part: slice = slice(None)) -> Readable:
        """A passage, or a part of its text."""
        return cls(passage.text[part], passage.context, passage.date)


@dataclass(frozen=True, slots=True)
class ReadPassage(RetrievedPassage):
    """A passage that was read, with the spans found in it, best first."""

    spans: Sequence[Span]


def read_retrieved(reader: Reader, asked: Sequence[Asked], retrieved: Sequence[Retrieved]) -> list[list[ReadPassage]]:
    """The retrieved passages of each question with their spans, all read in one call."""
    texts = [[Readable.of(entry.passage) for entry in per_question.passages] for per_question in retrieved]
    spans_by_question = read_legibly(reader, [question.text for question in asked], texts)
    return [
        [
            ReadPassage(entry.passage, entry.hit, entry.similarity, spans)
            for entry, spans in zip(per_question.passages, spans_by_passage, strict=True)
        ]
        for per_question, spans_by_passage in zip(retrieved, spans_by_question, strict=True)
    ]


def read_legibly(
    reader: Reader, questions: Sequence[str], passages: Sequence[Sequence[Readable]]
) -> list[list[list[Span]]]:
    """As `Reader.read`, of passages seen as `index.text.legible` makes them, under their headings.

    Spans are in code points of the text as it was given; a span that covers nothing of it is left out.
    """
    seen = [[legible(entry.text, entry.context) for entry in readables] for readables in passages]
    headings = [[reading_heading(entry.context, entry.date) for entry in readables] for readables in passages]
    texts = [[entry.text for entry in per_question] for per_question in seen]
    spans_by_question = reader.read(questions, texts, headings)
    return [
        [_in_source(spans, entry) for spans, entry in zip(spans_by_passage, per_question, strict=True)]
        for spans_by_passage, per_question in zip(spans_by_question, seen, strict=True)
    ]


def _in_source(spans: list[Span], seen: Legible) -> list[Span]:
    if seen.origin is None:
        return spans
    spans_by_place: dict[tuple[int, int], Span] = {}
    for span in spans:
        place = seen.span_in_source(span.start, span.end)
        # Best first: where two become one, the better stays.
        if place is not None and place not in spans_by_place:
            spans_by_place[place] = replace(span, start=place[0], end=place[1])
    return list(spans_by_place.values())
