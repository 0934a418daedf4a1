"""Promises from judged runs: what the gold questions prove, and whether halves of them keep what others promise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.runs.run import Run
from index.errors import InputError
from qa.calibration.risk import Proof, Refusal, prove

# Below every threshold: a question without a best span is not answered at any.
_NO_ANSWER = -1.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a promise is proved with, all (questions,): see `qa.calibration.risk.prove`. Groups are numbered from 0."""

    confidence: NDArray[np.float64]
    wrong: NDArray[np.bool_]
    group: NDArray[np.int64]

    @classmethod
    def of(cls, run: Run) -> Evidence:
        """Questions of one source are a group, one without a source is alone, and one that failed has no answer.

        Raises InputError for a run without questions.
        """
        if not run.results:
            raise InputError("the run holds no question")
        results = run.results
        names = [("alone", result.id) if result.source is None else ("source", result.source) for result in results]
        numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
        return cls(
            confidence=np.array([_NO_ANSWER if r.confidence is None else r.confidence for r in results]),
            wrong=np.array([not result.forced_right for result in results], dtype=bool),
            group=np.array([numbers[name] for name in names], dtype=np.int64),
        )

    def where(self, chosen: NDArray[np.bool_]) -> Evidence:
        return Evidence(self.confidence[chosen], self.wrong[chosen], self.group[chosen])

    def prove(self, risk: float, delta: float) -> Proof | Refusal:
        return prove(self.confidence, self.wrong, self.group.tolist(), risk=risk, delta=delta)


@dataclass(frozen=True, slots=True)
class SplitCheck:
    """How promises for `risk` fared over random halves.

    `promised` is the share of splits in which the first half gave a promise; `exceeded` the share, of all splits, in
    which more than `risk` of the answers in the other half were wrong; `coverage` the mean share of its questions that
    was answered, 0 without a promise; `threshold` and `observed` (the share of wrong answers in the other half) are
    means over the splits with a promise, None where there is none.
    """

    risk: float
    splits: int
    promised: float
    exceeded: float
    coverage: float
    threshold: float | None
    observed: float | None


def check_splits(
    evidence: Evidence, risks: Sequence[float], *, delta: float, splits: int, seed: int
) -> list[SplitCheck]:
    """Halve the groups at random `splits` times: one half gives the promise, the other is asked whether it is kept.

    Raises InputError where there are fewer than two groups.
    """
    groups = int(evidence.group.max()) + 1
    if groups < 2:
        raise InputError("all questions are about one paragraph or document: they cannot be split")
    rng = np.random.default_rng(seed)
    halves = [rng.permutation(groups)[: groups // 2] for _ in range(splits)]
    return [_check(evidence, risk, delta, halves) for risk in risks]


def _check(evidence: Evidence, risk: float, delta: float, halves: Sequence[NDArray[np.int64]]) -> SplitCheck:
    exceeded, coverage, thresholds, observed = 0, 0.0, [], []
    for half in halves:
        gives = np.isin(evidence.group, half)
        proof = evidence.where(gives).prove(risk, delta)
        if isinstance(proof, Refusal):
            continue
        asked = evidence.where(~gives)
        answered = asked.confidence >= proof.threshold
        wrong = int(asked.wrong[answered].sum())
        # Multiplied, not divided: exactly the allowed share is not more than it, and no answer is no wrong one.
        exceeded += wrong > risk * int(answered.sum()) + 1e-9
        coverage += float(answered.mean())
        thresholds.append(proof.threshold)
        observed.append(wrong / max(1, int(answered.sum())))
    count = len(halves)
    return SplitCheck(
        risk=risk,
        splits=count,
        promised=len(thresholds) / count,
        exceeded=exceeded / count,
        coverage=coverage / count,
        threshold=float(np.mean(thresholds)) if thresholds else None,
        observed=float(np.mean(observed)) if observed else None,
    )
