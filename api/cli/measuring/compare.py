"""`qa compare`: what changed from one run of gold questions to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.measuring.measures import SEED, MeasureOption, SeedOption, parse_measures, untimed
from api.terminal import Terminal


def compare_runs(
    before: Annotated[Path, typer.Argument(help="A run file of qa eval --output.")],
    after: Annotated[Path, typer.Argument(help="Another run of the same questions.")],
    *,
    measure: MeasureOption = None,
    seed: SeedOption = SEED,
) -> None:
    """Compare two runs of the same gold questions: what changed, within which interval, and whether that shows
    anything."""
    from eval.runs.compare import compare
    from eval.runs.run import Run
    from eval.runs.tables import print_comparison

    old, new = Run.read(before), Run.read(after)
    measures = parse_measures(measure) if measure else untimed(parse_measures(list(new.values)))
    print_comparison(compare(old, new, measures, seed=seed), str(before), str(after), Terminal())
