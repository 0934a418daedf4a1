"""Is one run better than another? Paired resampling over the questions that both were asked.

Questions of one document or paragraph hang together and are drawn together, or the intervals would be too narrow. Where
there are too few of them to draw from, single questions are drawn: the intervals then hold for these documents alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from eval.measures.measure import Measure, Weights
from eval.results import QuestionResult
from eval.runs.run import SEED, GoldRef, Run
from index.errors import InputError

RESAMPLES = 1000
LEVEL = 0.95
MIN_SOURCES = 10
# Differences of sums that should be equal may differ in their last bits.
ROUNDING = 1e-12

Verdict = Literal["better", "worse", "no difference shown", "not measured"]
Sources = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, which hold the value with a confidence of `LEVEL`."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """A measure of two runs: `change` is after minus before, with its interval and the p-value of no change at all.

    A difference is shown where the interval excludes 0 and p is below 1 - `LEVEL`; whether it is for the better
    depends on the measure. Each measure is judged on its own.
    """

    measure: Measure
    before: float | None
    after: float | None
    change: float | None
    interval: Interval | None
    p: float | None

    @property
    def verdict(self) -> Verdict:
        if self.change is None:
            return "not measured"
        if self.interval is None or self.p is None or self.p >= 1 - LEVEL:
            return "no difference shown"
        if self.interval.low <= 0 <= self.interval.high:
            return "no difference shown"
        return "better" if (self.change > 0) == self.measure.higher_is_better else "worse"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs over the same gold questions. `missing_*` questions of the other run counted as wrong in that one.
    `sources` documents or paragraphs were drawn from, or single questions where it is None."""

    identical: bool
    questions: int
    sources: int | None
    missing_before: int
    missing_after: int
    differences: tuple[Difference, ...]


def compare(before: Run, after: Run, measures: Sequence[Measure], *, seed: int = SEED) -> Comparison:
    """Compare two runs, measure by measure.

    Raises InputError for runs of different gold sets, or of different questions of one. A measure that looks deeper
    than either run did is not measured.
    """
    check_same_gold(before.about.gold, after.about.gold)
    old, new = _aligned(before, after)
    depth = min(before.settings.passages, after.settings.passages)
    sources = _count_sources(old)
    differences = [
        difference(measure, old, new, seed=seed)
        if measure.depth <= depth
        else Difference(measure, None, None, None, None, None)
        for measure in measures
    ]
    return Comparison(
        identical=before.canonical() == after.canonical(),
        questions=len(old),
        sources=sources if sources >= MIN_SOURCES else None,
        missing_before=len(old) - len(before.results),
        missing_after=len(new) - len(after.results),
        differences=tuple(differences),
    )


def difference(
    measure: Measure, before: Sequence[QuestionResult], after: Sequence[QuestionResult], *, seed: int = SEED
) -> Difference:
    """A measure before and after, over the same questions in the same order.

    The interval is the percentile bootstrap's (Efron, Tibshirani 1993, chapter 13), the p-value that of approximate
    randomisation (Noreen 1989; Yeh, COLING 2000), which swaps what the two runs have for a source, at random.
    """
    sources = _sources(before)
    one, none = np.ones(len(sources)), np.zeros(len(sources))
    value = measure.reducer(np.concatenate([measure.rows(before), measure.rows(after)]))

    def changed(old: Weights, new: Weights) -> float:
        """The change between two mixtures of both runs' questions, (2n,) each."""
        values = value(old), value(new)
        return np.nan if values[0] is None or values[1] is None else values[1] - values[0]

    old, new = value(np.concatenate([one, none])), value(np.concatenate([none, one]))
    if old is None or new is None:
        return Difference(measure, old, new, None, None, None)
    change = new - old
    bounds = _bootstrap(
        lambda drawn: changed(np.concatenate([drawn, none]), np.concatenate([none, drawn])), sources, seed
    )
    generator = np.random.default_rng(seed)
    extreme = 0
    for _ in range(RESAMPLES):
        swap = generator.integers(2, size=sources.max() + 1)[sources].astype(np.float64)
        shuffled = changed(np.concatenate([1 - swap, swap]), np.concatenate([swap, 1 - swap]))
        # What cannot be measured after a swap speaks for no difference.
        extreme += not abs(shuffled) < abs(change) - ROUNDING
    return Difference(measure, old, new, change, bounds, (extreme + 1) / (RESAMPLES + 1))


def interval(measure: Measure, results: Sequence[QuestionResult], *, seed: int = SEED) -> Interval | None:
    """The percentile bootstrap interval of a measure of one run; None where there is nothing to measure, only one
    question, or a measure that drawing again distorts."""
    if not measure.resampled:
        return None
    value = measure.reducer(measure.rows(results))

    def drawn_value(drawn: Weights) -> float:
        measured = value(drawn)
        return np.nan if measured is None else measured

    return _bootstrap(drawn_value, _sources(results), seed)


def _bootstrap(value: Callable[[Weights], float], sources: Sources, seed: int) -> Interval | None:
    # One question is always drawn again: it tells nothing of how much others would differ.
    count = int(sources.max()) + 1 if len(sources) else 0
    if count < 2:
        return None
    generator = np.random.default_rng(seed)
    values = np.empty(RESAMPLES)
    for number in range(RESAMPLES):
        drawn = np.bincount(generator.integers(count, size=count), minlength=count)
        values[number] = value(drawn[sources].astype(np.float64))
    # A draw without any question to measure has no value.
    values = values[~np.isnan(values)]
    if not len(values):
        return None
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high))


def _sources(results: Sequence[QuestionResult]) -> Sources:
    """(n,) the number, from 0, of what each question is drawn together with: its source, or itself where it has none or
    the sources are too few."""
    few = _count_sources(results) < MIN_SOURCES
    numbers: dict[tuple[bool, str], int] = {}
    names = [(True, r.id) if few or r.source is None else (False, r.source) for r in results]
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int64)


def _count_sources(results: Sequence[QuestionResult]) -> int:
    return len({result.source for result in results if result.source is not None})


def check_same_gold(one: GoldRef | None, other: GoldRef | None) -> None:
    """Raises InputError unless two runs were made with the same questions of the same gold file."""
    if one is None or other is None:
        raise InputError("a run that does not name its gold file cannot be compared")
    if one.sha256 != other.sha256:
        raise InputError(
            f"the runs were made with different gold sets: {one.name} ({one.sha256[:12]}, {one.questions} questions) "
            f"and {other.name} ({other.sha256[:12]}, {other.questions} questions); compare runs of one gold file"
        )
    if one.model_copy(update={"name": other.name}) != other:
        raise InputError(
            f"the runs asked different questions of {one.name}: {_selection(one)} and {_selection(other)}; "
            "repeat one with the options of the other"
        )


def _selection(gold: GoldRef) -> str:
    articles = f"articles {gold.articles}" if gold.articles else "all articles"
    return f"{articles}, a draw of {gold.sample} (seed {gold.seed})" if gold.sample else articles


def _aligned(before: Run, after: Run) -> tuple[list[QuestionResult], list[QuestionResult]]:
    """The results of both runs in one order; what only one of them has counts as failed in the other."""
    old, new = ({result.id: result for result in run.results} for run in (before, after))
    ids = list(dict.fromkeys([*old, *new]))
    expected = before.about.gold.questions if before.about.gold else 0
    if len(ids) != expected:
        raise InputError(
            f"the runs hold {len(ids)} of the {expected} questions asked: those in neither cannot be counted as wrong; "
            "run qa eval again"
        )
    differing = next((name for name in ids if name in old and name in new and not _alike(old[name], new[name])), None)
    if differing is not None:
        raise InputError(f"the runs disagree about the question {differing!r}, though they name the same gold file")
    return [old.get(name) or _missing(new[name]) for name in ids], [
        new.get(name) or _missing(old[name]) for name in ids
    ]


def _alike(one: QuestionResult, other: QuestionResult) -> bool:
    return (one.question, one.golds, one.source) == (other.question, other.golds, other.source)


def _missing(known: QuestionResult) -> QuestionResult:
    return QuestionResult(
        id=known.id,
        question=known.question,
        kind=known.kind,
        source=known.source,
        answerable=known.answerable,
        golds=known.golds,
        status="failed",
        cause="failed",
        retrieval_judged=known.retrieval_judged,
        citation_valid=False,
        citation_precise=False if known.retrieval_judged or not known.answerable else None,
        error="the question is missing from the run",
    )
