"""Reading an answer again, closely: its sentence alone, and with its neighbours, away from the rest of the passage.

A span that the reader takes only because the passage is about the right thing loses its margin when little else is
there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from index.sentences import sentences_around, split_sentences
from qa.candidates import Candidate, Place
from qa.legibly import Readable, read_legibly
from qa.reader import Reader
from qa.spans import Span

# The best candidates that are read again; the rest keep the margin that they have.
CLOSE_CANDIDATES = 3
# Least overlap (intersection over union of characters) at which a span of the closer reading is the same answer.
SAME = 0.5


def read_closely(
    reader: Reader, questions: Sequence[str], found: Sequence[Sequence[Candidate]]
) -> list[list[Candidate]]:
    """The candidates of each question, the best of them with their margins in closer readings, all in one call."""
    texts: list[list[Readable]] = []
    begins: list[list[int]] = []
    for own in found:
        windows = [
            (candidate.best.passage, part) for candidate in own[:CLOSE_CANDIDATES] for part in _windows(candidate.best)
        ]
        begins.append([start for _, (start, _) in windows])
        texts.append([Readable.of(passage, slice(*part)) for passage, part in windows])
    spans = read_legibly(reader, questions, texts)
    read = []
    for own, starts, per_text in zip(found, begins, spans, strict=True):
        margins = [
            _margin(own[number // 2].best, start, there)
            for number, (start, there) in enumerate(zip(starts, per_text, strict=True))
        ]
        close = [
            replace(candidate, close=(margins[2 * place], margins[2 * place + 1]))
            for place, candidate in enumerate(own[:CLOSE_CANDIDATES])
        ]
        read.append([*close, *own[CLOSE_CANDIDATES:]])
    return read


def _windows(place: Place) -> tuple[tuple[int, int], tuple[int, int]]:
    """Parts `[start, end)` of the passage: the sentences of the span, and one more on either side."""
    text = place.passage.text
    start, end = place.start - place.passage.start, place.end - place.passage.start
    sentences = split_sentences(text)
    alone, near = (sentences_around(sentences, start, end, more=more) for more in (0, 1))
    return alone, near


def _margin(place: Place, begin: int, spans: Sequence[Span]) -> float | None:
    """The best margin of spans that are the same answer as `place`; None where the reader no longer proposes it."""
    offset = place.passage.start + begin
    same = [span.margin for span in spans if _overlap(place, span.start + offset, span.end + offset) >= SAME]
    return max(same, default=None)


def _overlap(place: Place, start: int, end: int) -> float:
    shared = min(place.end, end) - max(place.start, start)
    return max(0, shared) / (max(place.end, end) - min(place.start, start))
