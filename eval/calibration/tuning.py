"""How the weights of retrieval and of ranking are chosen: by what they come to on gold questions, over a grid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import numpy as np

from eval.calibration.observing import Observation
from eval.gold.corpus import context_uri
from eval.gold.questions import GoldQuestion
from eval.measures.basic import first_overlap, hit_rate
from eval.measures.squad import f1
from index.documents import document_id
from index.errors import InputError
from index.store.store import Store
from qa.judging.candidates import RankWeights
from qa.judging.judge import answer_candidates
from qa.retrieval.fusion import FusionWeights, fuse

RANKING_GRID = tuple(product((0.0, 1.0, 2.0, 4.0, 6.0, 9.0, 12.0), (0.0, 1.0, 2.0, 4.0, 6.0, 9.0)))
# Hit rates this near each other are a question or two of a few hundred.
ALIKE = 0.006
FUSION_GRID = tuple((dense, 1.0) for dense in (0.2, 0.35, 0.5, 0.7, 1.0, 1.4))


def tune_fusion(store: Store, gold: Sequence[GoldQuestion], *, k: int = 20) -> tuple[FusionWeights, dict[str, float]]:
    """The most even of the list weights with the best hit rate at k, as far as that tells them apart (`ALIKE`), and the
    hit rates of every choice and of each list alone."""
    located = [question for question in gold if question.located and question.context]
    ranks: dict[str, list[int | None]] = {}
    for begin in range(0, len(located), 256):
        batch = located[begin : begin + 256]
        vectors = store.embedder.embed([question.question for question in batch])
        for question, vector in zip(batch, vectors, strict=True):
            result = store.search(question.question, vector, 3 * k)
            orders = {"dense": [i for i, _ in result.dense], "lexical": [i for i, _ in result.lexical]}
            for dense, lexical in FUSION_GRID:
                weights = FusionWeights(dense=dense, lexical=lexical)
                fused = fuse(result.dense, result.lexical, weights)
                orders[f"fused {dense:g}:{lexical:g}"] = [hit.passage_id for hit in fused]
            snapshot = store.catalogue.snapshot(list({i for order in orders.values() for i in order[:k]}))
            wanted = document_id(context_uri(question.context or ""))
            spans = [(a.start, a.end) for a in question.answers if a.start is not None and a.end is not None]
            for name, order in orders.items():
                places = [
                    (p.document_id, p.start, p.end) for i in order[:k] if (p := snapshot.passages.get(i)) is not None
                ]
                ranks.setdefault(name, []).append(first_overlap(places, wanted, spans))
    if not located:
        raise InputError("no question with a located answer: fusion cannot be tuned")
    rates = {
        f"{name} @{depth}": hit_rate(of_order, depth) or 0.0 for name, of_order in ranks.items() for depth in (1, 5, k)
    }
    at_k = {pair: rates[f"fused {pair[0]:g}:{pair[1]:g} @{k}"] for pair in FUSION_GRID}
    # Of those that can hardly be told apart the most even: other documents may lean to the other list.
    alike = [pair for pair in FUSION_GRID if at_k[pair] >= max(at_k.values()) - ALIKE]
    best = min(alike, key=lambda pair: abs(math.log(pair[0] / pair[1])))
    return FusionWeights(dense=best[0], lexical=best[1]), rates


def tune_ranking(observations: Sequence[Observation]) -> tuple[RankWeights, float]:
    """The ranking weights with the best F1 of the first span over answerable questions, and that F1."""
    asked = [entry for entry in observations if entry.gold.answerable]
    if not asked:
        raise InputError("no answerable question: ranking cannot be tuned")

    def score(pair: tuple[float, float]) -> float:
        weights = RankWeights(similarity=pair[0], fused=pair[1])
        return float(np.mean([_best_f1(entry, weights) for entry in asked]))

    scores = {pair: score(pair) for pair in RANKING_GRID}
    best = max(RANKING_GRID, key=lambda pair: (round(scores[pair], 4), -sum(pair)))
    return RankWeights(similarity=best[0], fused=best[1]), scores[best]


def _best_f1(entry: Observation, weights: RankWeights) -> float:
    candidates = answer_candidates(entry.asked, entry.read, weights)
    return f1(candidates[0].best.text, [answer.text for answer in entry.gold.answers]) if candidates else 0.0
