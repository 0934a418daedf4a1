"""Candidate answers: spans of passages in document coordinates, duplicates merged, equal answers gathered."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from index.documents import StoredPassage
from index.text.sentences import split_sentences
from qa.judging.enumeration import items
from qa.judging.whole_spans import whole_span
from qa.reading.legible_reader import ReadPassage
from qa.retrieval.fusion import Fused

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_ALIKE = str.maketrans("‘’–—−", "''---")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
# Punctuation that does not tell answers apart: all but what belongs to a number (3.5, -5, 10-12, 9:30) and symbols
# (5% is not 5, C++ is not C).
_PUNCTUATION = re.compile(r"""[.-](?!\d)|(?<=[^\W\d])[.-]|[,:'](?!\d)|(?<!\d)[,:'](?=\d)|[!?;"()\[\]{}`\\…“”«»]""")

# How many logits a whole enumeration may score below one of its items: a reader that looks for one span is torn between
# them.
LIST_SLACK = 2.0
# How many logits another place of the same words may score below the best one and still count as saying the same: a
# place further behind holds the words, but speaks of something else. Relative, because where a reader's "no answer"
# lies is that reader's own; 4 logits are odds of about 1 to 55.
SUPPORT_SLACK = 4.0
# The rank, from 0, at which a passage has half of what the first one has for its rank.
HALF_RANK = 10


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
    """One distinct answer: its best place, and the other places where the same words answer.

    `close` holds its margins in its sentence alone and with the neighbours, None where it was not found there; it is
    None as a whole where nothing was read again.
    """

    best: Place
    others: tuple[Place, ...]
    close: tuple[float | None, float | None] | None = None

    @property
    def supporting(self) -> tuple[Place, ...]:
        """The other places where the words answer about as well."""
        return tuple(place for place in self.others if place.margin >= self.best.margin - SUPPORT_SLACK)


@dataclass(frozen=True, slots=True)
class RankWeights:
    """What counts beside the margin when spans of different passages compete, in units of the margin (logits)."""

    similarity: float = 0.0
    fused: float = 0.0

    def prior(self, rank: int, similarity: float) -> float:
        """What a passage of that rank, from 0, adds to the margins of its spans.

        Its fused score is not asked: it moves with the words of all documents, and what is made of a prior is shown to
        people who may see only some of them.
        """
        return self.similarity * similarity + self.fused * HALF_RANK / (HALF_RANK + rank)


def candidates(
    read: Sequence[ReadPassage],
    weights: RankWeights,
    *,
    whole_sentences: bool = False,
    whole_lists: bool = False,
    dated: bool = False,
) -> list[Candidate]:
    """Distinct answers, best first, of passages that come best first.

    With `whole_sentences` each span is widened to the sentence around it, with `whole_lists` an item gives way to the
    enumeration that holds it where the reader found that nearly as good; `dated` as for `whole_span`.

    Spans of one document that overlap are one answer, of which the best-scored place stays; then the same words
    (case, punctuation and articles aside) at different places are one answer with supporting places.
    """
    ranked = sorted(
        _places(read, weights, whole_sentences, dated), key=lambda p: (-p.score, p.hit.passage_id, p.start, p.end)
    )
    kept: list[Place] = []
    for place in ranked:
        if not any(_overlap(place, other) for other in kept):
            whole = _list_of(place, ranked) if whole_lists else place
            kept.append(place if any(_overlap(whole, other) for other in kept) else whole)
    groups: dict[str, list[Place]] = {}
    for place in kept:
        groups.setdefault(_key(place.text), []).append(place)
    return [Candidate(places[0], tuple(places[1:])) for places in groups.values()]


def _list_of(item: Place, ranked: Sequence[Place]) -> Place:
    """The best enumeration that has a place among its items, else the place itself."""
    for place in ranked:
        if place.score < item.score - LIST_SLACK:
            break
        listed = items(place.text) if place.document_id == item.document_id else []
        if len(listed) > 1 and (item.start - place.start, item.end - place.start) in listed:
            return place
    return item


def _places(read: Sequence[ReadPassage], weights: RankWeights, whole_sentences: bool, dated: bool) -> list[Place]:
    places = []
    for rank, entry in enumerate(read):
        prior = weights.prior(rank, entry.similarity)
        sentences = [(s.start, s.end) for s in split_sentences(entry.passage.text)] if whole_sentences else []
        for span in entry.spans:
            start, end = whole_span(
                entry.passage.text,
                span.start,
                span.end,
                context=entry.passage.context,
                sentences=sentences,
                dated=dated,
            )
            text = entry.passage.text[start:end]
            if not text.strip():
                continue
            places.append(
                Place(
                    document_id=entry.passage.document_id,
                    start=entry.passage.start + start,
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


def _overlap(one: Place, other: Place) -> bool:
    return one.document_id == other.document_id and one.start < other.end and other.start < one.end


def _key(text: str) -> str:
    plain = unicodedata.normalize("NFC", text).casefold().translate(_ALIKE)
    words = _ARTICLES.sub(" ", _PUNCTUATION.sub("", _THOUSANDS.sub("", plain))).split()
    # An answer of punctuation or articles alone is its own key, not equal to every other such.
    return " ".join(words) or text
