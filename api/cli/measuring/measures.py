"""Measures, bounds and seeds as options name them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from api.cli.errors import UsageError
from index.errors import InputError

if TYPE_CHECKING:
    from eval.measures.measure import Measure
    from eval.runs.run import Grouping

# As eval.runs.run.SEED, which would cost start-up time to import.
SEED = 13
MeasureOption = Annotated[
    list[str] | None,
    typer.Option("--measure", help="Report this measure, as HitRate@5; may be repeated. An unknown one lists all."),
]
SeedOption = Annotated[int, typer.Option(min=0, help="Seed of the draws: --sample and the intervals.")]


def parse_measures(names: Sequence[str]) -> list[Measure]:
    """The measures of these names; raises UsageError for an unknown one."""
    from eval.measures.names import parse_measure

    try:
        return [parse_measure(name) for name in names]
    except InputError as error:
        raise UsageError(str(error)) from error


def parse_fail_under(text: str) -> tuple[Measure, float]:
    """A measure and the bound that it must reach, from text as F1=0.7; raises UsageError where it is none."""
    from eval.measures.names import parse_bound

    try:
        return parse_bound(text)
    except InputError as error:
        raise UsageError(f"--fail-under {error}") from error


def parse_groupings(names: Sequence[str]) -> list[Grouping]:
    """What measures are grouped by, each once; raises UsageError for anything else."""
    from eval.runs.run import Grouping

    for name in names:
        if name not in get_args(Grouping):
            raise UsageError(f"--by {name}: expected {' or '.join(get_args(Grouping))}")
    return cast("list[Grouping]", list(dict.fromkeys(names)))


def untimed(measures: Sequence[Measure]) -> list[Measure]:
    """All but times, which differ from run to run for reasons outside both: they are compared where --measure names
    them."""
    return [measure for measure in measures if not measure.timed]
