"""Measures as values: what a list of judged questions says about the system.

A measure is parsed from its name and has a value over any results; a share whose denominator is empty is None: neither
a perfect score nor a failure. A failed question stays in every denominator that it belongs to and scores the worst.
"""

from eval.measures.basic import (
    CALIBRATION_BINS,
    CalibrationBin,
    bin_of,
    calibration_bins,
    first_overlap,
    hit_rate,
    mean,
    overlaps,
    percentile,
)
from eval.measures.confidence import risk_coverage
from eval.measures.measure import Measure, Rows, Weights
from eval.measures.names import KNOWN, default_measures, is_timed, parse_bound, parse_measure
from eval.results import RIGHT_F1, QuestionResult

__all__ = [
    "CALIBRATION_BINS",
    "KNOWN",
    "RIGHT_F1",
    "CalibrationBin",
    "Measure",
    "QuestionResult",
    "Rows",
    "Weights",
    "bin_of",
    "calibration_bins",
    "default_measures",
    "first_overlap",
    "hit_rate",
    "is_timed",
    "mean",
    "overlaps",
    "parse_bound",
    "parse_measure",
    "percentile",
    "risk_coverage",
]
