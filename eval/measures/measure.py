"""What a measure is: a name, a direction, and the rows of numbers that its value is made from.

A measure is a declared value. The modules beside this one list theirs in `MEASURES`, or in `FAMILIES` where a parameter
is part of the name; `eval.measures.names` finds them there, so that a new one is written in one place. A share whose
denominator is empty is None: neither a perfect score nor a failure. A failed question stays in every denominator that
it belongs to and scores the worst.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from eval.results import QuestionResult

_WHOLE = re.compile(r"[0-9]{1,3}")
Rows = NDArray[np.float64]
Weights = NDArray[np.float64]


@dataclass(frozen=True)
class Measure(ABC):
    """A figure of a run. Its value comes in two steps, so that questions can be drawn again without judging anew:
    `rows` says what each question brings, `reducer` what so many of each come to.

    A question that failed brings the worst there is; none is left out. `depth` is how many passages must have been
    looked at; `timed` tells a measure of time, which no two runs share.
    """

    name: str
    higher_is_better: bool = True
    depth: int = 0
    timed: bool = False

    resampled: ClassVar[bool] = True
    """Whether drawing questions again tells how much the value itself would vary."""

    @abstractmethod
    def rows(self, results: Sequence[QuestionResult]) -> Rows:
        """(n, columns), a row a question in the order given."""

    @abstractmethod
    def reducer(self, rows: Rows) -> Callable[[Weights], float | None]:
        """The value of these rows by how many times each counts, (n,) whole numbers from 0; None where there is nothing
        to measure it on."""

    def value(self, results: Sequence[QuestionResult]) -> float | None:
        """The measure of these results."""
        return self.reducer(self.rows(results))(np.ones(len(results)))

    def contributions(self, results: Sequence[QuestionResult]) -> list[float | None] | None:
        """What each question contributes to the mean, None where it is not in the denominator; None altogether for a
        measure that is no mean over questions."""
        return None

    def over(self, results: Sequence[QuestionResult]) -> int:
        """How many questions the value is measured on."""
        return len(results)


@dataclass(frozen=True)
class Ratio(Measure):
    """Sum of numerators by sum of denominators: a mean over the questions that count, where denominators are 0 or 1."""

    of: Callable[[QuestionResult], tuple[float, float]] = field(kw_only=True)

    def rows(self, results: Sequence[QuestionResult]) -> Rows:
        return np.array([self.of(result) for result in results], dtype=np.float64).reshape(-1, 2)

    def reducer(self, rows: Rows) -> Callable[[Weights], float | None]:
        return ratio_of_sums(rows)

    def contributions(self, results: Sequence[QuestionResult]) -> list[float | None] | None:
        rows = self.rows(results)
        if not np.isin(rows[:, 1], (0.0, 1.0)).all():
            return None
        return [float(value) if counts else None for value, counts in rows]

    def over(self, results: Sequence[QuestionResult]) -> int:
        return int(np.count_nonzero(self.rows(results)[:, 1]))


@dataclass(frozen=True)
class Family:
    """Measures that differ by the parameter behind the @ of their names, as HitRate@5 and HitRate@10 do.

    `form` is the parameter as the command line's help writes it ("K"). `make` gives the measure of a parameter, None
    where there is none. `timed` is that of all its measures.
    """

    name: str
    form: str
    make: Callable[[str], Measure | None]
    timed: bool = False


def whole_number(parameter: str, most: int) -> int | None:
    """The whole number, 1 to `most`, that a parameter is; None for another."""
    return number if _WHOLE.fullmatch(parameter) and 1 <= (number := int(parameter)) <= most else None


def ratio_of_sums(rows: Rows) -> Callable[[Weights], float | None]:
    """The reducer of (n, 2) rows of numerator and denominator."""

    def reduce(weights: Weights) -> float | None:
        numerator, denominator = weights @ rows
        return float(numerator / denominator) if denominator else None

    return reduce
