"""The arithmetic under the measures: means, percentiles, overlaps, calibration by bins."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence

from eval.results import Frozen, Share

CALIBRATION_BINS = 10


class CalibrationBin(Frozen):
    """The questions with a confidence in `(low, high]`, the first bin with 0: mean confidence and share right."""

    low: float
    high: float
    questions: int
    confidence: Share | None
    right: Share | None


def mean(values: Iterable[float]) -> float | None:
    """The arithmetic mean; None of nothing."""
    numbers = list(values)
    return math.fsum(numbers) / len(numbers) if numbers else None


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The nearest-rank percentile: the least value that `percent` (0..100) of them do not exceed; None of nothing."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def overlaps(start: int, end: int, spans: Iterable[tuple[int, int]]) -> bool:
    """Whether `[start, end)` shares a character with one of the spans; touching is no overlap."""
    return any(start < span_end and span_start < end for span_start, span_end in spans)


def first_overlap(
    passages: Iterable[tuple[str, int, int]], document_id: str, spans: Sequence[tuple[int, int]]
) -> int | None:
    """The rank, from 1, of the first passage that overlaps a gold span in the gold document; None if none does.

    `passages` are `(document id, start, end)`, best first; `spans` are `[start, end)`, both in code points of the
    document's text.
    """
    for rank, (of_document, start, end) in enumerate(passages, 1):
        if of_document == document_id and overlaps(start, end, spans):
            return rank
    return None


def hit_rate(ranks: Sequence[int | None], k: int) -> float | None:
    """The share of questions with a passage that holds an answer among the first k (also called success at k)."""
    return mean(rank is not None and rank <= k for rank in ranks)


def bin_of(confidence: float, bins: int = CALIBRATION_BINS) -> int:
    """The bin, from 0, of a confidence: bins of equal width `((m-1)/M, m/M]`, the first with 0 (Guo et al., ICML 2017).

    Raises ValueError for a confidence outside 0..1.
    """
    if not 0 <= confidence <= 1:
        raise ValueError(f"a confidence lies between 0 and 1, not at {confidence}")
    # Against the edges themselves: confidence * bins rounds 0.7 up into the wrong bin.
    return bisect_left([number / bins for number in range(1, bins + 1)], confidence)


def calibration_bins(
    confidences: Sequence[float], right: Sequence[bool], bins: int = CALIBRATION_BINS
) -> list[CalibrationBin]:
    """Mean confidence and share right by bin, for a reliability diagram; one entry per question, (n,) each."""
    members: list[list[tuple[float, bool]]] = [[] for _ in range(bins)]
    for confidence, was_right in zip(confidences, right, strict=True):
        members[bin_of(confidence, bins)].append((confidence, was_right))
    return [
        CalibrationBin(
            low=number / bins,
            high=(number + 1) / bins,
            questions=len(inside),
            confidence=mean(confidence for confidence, _ in inside),
            right=mean(was_right for _, was_right in inside),
        )
        for number, inside in enumerate(members)
    ]
