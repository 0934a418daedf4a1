"""`qa train`: models made from training data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.options import ForceOption
from api.terminal import errors
from index.disk.outputs import Outputs

train = typer.Typer(help="Train models.", no_args_is_help=True)


@train.command("reader")
def train_reader(
    *,
    data: Annotated[Path, typer.Option(help="Folder of the recipe's sources.")],
    work: Annotated[Path, typer.Option(help="Folder for checkpoints and made data; go on from it.")] = Path(".work"),
    output: Annotated[Path, typer.Option(help="Where to write the model folder.")] = Path("reader"),
    recipe: Annotated[Path | None, typer.Option(help="A recipe other than the shipped reader's.")] = None,
    base: Annotated[Path | None, typer.Option(help="Encoder folder to start from; the bundled embedder.")] = None,
    teacher: Annotated[
        Path | None, typer.Option(help="Folder of a trained teacher; without it the recipe's own is trained first.")
    ] = None,
    force: ForceOption = False,
) -> None:
    """Train an extractive reader. Interrupt it at will: the same command goes on from the last checkpoint."""
    from qa.training.config import DEFAULT_RECIPE, load_recipe
    from qa.training.export import READER
    from qa.training.run import WORK
    from qa.training.run import train_reader as run

    outputs = Outputs([data, recipe, base, teacher], force=force)
    reader = outputs.folder(output, READER)
    outputs.work(work, WORK)
    run(
        load_recipe(recipe or DEFAULT_RECIPE),
        data_dir=data,
        work=work,
        out=reader,
        console=errors,
        base=base,
        teacher=teacher,
    )
