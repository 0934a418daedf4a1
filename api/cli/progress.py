"""Progress bars, where somebody sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.terminal import errors


@contextmanager
def progress_bar(name: str, total: int | None = None) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error where that is a terminal; yields what is called with (done, all)."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        bar = progress.add_task(name, total=total)
        yield lambda done, of: progress.update(bar, completed=done, total=of)
