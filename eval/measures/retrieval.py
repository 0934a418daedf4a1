"""Measures of retrieval, computed by ir_measures from the passages that were read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import ir_measures
import numpy as np
from ir_measures import Qrel, ScoredDoc

from eval.measures.measure import Family, Measure, Rows, Weights, ratio_of_sums, whole_number
from eval.results import QuestionResult
from qa.types import MAX_PASSAGES


@dataclass(frozen=True)
class Retrieval(Measure):
    """A measure of ir_measures over the questions whose answers have a known place.

    The documents of the field are our passages; relevant are those of the store that overlap a gold span in the gold
    document. A question that failed, or whose document is not in the store, scores 0.
    """

    metric: ir_measures.Measure = field(kw_only=True)

    def rows(self, results: Sequence[QuestionResult]) -> Rows:
        judged = [(str(number), result) for number, result in enumerate(results) if result.retrieval_judged]
        scores = {
            scored.query_id: scored.value
            for scored in ir_measures.iter_calc(
                [self.metric],
                [judgement for number, result in judged for judgement in _judgements(number, result)],
                [ranked for number, result in judged for ranked in _ranking(number, result)],
            )
        }
        rows = np.zeros((len(results), 2))
        for number, _ in judged:
            rows[int(number)] = scores.get(number, 0.0), 1.0
        return rows

    def reducer(self, rows: Rows) -> Callable[[Weights], float | None]:
        return ratio_of_sums(rows)

    def contributions(self, results: Sequence[QuestionResult]) -> list[float | None]:
        return [float(value) if counts else None for value, counts in self.rows(results)]

    def over(self, results: Sequence[QuestionResult]) -> int:
        return sum(result.retrieval_judged for result in results)


def _judgements(query: str, result: QuestionResult) -> list[Qrel]:
    place = result.place
    if place is None or not place.passages:
        # Something to be found that cannot be: without a judgement the field leaves a query out.
        return [Qrel(query, "nowhere", 1)]
    return [Qrel(query, _name(place.document, start, end), 1) for start, end in place.passages]


def _ranking(query: str, result: QuestionResult) -> list[ScoredDoc]:
    # By rank, not by score: the field breaks ties of scores in its own way.
    return [
        ScoredDoc(query, _name(passage.document, passage.start, passage.end), -float(rank))
        for rank, passage in enumerate(result.passages)
    ]


def _name(document: str, start: int, end: int) -> str:
    return f"{document}:{start}:{end}"


def _family(name: str, metric: Callable[[int], ir_measures.Measure]) -> Family:
    """A measure of ir_measures with a cut-off, under our name for it."""

    def make(parameter: str) -> Retrieval | None:
        depth = whole_number(parameter, MAX_PASSAGES)
        return None if depth is None else Retrieval(f"{name}@{depth}", depth=depth, metric=metric(depth))

    return Family(name, "K", make)


FAMILIES = (
    _family("HitRate", lambda depth: ir_measures.Success @ depth),
    _family("MRR", lambda depth: ir_measures.RR @ depth),
    _family("nDCG", lambda depth: ir_measures.nDCG @ depth),
)
