"""Reading an answer again, closely: its sentence alone, and with its neighbours, away from the rest of the passage.

A span that the reader takes only because the passage is about the right thing loses its margin when little else is
there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from index.text.legible import columns_of
from index.text.sentences import sentences_around, split_sentences
from qa.judging.candidates import Candidate, Place
from qa.judging.whole_spans import whole_span
from qa.reading.legible_reader import Readable, read_legibly
from qa.reading.reader import Reader
from qa.reading.spans import Span

# The best candidates that are read again; the rest keep the margin that they have.
CLOSE_CANDIDATES = 3
# Least overlap (intersection over union of characters) at which a span of the closer reading is the same answer.
SAME = 0.5


def read_closely(
    reader: Reader, questions: Sequence[str], ranked: Sequence[Sequence[Candidate]]
) -> list[list[Candidate]]:
    """The candidates of each question, the best of them with their margins in closer readings, all in one call."""
    texts: list[list[Readable]] = []
    begins: list[list[int]] = []
    for candidates in ranked:
        parts = [
            (candidate.best.passage, part)
            for candidate in candidates[:CLOSE_CANDIDATES]
            for part in _parts(candidate.best)
        ]
        begins.append([start for _, (start, _) in parts])
        texts.append([Readable.of(passage, slice(*part)) for passage, part in parts])
    spans_by_question = read_legibly(reader, questions, texts)
    reread = []
    for candidates, starts, spans_by_text in zip(ranked, begins, spans_by_question, strict=True):
        margins = [
            _margin(candidates[number // 2].best, start, spans)
            for number, (start, spans) in enumerate(zip(starts, spans_by_text, strict=True))
        ]
        close = [
            replace(candidate, close=(margins[2 * place], margins[2 * place + 1]))
            for place, candidate in enumerate(candidates[:CLOSE_CANDIDATES])
        ]
        reread.append([*close, *candidates[CLOSE_CANDIDATES:]])
    return reread


def _parts(place: Place) -> tuple[tuple[int, int], tuple[int, int]]:
    """Parts `[start, end)` of the passage: the sentences of the span, and one more on either side; of a table row the
    whole of it."""
    if columns_of(place.passage.context):
        # A table row is read with the names of its columns, or not at all.
        whole = (0, len(place.passage.text))
        return whole, whole
    sentences = split_sentences(place.passage.text)
    start, end = place.start - place.passage.start, place.end - place.passage.start
    alone, near = (sentences_around(sentences, start, end, more=more) for more in (0, 1))
    return alone, near


def _margin(place: Place, begin: int, spans: Sequence[Span]) -> float | None:
    """The best margin of spans that are the same answer as `place`, once they are made whole like it; None where the
    reader no longer proposes it."""
    start, end = place.start - place.passage.start, place.end - place.passage.start
    same = [span.margin for span in spans if _overlap(start, end, _whole(place, begin, span)) >= SAME]
    return max(same, default=None)


def _whole(place: Place, begin: int, span: Span) -> tuple[int, int]:
    passage = place.passage
    return whole_span(passage.text, begin + span.start, begin + span.end, context=passage.context, dated=True)


def _overlap(start: int, end: int, span: tuple[int, int]) -> float:
    shared = min(end, span[1]) - max(start, span[0])
    return max(0, shared) / (max(end, span[1]) - min(start, span[0]))
