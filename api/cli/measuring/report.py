"""`qa report`: a run of gold questions as a page to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.measuring.measures import SEED, SeedOption
from api.cli.measuring.pages import page_output, write_page
from api.cli.options import ForceOption
from index.disk.outputs import Outputs


def report_run(
    run: Annotated[Path, typer.Argument(metavar="RUN.json", help="A run file of qa eval --output.")],
    *,
    output: Annotated[Path, typer.Option("-o", "--output", help="Where to write the page, as report.html.")],
    seed: SeedOption = SEED,
    force: ForceOption = False,
) -> None:
    """Make one HTML page of a run, to look at without a network: figures with intervals, plots, and every question
    with the gold and the given answer marked in their text."""
    from eval.runs.run import Run
    from eval.runs.summary import figures

    page = page_output(Outputs([run], force=force), output)
    reported = Run.read(run)
    if page is not None:
        write_page(reported, page, figures(reported, seed=seed))
