"""Options and progress that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.opening import default_store

# Everything that is not a result goes to standard error.
errors = Console(stderr=True)

StoreOption = Annotated[
    Path, typer.Option("--store", envvar="QA_STORE", help="The store's folder.", default_factory=default_store)
]
EmbedderOption = Annotated[str | None, typer.Option(help="Embedding model by name or folder.")]
ReaderOption = Annotated[str | None, typer.Option(help="Extractive model by name or folder.")]
CalibrationOption = Annotated[Path | None, typer.Option(help="A calibration file other than the bundled one.")]


@contextmanager
def progress_bar(name: str, total: int | None = None) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error where that is a terminal; yields what is called with (done, all)."""
    columns = (TextColumn(name), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        bar = progress.add_task(name, total=total)
        yield lambda done, of: progress.update(bar, completed=done, total=of)
