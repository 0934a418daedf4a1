from __future__ import annotations

import numpy as np
import pytest

from index.errors import InputError
from qa.calibration.fitting import choose_threshold, fit_logistic
from qa.judging.confidence import FEATURES, uncalibrated


def drawn(count: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Answers whose chance to be right is the logistic function of the first feature."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(count, len(FEATURES)))
    features[:, 3] = 0.0
    right = rng.random(count) < 1 / (1 + np.exp(-2 * features[:, 0]))
    return features, right


def test_fitted_probabilities_are_those_that_made_the_data() -> None:
    features, right = drawn(6000)
    fit = fit_logistic(features, right, np.ones(len(features)))
    calibration = uncalibrated().model_copy(
        update={"mean": fit.mean, "scale": fit.scale, "weights": fit.weights, "bias": fit.bias}
    )
    for value in (-1.0, 0.0, 1.0):
        row = np.zeros(len(FEATURES))
        row[0] = value
        assert calibration.probability(row) == pytest.approx(1 / (1 + np.exp(-2 * value)), abs=0.05)


def test_a_constant_feature_does_no_harm() -> None:
    features, right = drawn(500)
    fit = fit_logistic(features, right, np.ones(len(features)))
    assert np.isfinite([*fit.weights, *fit.mean, fit.bias]).all()
    assert all(scale > 0 for scale in fit.scale)


def test_too_few_of_a_kind_is_said() -> None:
    features, _ = drawn(100)
    with pytest.raises(InputError, match="100 right and 0 wrong"):
        fit_logistic(features, np.ones(100, dtype=bool), np.ones(100))


def test_the_threshold_serves_both_kinds() -> None:
    confidence = np.array([0.9, 0.8, 0.7, 0.4, 0.3, 0.2])
    answerable = np.array([True, True, True, False, False, False])
    threshold = choose_threshold(confidence, answerable, answerable)
    assert 0.4 < threshold <= 0.7
