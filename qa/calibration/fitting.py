"""The statistics of a calibration: a logistic model fitted to judged answers, and the threshold of answering.

How gold questions are asked and judged for it is the subject of `eval.calibration.from_gold`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from index.errors import InputError
from qa.judging.confidence import FEATURES

# Below this many answers of each kind a fitted probability would be noise.
MIN_OF_EACH = 30


@dataclass(frozen=True, slots=True)
class LogisticFit:
    """A logistic model over standardised features: each (len(FEATURES),), and a bias."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float


def fit_logistic(
    features: NDArray[np.float64], right: NDArray[np.bool_], sample_weight: NDArray[np.float64]
) -> LogisticFit:
    """Fit P(right) by maximum likelihood with a weak L2 penalty.

    features (answers, len(FEATURES)), right (answers,), sample_weight (answers,). Raises InputError where there are
    too few right or wrong answers.
    """
    if min(int(right.sum()), int((~right).sum())) < MIN_OF_EACH:
        raise InputError(
            f"{int(right.sum())} right and {int((~right).sum())} wrong answers: a calibration needs {MIN_OF_EACH} "
            "of each; give more questions"
        )
    mean = np.average(features, axis=0, weights=sample_weight)
    spread = np.sqrt(np.average((features - mean) ** 2, axis=0, weights=sample_weight))
    # A feature that never varies tells nothing; as it is, it must not be divided by zero.
    scale = np.where(spread > 1e-9, spread, 1.0)
    model = LogisticRegression(C=1.0, max_iter=1000).fit((features - mean) / scale, right, sample_weight=sample_weight)
    if features.shape[1] != len(FEATURES):
        raise ValueError(f"{features.shape[1]} features, expected {len(FEATURES)}")
    return LogisticFit(
        mean=tuple(float(f"{v:.6g}") for v in mean),
        scale=tuple(float(f"{v:.6g}") for v in scale),
        weights=tuple(round(float(v), 6) for v in model.coef_[0]),
        bias=round(float(model.intercept_[0]), 6),
    )


def choose_threshold(
    confidence: NDArray[np.float64],
    right: NDArray[np.bool_],
    answerable: NDArray[np.bool_],
    weight: NDArray[np.float64] | None = None,
) -> float:
    """The confidence at which answering begins: where the smaller of two shares is largest, answerable questions
    answered rightly and unanswerable ones abstained from, so that neither kind is bought with the other.

    All (questions,): confidence of the best answer, whether it is right, whether the question has an answer, and how
    much it counts, by default the same. Raises InputError where the questions are of one kind only.
    """
    if answerable.all() or not answerable.any():
        kind = "without" if answerable.any() else "with"
        raise InputError(f"no question {kind} an answer: a threshold parts the two kinds, and needs questions of both")
    counts = np.ones(len(confidence)) if weight is None else weight
    best_score, best = -1.0, 0.5
    for threshold in np.round(np.arange(0.05, 0.96, 0.01), 2):
        answered = confidence >= threshold
        kept = float(np.average((answered & right)[answerable], weights=counts[answerable]))
        declined = float(np.average((~answered)[~answerable], weights=counts[~answerable]))
        if min(kept, declined) > best_score:
            best_score, best = min(kept, declined), float(threshold)
    return best
