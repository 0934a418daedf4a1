"""Candidate answers: spans of passages in document coordinates, duplicates merged, equal answers gathered."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from index.documents import StoredPassage
from qa.fusion import Fused
from qa.spans import Span

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_ALIKE = str.maketrans("‘’–—−", "''---")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
# Punctuation that does not tell answers apart: all but what belongs to a number (3.5, -5, 10-12, 9:30) and symbols
# (5% is not 5, C++ is not C).
_PUNCTUATION = re.compile(r"""[.-](?!\d)|(?<=[^\W\d])[.-]|[,:'](?!\d)|(?<!\d)[,:'](?=\d)|[!?;"()\[\]{}`\\…“”«»]""")


@dataclass(frozen=True, slots=True)
class Place:
    """A span `[start, end)` in code points of its document, with the passage and the search hit that led to it."""

    document_id: str
    start: int
    end: int
    text: str
    margin: float
    score: float
    passage: StoredPassage
    hit: Fused
    similarity: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """One distinct answer: its best place, and the other places where the same words answer."""

    best: Place
    others: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class ReadPassage:
    """A passage that was read: how it was found and what was found in it."""

    passage: StoredPassage
    hit: Fused
    similarity: float
    spans: Sequence[Span]


@dataclass(frozen=True, slots=True)
class RankWeights:
    """What counts beside the margin when spans of different passages compete, in units of the margin (logits)."""

    similarity: float = 0.0
    fused: float = 0.0


def candidates(read: Sequence[ReadPassage], weights: RankWeights) -> list[Candidate]:
    """Distinct answers, best first.

    Spans of one document that overlap are one answer, of which the best-scored place stays; then the same words
    (case, punctuation and articles aside) at different places are one answer with supporting places.
    """
    ranked = sorted(_places(read, weights), key=lambda p: (-p.score, p.hit.passage_id, p.start, p.end))
    kept: list[Place] = []
    for place in ranked:
        if not any(_overlap(place, other) for other in kept):
            kept.append(place)
    groups: dict[str, list[Place]] = {}
    for place in kept:
        groups.setdefault(_key(place.text), []).append(place)
    return [Candidate(places[0], tuple(places[1:])) for places in groups.values()]


def _places(read: Sequence[ReadPassage], weights: RankWeights) -> list[Place]:
    places = []
    top = max((entry.hit.score for entry in read), default=0.0)
    for entry in read:
        prior = weights.similarity * entry.similarity + (weights.fused * entry.hit.score / top if top > 0 else 0.0)
        for span in entry.spans:
            end = _after_marks(entry.passage.text, span.end)
            text = entry.passage.text[span.start : end]
            if not text.strip():
                continue
            places.append(
                Place(
                    document_id=entry.passage.document_id,
                    start=entry.passage.start + span.start,
                    end=entry.passage.start + end,
                    text=text,
                    margin=span.margin,
                    score=span.margin + prior,
                    passage=entry.passage,
                    hit=entry.hit,
                    similarity=entry.similarity,
                )
            )
    return places


def _after_marks(text: str, end: int) -> int:
    """`end`, moved behind the combining marks there: tokenisers strip them, but they belong to the last letter."""
    while end < len(text) and unicodedata.category(text[end]).startswith("M"):
        end += 1
    return end


def _overlap(one: Place, other: Place) -> bool:
    return one.document_id == other.document_id and one.start < other.end and other.start < one.end


def _key(text: str) -> str:
    plain = unicodedata.normalize("NFC", text).casefold().translate(_ALIKE)
    words = _ARTICLES.sub(" ", _PUNCTUATION.sub("", _THOUSANDS.sub("", plain))).split()
    # An answer of punctuation or articles alone is its own key, not equal to every other such.
    return " ".join(words) or text
