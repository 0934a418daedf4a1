"""Fusing two ranked lists into one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from index.search.protocol import Hit


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
    """How much each list counts in the fused score; chosen by measured hit rate (`qa calibrate`)."""

    dense: float = 1.0
    lexical: float = 1.0


def fuse(dense: list[Hit], lexical: list[Hit], weights: FusionWeights | None = None) -> list[Fused]:
    """Weighted sum of scores, each as a share of the best of its list; best first.

    Inner products and BM25 scores have nothing in common but that the best hit of a question has the most: shares of
    it keep how much better a hit is than the next one, which ranks forget. What a list was cut off before counts as
    its last hit, the most that it can have; where the list ended by itself, as nothing.

    Equal ones go to the better in the lexical list, whose first hit is right more often (`qa calibrate` shows both),
    then by id.
    """
    weights = weights or FusionWeights()
    dense_at = {passage: (rank, score) for rank, (passage, score) in enumerate(dense, start=1)}
    lexical_at = {passage: (rank, score) for rank, (passage, score) in enumerate(lexical, start=1)}
    # Both were searched equally deep: the shorter one has no more to give.
    dense_share = _shares(dense, cut_off=len(dense) >= len(lexical))
    lexical_share = _shares(lexical, cut_off=len(lexical) >= len(dense))
    fused = []
    for passage in dense_at.keys() | lexical_at.keys():
        dense_rank, dense_score = dense_at.get(passage, (None, None))
        lexical_rank, lexical_score = lexical_at.get(passage, (None, None))
        score = weights.dense * dense_share(dense_score) + weights.lexical * lexical_share(lexical_score)
        fused.append(Fused(passage, score, dense_rank, dense_score, lexical_rank, lexical_score))
    absent = len(lexical) + 1
    return sorted(fused, key=lambda hit: (-hit.score, hit.lexical_rank or absent, hit.passage_id))


def _shares(hits: list[Hit], *, cut_off: bool) -> Callable[[float | None], float]:
    """A score of a list, None for a passage that is not in it, as a share of its best."""
    best, last = (hits[0][1], hits[-1][1]) if hits else (0.0, 0.0)
    # Not even the best inner product need be above zero.
    unit = best if best > 0 else 1.0
    absent = last if cut_off else min(0.0, last)
    return lambda score: (absent if score is None else score) / unit
