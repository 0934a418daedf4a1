"""`qa bench scale`: how retrieval grows with the store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.errors import UsageError
from api.cli.opening import open_store
from api.cli.options import ForceOption, StoreOption
from api.cli.progress import progress_bar
from api.terminal import Terminal, tell
from index.disk.outputs import Outputs, json_kind
from index.errors import InputError

SIZES = "1000,10000,100000,1000000"


def scale(
    gold: Annotated[Path, typer.Argument(help="Gold questions whose documents are in the store.")],
    *,
    store: StoreOption,
    work: Annotated[Path, typer.Option(help="Folder for the stores of each size; go on from it.")] = Path(".scale"),
    sizes: Annotated[str, typer.Option(help="How many passages, by commas.")] = SIZES,
    questions: Annotated[int, typer.Option(min=20, max=10_000, help="At most so many, by a seeded draw.")] = 300,
    output: Annotated[Path | None, typer.Option(help="Write the figures as JSON.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the curves, as curves.png or .svg.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stores in the work folder.")] = False,
    force: ForceOption = False,
) -> None:
    """Measure how retrieval grows with the store: latency, hit rate beside exact search, memory, opening, indexing.

    Stores of each size are made of the passages of STORE: themselves, then copies with other words here and there and
    vectors moved as much. They go through the catalogue and both indexes as any store does; only cutting and embedding
    are spared. Interrupt it at will: the same command goes on. A million passages take about 8 GB of disk.
    """
    from eval.bench.plotting import PLOT, require_plotting
    from eval.bench.scale.curve import WORK, Curve
    from eval.bench.scale.curve import measure_curve as run
    from eval.bench.scale.curve_report import plot as draw_plot
    from eval.bench.scale.curve_report import print_curve
    from eval.gold.questions import read_gold
    from eval.gold.sampling import draw
    from eval.runs.run import GoldRef, gold_sha256
    from qa.reading.reader import DEFAULT_READER

    if plot is not None:
        try:
            require_plotting(plot)
        except InputError as error:
            raise UsageError(str(error)) from error
    outputs = Outputs([gold], store=store, force=force)
    outputs.work(work, WORK)
    written = outputs.file(output, json_kind("figures of qa bench scale", Curve))
    drawn = outputs.file(plot, PLOT)
    wanted = _sizes(sizes)
    asked = draw([question for question in read_gold(gold) if question.located], questions)
    ref = GoldRef(name=gold.name, sha256=gold_sha256(gold), questions=len(asked), sample=questions, seed=13)
    source = open_store(store)
    try:
        curve = run(
            source,
            asked,
            gold,
            ref,
            sizes=wanted,
            work=work,
            reader=DEFAULT_READER,
            embedder=source.embedder.name,
            watch=progress_bar,
            say=tell,
            keep=keep,
        )
    except KeyboardInterrupt:
        tell(f"interrupted; what is done is kept in {work}: the same command goes on")
        raise typer.Exit(1) from None
    if written is not None:
        written.write_model(curve)
    if drawn is not None:
        drawn.write(draw_plot(curve, drawn.path.suffix))
    print_curve(curve, Terminal())


def _sizes(text: str) -> list[int]:
    from eval.bench.scale.curve import LEAST_SIZE, MOST_SIZE

    try:
        sizes = sorted({int(part) for part in text.replace("_", "").split(",")})
    except ValueError as error:
        raise UsageError(f"--sizes {text}: expected numbers of passages, as {SIZES}") from error
    if sizes[0] < LEAST_SIZE or sizes[-1] > MOST_SIZE:
        raise UsageError(f"--sizes {text}: a size lies between {LEAST_SIZE:,} and {MOST_SIZE:,}")
    return sizes
