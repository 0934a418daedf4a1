"""Fusing two ranked lists into one."""

from __future__ import annotations

from dataclasses import dataclass

from index.search.protocol import Hit

# Cormack, Clarke and Buettcher (SIGIR 2009) introduce reciprocal rank fusion with this constant.
RRF_CONSTANT = 60


@dataclass(frozen=True, slots=True)
class Fused:
    """A passage found by either search: its fused score, and its rank from 1 and score in each list (None: absent)."""

    passage_id: int
    score: float
    dense_rank: int | None = None
    dense_score: float | None = None
    lexical_rank: int | None = None
    lexical_score: float | None = None


@dataclass(frozen=True, slots=True)
class FusionWeights:
    """How much each list counts in reciprocal rank fusion; chosen by measured hit rate (`qa calibrate`)."""

    dense: float = 1.0
    lexical: float = 1.0
    constant: int = RRF_CONSTANT


def fuse(dense: list[Hit], lexical: list[Hit], weights: FusionWeights | None = None) -> list[Fused]:
    """Weighted reciprocal rank fusion: sum of weight / (constant + rank) over the lists; best first.

    Ties are the rule where both lists count the same: first in one and second in the other. They go to the better in
    the lexical list, whose first hit is right more often (`qa calibrate` shows both), then by id.
    """
    weights = weights or FusionWeights()
    dense_at = {passage: (rank, score) for rank, (passage, score) in enumerate(dense, start=1)}
    lexical_at = {passage: (rank, score) for rank, (passage, score) in enumerate(lexical, start=1)}
    fused = []
    for passage in dense_at.keys() | lexical_at.keys():
        dense_rank, dense_score = dense_at.get(passage, (None, None))
        lexical_rank, lexical_score = lexical_at.get(passage, (None, None))
        score = 0.0
        if dense_rank is not None:
            score += weights.dense / (weights.constant + dense_rank)
        if lexical_rank is not None:
            score += weights.lexical / (weights.constant + lexical_rank)
        fused.append(Fused(passage, score, dense_rank, dense_score, lexical_rank, lexical_score))
    absent = len(lexical) + 1
    return sorted(fused, key=lambda hit: (-hit.score, hit.lexical_rank or absent, hit.passage_id))
