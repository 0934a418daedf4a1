"""Measures of the confidence: calibration error, and what answering only the surest questions brings.

A failed question counts as sure and wrong, so that failing never looks good.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from eval.measures.basic import CALIBRATION_BINS, bin_of
from eval.measures.measure import Family, Measure, Rows, Weights
from eval.results import QuestionResult

_UNSTATED = -1.0


@dataclass(frozen=True)
class CalibrationError(Measure):
    """Expected calibration error with bins of equal width: the mean over the questions of |share right - confidence| of
    their bin (Naeini, Cooper, Hauskrecht, AAAI 2015), over the best spans, given or withheld.

    A question without any span makes no statement and is not counted. A failed one has a bin of its own: beside sure
    and right answers its error would cancel theirs, and failing look good.
    """

    # Questions that are drawn twice make every bin noisier and the error larger than it is.
    resampled: ClassVar[bool] = False

    def rows(self, results: Sequence[QuestionResult]) -> Rows:
        rows = np.zeros((len(results), CALIBRATION_BINS + 2))
        for row, result in zip(rows, results, strict=True):
            confidence = _stated(result)
            if confidence is not None:
                bin_number = CALIBRATION_BINS if result.status == "failed" else bin_of(confidence)
                row[bin_number] = confidence - result.forced_right
                row[-1] = 1.0
        return rows

    def reducer(self, rows: Rows) -> Callable[[Weights], float | None]:
        def reduce(weights: Weights) -> float | None:
            sums = weights @ rows
            return min(1.0, float(np.abs(sums[:-1]).sum() / sums[-1])) if sums[-1] else None

        return reduce

    def over(self, results: Sequence[QuestionResult]) -> int:
        return sum(_stated(result) is not None for result in results)


@dataclass(frozen=True)
class _Selective(Measure):
    """The surest questions first. Every question is in the curve, one without a span last and wrong."""

    def rows(self, results: Sequence[QuestionResult]) -> Rows:
        stated = [(_stated(result), not result.forced_right) for result in results]
        return np.array([(_UNSTATED if c is None else c, wrong) for c, wrong in stated], np.float64).reshape(-1, 2)


@dataclass(frozen=True)
class AreaUnderRiskCoverage(_Selective):
    """The mean, over every number n of questions, of the share of errors among the n surest (Geifman, Uziel, El-Yaniv,
    ICLR 2019). Among equally sure questions the errors are spread evenly, so that their order does not matter."""

    def reducer(self, rows: Rows) -> Callable[[Weights], float | None]:
        steps = _by_confidence(rows)

        def reduce(weights: Weights) -> float | None:
            answered, errors = steps(weights)
            if not answered[-1]:
                return None
            counts = np.arange(1, answered[-1] + 1)
            return float((np.interp(counts, answered, errors) / counts).mean())

        return reduce


@dataclass(frozen=True)
class CoverageAtRisk(_Selective):
    """The largest share of all questions that can be answered, by some threshold of the confidence, with at most this
    share of errors among them (Geifman, El-Yaniv, NeurIPS 2017); chosen on the very questions it is measured on."""

    risk: float = field(kw_only=True)

    def reducer(self, rows: Rows) -> Callable[[Weights], float | None]:
        told = rows[:, 0] > _UNSTATED
        steps = _by_confidence(rows[told])

        def reduce(weights: Weights) -> float | None:
            if not weights.sum():
                return None
            answered, errors = steps(weights[told])
            # A count against a product, with room for its rounding: 1 of 10 is a risk of 0.1. Nobody is always covered.
            return float(answered[errors <= self.risk * answered + 1e-9].max() / weights.sum())

        return reduce


def risk_coverage(results: Sequence[QuestionResult]) -> list[tuple[float, float, float]]:
    """The risk-coverage curve, surest first: (confidence, coverage, risk) at every distinct confidence."""
    rows = AreaUnderRiskCoverage("AURC", False).rows(results)
    told = rows[rows[:, 0] > _UNSTATED]
    answered, errors = (steps[1:] for steps in _by_confidence(told)(np.ones(len(told))))
    confidences = np.unique(told[:, 0])[::-1]
    return [
        (float(confidence), float(count / len(rows)), float(wrong / count))
        for confidence, count, wrong in zip(confidences, answered, errors, strict=True)
    ]


def _stated(result: QuestionResult) -> float | None:
    return 1.0 if result.status == "failed" else result.confidence


def _by_confidence(rows: Rows) -> Callable[[Weights], tuple[Weights, Weights]]:
    """By weights: how many questions, and errors among them, are at least as sure as each distinct confidence, highest
    first, after a 0 for answering nothing."""
    distinct, group = np.unique(-rows[:, 0], return_inverse=True)

    def steps(weights: Weights) -> tuple[Weights, Weights]:
        answered = np.bincount(group, weights=weights, minlength=len(distinct))
        errors = np.bincount(group, weights=weights * rows[:, 1], minlength=len(distinct))
        return np.concatenate([[0.0], np.cumsum(answered)]), np.concatenate([[0.0], np.cumsum(errors)])

    return steps


def _coverage_at_risk(parameter: str) -> CoverageAtRisk | None:
    try:
        risk = float(parameter.removeprefix("risk=")) if parameter.startswith("risk=") else math.nan
    except ValueError:
        return None
    return CoverageAtRisk(f"Coverage@risk={risk:g}", risk=risk) if 0 <= risk <= 1 else None


MEASURES: tuple[Measure, ...] = (CalibrationError("ECE", False), AreaUnderRiskCoverage("AURC", False))
FAMILIES = (Family("Coverage", "risk=R", _coverage_at_risk),)
