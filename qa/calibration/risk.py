"""The threshold from which on at most a share R of the answers is wrong, with confidence 1 - delta; or why none is.

Learn then Test (Angelopoulos, Bates, Candes, Jordan, Lei 2021): the share of wrong answers need not fall as the
threshold rises, so every threshold of a grid is a hypothesis of its own ("more than R are wrong from here on") that the
gold questions must reject. They are tested in a fixed sequence, from strict to loose, each at the full level delta,
until one cannot be rejected: the chance that any of the thresholds passed was passed wrongly is at most delta. Grid and
order are fixed. The walk begins at the strictest threshold with a tenth of the questions answered and with enough
answers for a share of R/2 to be told from R: stricter ones would end it for lack of data. That looks at how many
questions are answered, never at how well.

Each test is the greater of two p-values, for x wrong among n answers and m = floor(R n):

- P(Binomial(n, R) <= x): that the long-run share is above R.
- P(X <= x), X hypergeometric: of 2n answers x + m + 1 are wrong, n are drawn. By exchangeability, whatever the
  distribution, this bounds the chance that so few wrong ones are seen here while more than R of the *next* n answers
  are wrong. It is what a user reads the promise as, and stricter: the next n answers fluctuate as well, so that a
  test of the long-run share alone is exceeded by the next set in up to 18 % of cases where delta is 10 %.

Both hold for every distribution and sample size where questions err independently (for the hypergeometric one: at
each threshold by itself; that choosing the last one passed adds nothing was checked by simulation, see the tests).
Questions of one paragraph or document may err together. n and x are then divided by the design effect (Kish 1965,
"Survey Sampling", 8.2) and n is cut for the few groups that it was estimated from, as Korn and Graubard (1998, Survey
Methodology 24) do for binomial bounds. That is an approximation: a bound that holds for any dependence within
paragraphs would have to allow for whole paragraphs of wrong answers, none of which was seen, and promise nothing with
fewer than thousands of questions. The design effect is the greater of the one among the answers at hand and the one
that the correlation over all gold questions implies, so that a few answers without errors are not taken for proof of
independence; simulated, a false promise stays rarer than delta even where all questions of a document err together.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom, hypergeom, norm
from scipy.stats import t as student_t

# Where the walk begins, as a share of the questions: the surest few are too few to tell, and of little use.
MIN_COVERAGE = 0.1
GRID = tuple(round(1 - step / 100, 2) for step in range(1, 100))
"""The thresholds that can be promised for, strictest first."""

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Proof:
    """That the promise holds at `threshold`, and at every threshold of GRID from there up to `strictest`.

    At `threshold` that many of the gold `questions` were `answered`, that many answers were `wrong`, and they told as
    much as `effective` answers that err independently.
    """

    threshold: float
    strictest: float
    questions: int
    answered: int
    wrong: int
    effective: int

    @property
    def coverage(self) -> float:
        """The share of the gold questions that are answered."""
        return self.answered / self.questions


@dataclass(frozen=True, slots=True)
class Refusal:
    """That nothing can be promised from these `questions`, which form `groups` groups that may err together.

    `answered` and `wrong` are those at the threshold that came nearest; 0 where no question has a confidence. `more`
    is an estimate of how many more questions like these would do, None where it seems that no number would.
    """

    questions: int
    groups: int
    answered: int
    wrong: int
    more: int | None


def prove(
    confidence: ArrayLike, wrong: ArrayLike, groups: Sequence[Hashable], *, risk: float, delta: float
) -> Proof | Refusal:
    """The loosest threshold at which at most `risk` of the answers is wrong with confidence 1 - `delta`.

    All (questions,): `confidence` of the best answer, below every threshold (say -1) where there is none; whether that
    answer is `wrong`; what each question has in common with others that may err with it. Raises ValueError for shapes
    that differ, no question at all, or a risk or delta outside (0, 1) and (0, 0.5).
    """
    if not 0 < risk < 1 or not 0 < delta < 0.5:
        raise ValueError(f"risk {risk} must lie in (0, 1) and delta {delta} in (0, 0.5)")
    sure, bad = np.asarray(confidence, dtype=np.float64), np.asarray(wrong, dtype=bool)
    if not sure.shape == bad.shape == (len(groups),) or len(groups) == 0:
        raise ValueError(
            f"confidence {sure.shape}, wrong {bad.shape} and {len(groups)} groups must be as many, and some"
        )
    counts = _Counts.of(sure, bad, groups)
    share = counts.effective_share(delta)
    enough = counts.totals >= np.maximum(_answers_needed(risk, risk / 2, delta), MIN_COVERAGE * len(groups))
    passed = _p_values(counts.totals, counts.wrong_totals, share, risk) <= delta
    first = int(np.argmax(enough))
    if not (enough[first] and passed[first]):
        return _refusal(counts, share, risk, delta)
    # The first one not passed ends the walk, whatever comes behind it.
    last = first + int(np.argmin(np.append(passed[first:], False))) - 1
    return Proof(
        threshold=GRID[last],
        strictest=GRID[first],
        questions=len(groups),
        answered=int(counts.totals[last]),
        wrong=int(counts.wrong_totals[last]),
        effective=math.floor(counts.totals[last] * share[last]),
    )


@dataclass(frozen=True, slots=True)
class _Counts:
    """By group and threshold, (groups, len(GRID)): answers, and wrong ones; by group, (groups,): questions, wrong."""

    answered: _Floats
    wrong: _Floats
    asked: _Floats
    asked_wrong: _Floats

    @classmethod
    def of(cls, confidence: _Floats, wrong: NDArray[np.bool_], groups: Sequence[Hashable]) -> _Counts:
        numbers: dict[Hashable, int] = {}
        rows = np.array([numbers.setdefault(group, len(numbers)) for group in groups])
        # The number of thresholds that a confidence does not reach is where its answer begins to count.
        begins = np.searchsorted(-np.array(GRID), -confidence, side="left")
        shape = (len(numbers), len(GRID) + 1)

        def by_threshold(chosen: NDArray[np.bool_]) -> _Floats:
            counted = np.zeros(shape)
            np.add.at(counted, (rows[chosen], begins[chosen]), 1)
            return np.cumsum(counted[:, :-1], axis=1)

        return cls(
            answered=by_threshold(np.ones_like(wrong)),
            wrong=by_threshold(wrong),
            asked=np.bincount(rows).astype(np.float64),
            asked_wrong=np.bincount(rows, weights=wrong).astype(np.float64),
        )

    @property
    def totals(self) -> _Floats:
        return np.asarray(self.answered.sum(axis=0))

    @property
    def wrong_totals(self) -> _Floats:
        return np.asarray(self.wrong.sum(axis=0))

    def effective_share(self, delta: float) -> _Floats:
        """How many independent answers each answer is worth, (len(GRID),), 0..1.

        1 where every group has one answer, and 0 where one group has them all: it tells nothing of others.
        """
        seen = (self.answered > 0).sum(axis=0)
        several = np.maximum(seen, 2)
        here = _design_effect(self.answered, self.wrong) * several / (several - 1)
        # What the answers of a group have in common, weighted as a question meets it.
        together = (self.answered**2).sum(axis=0) / np.maximum(self.totals, 1)
        effect = np.maximum(1.0, np.maximum(here, 1 + self._correlation() * (together - 1)))
        few = (norm.isf(delta) / student_t.isf(delta, several - 1)) ** 2
        worth: _Floats = np.where(together > 1, np.where(seen > 1, few / effect, 0.0), 1.0)
        return worth

    def _correlation(self) -> float:
        """The correlation within groups of being wrong, over all questions, 0..1 (by the method of moments).

        As if there were one group more, all wrong: a few groups, all right, do not show that none is all wrong.
        """
        usual = float((self.asked**2).sum() / self.asked.sum())
        asked, wrong = np.append(self.asked, usual), np.append(self.asked_wrong, usual)
        pairs = float((asked * (asked - 1)).sum())
        if pairs == 0:
            return 0.0
        effect = float(_design_effect(asked[:, None], wrong[:, None])[0])
        return min(1.0, max(0.0, (effect - 1) * float(asked.sum()) / pairs))


def _design_effect(counts: _Floats, wrong: _Floats) -> _Floats:
    """The variance of the number wrong over that of as many independent answers, (thresholds,); 1 where all are alike.

    counts, wrong (groups, thresholds). The ratio's variance is linearised (Cochran 1977, "Sampling Techniques", 6.5).
    """
    totals = counts.sum(axis=0)
    rate = wrong.sum(axis=0) / np.maximum(totals, 1)
    independent = totals * rate * (1 - rate)
    spread = ((wrong - rate * counts) ** 2).sum(axis=0)
    return np.where(independent > 0, spread / np.where(independent > 0, independent, 1.0), 1.0)


def _p_values(answered: _Floats, wrong: _Floats, share: _Floats, risk: float) -> _Floats:
    """The p-values of the module's docstring; all arguments and the result (len(GRID),)."""
    # Rounded against the promise; the small step keeps 0.1 * 30 from becoming 2.
    n, x = np.floor(answered * share + 1e-9), np.ceil(wrong * share - 1e-9)
    allowed = np.floor(risk * n + 1e-9)
    next_set = hypergeom.cdf(x, 2 * n, np.minimum(x + allowed + 1, 2 * n), n)
    return np.where((n > 0) & (x <= allowed), np.maximum(next_set, binom.cdf(x, n, risk)), 1.0)


def _answers_needed(risk: float, rate: float | _Floats, delta: float) -> _Floats:
    """How many independent answers tell a rate of wrong ones from `risk`, by the normal approximation of the test."""
    # Twice the variance of one set: the rate of the next set is compared with the rate of this one.
    return np.asarray(np.ceil(2 * norm.isf(delta) ** 2 * risk * (1 - risk) / (risk - rate) ** 2))


def _refusal(counts: _Counts, share: _Floats, risk: float, delta: float) -> Refusal:
    answered, wrong, questions = counts.totals, counts.wrong_totals, int(counts.asked.sum())
    # Half an error more than was seen: no answers, or a few without an error, tell of no rate of zero.
    rate = (wrong + 0.5) / (answered + 1)
    begun = answered >= MIN_COVERAGE * questions
    hopeful = begun & (rate < risk) & (share > 0)
    least = float(_answers_needed(risk, risk / 2, delta))
    needed = np.maximum(least, _answers_needed(risk, np.where(hopeful, rate, 0.0), delta))
    times = np.where(hopeful, needed / np.maximum(answered * share, 1e-9), np.inf)
    # Where the estimate says that there are enough, the test has said otherwise: a little more, then.
    times = np.maximum(times, 1.1)
    # Else the least share of wrong answers is worth telling, or that of all answers where they are so few.
    closest = times if hopeful.any() else np.where(begun, rate, np.inf)
    nearest = int(np.argmin(closest)) if begun.any() else len(GRID) - 1
    return Refusal(
        questions=questions,
        groups=len(counts.asked),
        answered=int(answered[nearest]),
        wrong=int(wrong[nearest]),
        more=_rounded_up(questions * (float(times[nearest]) - 1)) if hopeful[nearest] else None,
    )


def _rounded_up(count: float) -> int:
    """To two significant digits: the estimate knows no more."""
    unit = int(10 ** max(0, math.floor(math.log10(max(count, 1.0))) - 1))
    return max(1, math.ceil(count / unit)) * unit
