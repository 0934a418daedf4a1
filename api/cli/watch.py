"""`qa watch`: a store kept in step with files and folders."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.grouping import with_groups
from api.cli.indexing import PlacingOptions, stopped_by_signals, summary, tell_kept, tell_partly_read
from api.cli.opening import open_store
from api.cli.options import EmbedderOption, StoreOption
from api.service.auditing import note_indexing
from api.terminal import say, tell
from index.errors import InputError
from index.text.printable import printable

if TYPE_CHECKING:
    from index.ingest.sync import Report


@with_groups
def watch(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders.")],
    *,
    store: StoreOption,
    into: PlacingOptions,
    embedder: EmbedderOption = None,
) -> None:
    """Keep the store in step with files and folders while they change, until interrupted (Ctrl-C)."""
    from index.ingest.watch import keep_in_step

    for path in paths:
        if not path.exists():
            # Before the store is made: a wrong path must not leave an empty one behind.
            raise InputError(f"{path}: no such file or folder")
    opened = open_store(store, embedder, create=True)
    told: set[tuple[Path, str]] = set()

    def report(came_to: Report) -> None:
        note_indexing(opened, came_to)
        # A file that stays bad is named once, not at every change of another.
        new = [(path, reason) for path, reason in came_to.failed if (path, reason) not in told]
        told.clear()
        told.update(came_to.failed)
        for _, reason in new:
            tell(reason, label="not indexed:")
        tell_partly_read(came_to)
        tell_kept(came_to.plan)
        if came_to.added or came_to.changed or came_to.removed or not report_made:
            say(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {summary(came_to)}")
        report_made.append(True)

    def problem(message: str) -> None:
        tell("", label=printable(message))

    report_made: list[bool] = []
    with stopped_by_signals() as stop:
        tell(f"watching {', '.join(str(path) for path in paths)}; Ctrl-C ends it")
        keep_in_step(
            opened,
            paths,
            stop,
            report=report,
            problem=problem,
            collection=into.collection,
            tags=into.tag,
            prune=into.prune,
        )
    opened.close()
