"""Measures of answers, citations, abstention and time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from eval.measures.measure import Family, Measure, Ratio, Rows, Weights, whole_number
from eval.results import QuestionResult

Of = Callable[[QuestionResult], float]


def _mean(name: str, meaning: str, of: Of, *, among: Of = lambda result: True, higher_is_better: bool = True) -> Ratio:
    def row(result: QuestionResult) -> tuple[float, float]:
        counts = float(among(result))
        return float(of(result)) * counts, counts

    return Ratio(name, meaning, higher_is_better, of=row)


def _abstained(result: QuestionResult) -> bool:
    # A failed question counts as a mistake on either side: abstained from, or not, just as it should not have been.
    return result.declined or (result.status == "failed" and result.answerable)


def _rightly(result: QuestionResult) -> bool:
    return _abstained(result) and not result.answerable


def _abstention_f1(result: QuestionResult) -> tuple[float, float]:
    # 2TP / (2TP + FP + FN), as a sum over questions: never undefined when a system never abstains though it should.
    return 2.0 * _rightly(result), float(_abstained(result)) + float(not result.answerable)


MEASURES: tuple[Measure, ...] = (
    # The share of questions with the right outcome: a right answer, or an abstention where there is none.
    _mean(
        "Right",
        "the outcome is right: a right answer (F1 of at least 0.8), or an abstention where there is none",
        lambda r: r.right,
    ),
    # SQuAD 2.0 over all, answerable (HasAns) and unanswerable (NoAns) questions, named as its script names them; for
    # an unanswerable question exact match and F1 are the same.
    _mean(
        "EM",
        "the given answer equals a gold answer (SQuAD 2.0); an abstention where there is none counts as 1",
        lambda r: r.em,
    ),
    _mean("F1", "words shared with the best gold answer (SQuAD 2.0)", lambda r: r.f1),
    _mean("HasAnsEM", "EM of the answerable questions", lambda r: r.em, among=lambda r: r.answerable),
    _mean("HasAnsF1", "F1 of the answerable questions", lambda r: r.f1, among=lambda r: r.answerable),
    _mean("NoAnsF1", "unanswerable questions that were declined", lambda r: r.f1, among=lambda r: not r.answerable),
    # The best span of answerable questions, whatever was decided.
    _mean(
        "ForcedEM",
        "EM of the best span of answerable questions, whatever was decided",
        lambda r: r.forced_em,
        among=lambda r: r.answerable,
    ),
    _mean(
        "ForcedF1",
        "F1 of the best span of answerable questions, whatever was decided",
        lambda r: r.forced_f1,
        among=lambda r: r.answerable,
    ),
    _mean(
        "HasAnsRight",
        "answerable questions that were answered rightly (F1 of at least 0.8)",
        lambda r: r.right,
        among=lambda r: r.answerable,
    ),
    _mean(
        "ForcedRight",
        "answerable questions whose best span is right (F1 of at least 0.8), whatever was decided",
        lambda r: r.forced_right,
        among=lambda r: r.answerable,
    ),
    _mean(
        "ForcedPlace",
        "the sentence around the best span contains a gold answer, whatever was decided",
        lambda r: r.forced_place,
        among=lambda r: r.retrieval_judged,
    ),
    _mean("Coverage", "questions that were answered", lambda r: r.status == "answered"),
    # Among the answered; a failed question counts as answered wrongly, so that failing never looks safe.
    _mean(
        "Risk",
        "wrong answers among those given",
        lambda r: not r.right,
        among=lambda r: not r.declined,
        higher_is_better=False,
    ),
    # Abstaining as a detector of unanswerable questions.
    _mean(
        "AbstentionPrecision",
        "abstentions from questions without an answer, among all abstentions",
        _rightly,
        among=_abstained,
    ),
    _mean(
        "AbstentionRecall",
        "abstentions from questions without an answer, among all such questions",
        _rightly,
        among=lambda r: not r.answerable,
    ),
    Ratio("AbstentionF1", "harmonic mean of AbstentionPrecision and AbstentionRecall", of=_abstention_f1),
    _mean(
        "CitationValidity",
        "every citation of the answer says just what its document says",
        lambda r: bool(r.citation_valid),
        among=lambda r: r.citation_valid is not None,
    ),
    _mean(
        "CitationPrecision",
        "the cited sentence contains a gold answer to the question",
        lambda r: bool(r.citation_precise),
        among=lambda r: r.citation_precise is not None,
    ),
)


@dataclass(frozen=True)
class Latency(Measure):
    """Milliseconds a question, nearest-rank percentile over those that did not fail."""

    percent: float = field(kw_only=True)

    def rows(self, results: Sequence[QuestionResult]) -> Rows:
        return np.array([(r.elapsed_ms, r.status != "failed") for r in results], dtype=np.float64).reshape(-1, 2)

    def reducer(self, rows: Rows) -> Callable[[Weights], float | None]:
        order = np.argsort(rows[:, 0], kind="stable")
        times, counted = rows[order, 0], rows[order, 1]

        def reduce(weights: Weights) -> float | None:
            reached = np.cumsum(weights[order] * counted)
            if not len(reached) or not reached[-1]:
                return None
            # The least time that so many percent do not exceed; in whole questions, with no rounding to go wrong.
            return float(times[np.searchsorted(reached, max(1.0, np.ceil(reached[-1] * self.percent / 100)))])

        return reduce

    def over(self, results: Sequence[QuestionResult]) -> int:
        return sum(result.status != "failed" for result in results)


def _latency(parameter: str) -> Latency | None:
    percent = whole_number(parameter, 100)
    meaning = "time of a question that so many percent do not exceed"
    return None if percent is None else Latency(f"Latency@{percent}", meaning, False, timed=True, percent=percent)


FAMILIES = (Family("Latency", "P", _latency),)
