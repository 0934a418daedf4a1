"""`qa index` and `qa watch`: files and folders into a store."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape

from api.auditing import note_indexing
from api.errors import UsageError
from api.opening import open_store
from api.options import EmbedderOption, RuntimeOption, StoreOption, errors, progress_bar
from index.documents import DEFAULT_COLLECTION
from index.errors import StoreError

if TYPE_CHECKING:
    from index.folders import Plan
    from index.ingest import Report

CollectionOption = Annotated[str, typer.Option(help="The collection that the documents go into.")]
TagOption = Annotated[list[str] | None, typer.Option("--tag", help="A tag of all of these documents; may be repeated.")]
PruneOption = Annotated[
    bool | None,
    typer.Option(
        "--prune/--no-prune",
        help="Documents of files that are gone from a folder: --no-prune keeps all of them; --prune removes also those "
        "of a folder that is missing or empty, which otherwise stay, since its disk may not be mounted.",
    ),
]


EngineOption = Annotated[
    Literal["local", "ray"],
    typer.Option(help="Who reads, cuts and embeds: this process, or a Ray cluster (needs the extra ray)."),
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        help="With --engine ray, the cluster: HOST:PORT of its head, auto on one of its nodes, local (the default) to "
        "start a Ray of our own."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(index)
    app.command()(watch)


def index(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files and folders.")] = None,
    *,
    store: StoreOption,
    collection: CollectionOption = DEFAULT_COLLECTION,
    tag: TagOption = None,
    prune: PruneOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    embedder: EmbedderOption = None,
    re_embed: Annotated[bool, typer.Option("--re-embed", help="Embed everything anew with --embedder.")] = False,
    runtime: RuntimeOption = None,
    engine: EngineOption = "local",
    address: AddressOption = None,
) -> None:
    """Bring the store in step with files and folders: adds, updates, and removes what is gone from a folder.

    An unchanged file costs nothing.
    """
    from index.ingest import index_paths
    from index.ray_engine import connected

    if not paths and not re_embed:
        raise UsageError("nothing to index: name a file or a folder")
    if address is not None and engine != "ray":
        raise UsageError("--address names a Ray cluster; give --engine ray with it")
    if dry_run:
        if re_embed:
            raise UsageError("--dry-run shows what becomes of files, not of --re-embed")
        _show_plan(store, paths or [], collection, prune)
        return
    if engine == "ray" and re_embed:
        raise UsageError("--re-embed is done by this process alone; leave --engine out")
    with ExitStack() as stack:
        cluster = None
        if engine == "ray":
            # Ray tells of nodes that died on standard output, which is for results.
            nowhere = stack.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
            stack.enter_context(redirect_stdout(nowhere))
            # Before the store: a cluster that is not there must not leave a new one behind.
            cluster = stack.enter_context(connected(address))
        opened = open_store(store, embedder, create=bool(paths), runtime=runtime)
        if re_embed:
            opened.re_embed()
            errors.print(f"embedded anew with {escape(opened.embedder.name)}")
        if not paths:
            return
        with progress_bar("indexing") as advance:
            report = index_paths(
                opened,
                paths,
                advance,
                collection=collection,
                tags=tag,
                prune=prune,
                engine=cluster.engine(opened, runtime) if cluster else None,
            )
    note_indexing(opened, report)
    _tell_failures(report)
    _tell_kept(report.plan)
    count, passages = opened.catalogue.counts()
    typer.echo(f"{_summary(report)}; the store holds {_plural(count, 'document')} in {_plural(passages, 'passage')}")
    if report.failed and not (report.added or report.changed or report.unchanged):
        raise typer.Exit(1)


def watch(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders.")],
    *,
    store: StoreOption,
    collection: CollectionOption = DEFAULT_COLLECTION,
    tag: TagOption = None,
    prune: PruneOption = None,
    embedder: EmbedderOption = None,
) -> None:
    """Keep the store in step with files and folders while they change, until interrupted (Ctrl-C)."""
    from index.watching import keep_in_step

    opened = open_store(store, embedder, create=True)
    told: set[tuple[Path, str]] = set()

    def report(came_to: Report) -> None:
        note_indexing(opened, came_to)
        # A file that stays bad is named once, not at every change of another.
        new = [(path, reason) for path, reason in came_to.failed if (path, reason) not in told]
        told.clear()
        told.update(came_to.failed)
        for _, reason in new:
            errors.print(f"[yellow]not indexed:[/yellow] {escape(reason)}", soft_wrap=True)
        _tell_kept(came_to.plan)
        if came_to.added or came_to.changed or came_to.removed or not report_made:
            typer.echo(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {_summary(came_to)}")
        report_made.append(True)

    def problem(message: str) -> None:
        errors.print(f"[yellow]{escape(message)}[/yellow]", soft_wrap=True)

    report_made: list[bool] = []
    with _stopped_by_signals() as stop:
        errors.print(f"watching {escape(', '.join(str(path) for path in paths))}; Ctrl-C ends it", soft_wrap=True)
        keep_in_step(
            opened, paths, stop, report=report, problem=problem, collection=collection, tags=tag, prune=prune
        )  # fmt: skip
    opened.close()


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """An event that the first interrupt or termination sets; the second acts as it always does."""
    stop = threading.Event()
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask_to_stop(number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, kept[signal.Signals(number)])

    for number in kept:
        signal.signal(number, ask_to_stop)
    try:
        yield stop
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _show_plan(store: str, paths: list[Path], collection: str, prune: bool | None) -> None:
    from index.folders import Known, NothingKnown, path_of, plan, require_some
    from index.location import parse_location

    known: Known
    try:
        known = open_store(store).catalogue
    except StoreError:
        where = parse_location(store)
        if not isinstance(where, Path) or where.exists():
            raise
        known = NothingKnown()
    made = plan(paths, known, collection, prune=prune)
    require_some(made, paths)
    for verb, state in (("add", "new"), ("update", "changed")):
        for file in made.files:
            if file.state == state:
                typer.echo(f"{verb} {file.path}")
    for uri in made.gone:
        typer.echo(f"remove {path_of(uri)}")
    for _, reason in [*made.unreadable, *made.refused]:
        errors.print(f"[yellow]not indexed:[/yellow] {escape(reason)}", soft_wrap=True)
    _tell_kept(made)
    typer.echo(
        f"would add {len(made.of('new')):,}, update {len(made.of('changed')):,}, remove {len(made.gone):,}; "
        f"{len(made.of('unchanged', 'touched')):,} unchanged, {made.passed_over:,} of other kinds passed over; "
        "nothing was done"
    )


def _summary(report: Report) -> str:
    return (
        f"{report.added:,} added, {report.changed:,} changed, {report.removed:,} removed, {report.unchanged:,} "
        f"unchanged, {len(report.failed):,} failed, {report.passed_over:,} of other kinds passed over"
    )


def _tell_failures(report: Report) -> None:
    for _, reason in report.failed:
        errors.print(f"[yellow]not indexed:[/yellow] {escape(reason)}", soft_wrap=True)


def _tell_kept(made: Plan) -> None:
    from index.folders import kept_messages

    for message in kept_messages(made):
        errors.print(f"[yellow]kept:[/yellow] {escape(message)}", soft_wrap=True)


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
