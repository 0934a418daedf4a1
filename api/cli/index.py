"""`qa index`: files and folders into a store."""

from __future__ import annotations

import os
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from typing import Annotated, Literal

import typer

from api.cli.errors import UsageError
from api.cli.grouping import with_groups
from api.cli.indexing import (
    PlacingOptions,
    plural,
    stopped_by_signals,
    summary,
    tell_failures,
    tell_kept,
    tell_moved,
    tell_partly_read,
)
from api.cli.opening import open_store
from api.cli.options import EmbedderOption, RuntimeOption, StoreOption
from api.cli.progress import progress_bar
from api.service.auditing import note_change, note_indexing
from api.terminal import say, tell
from index.catalogue.audit_log import LOCAL_COMMAND
from index.errors import NoStoreError
from index.text.printable import printable

# As a shell reports what SIGINT ended.
INTERRUPTED = 130
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


@with_groups
def index(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files and folders.")] = None,
    *,
    store: StoreOption,
    into: PlacingOptions,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    embedder: EmbedderOption = None,
    re_embed: Annotated[bool, typer.Option("--re-embed", help="Embed everything anew with --embedder.")] = False,
    runtime: RuntimeOption = None,
    engine: EngineOption = "local",
    address: AddressOption = None,
    max_passages: Annotated[
        int, typer.Option(min=1, max=10_000_000, help="A document of more passages is not indexed, which is told.")
    ] = 100_000,
) -> None:
    """Bring the store in step with files and folders: adds, updates, and removes what is gone from a folder.

    An unchanged file costs nothing.
    """
    from index.ingest.ray import connected
    from index.ingest.sync import index_paths

    if not paths and not re_embed:
        raise UsageError("nothing to index: name a file or a folder")
    if address is not None and engine != "ray":
        raise UsageError("--address names a Ray cluster; give --engine ray with it")
    if dry_run:
        if re_embed:
            raise UsageError("--dry-run shows what becomes of files, not of --re-embed")
        _show_plan(store, paths or [], into.collection, into.prune)
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
        if paths:
            _require_something(store, paths)
        opened = open_store(store, embedder, create=bool(paths), runtime=runtime)
        if re_embed:
            opened.re_embed()
            note_change(opened, LOCAL_COMMAND, "embed anew", count=opened.catalogue.counts()[0])
            tell(f"embedded anew with {opened.embedder.name}")
        if not paths:
            return
        with stopped_by_signals() as stop, progress_bar("indexing") as advance:
            report = index_paths(
                opened,
                paths,
                advance,
                collection=into.collection,
                tags=into.tag,
                prune=into.prune,
                engine=cluster.engine(opened, runtime, stop=stop) if cluster else None,
                stop=stop,
                most_passages=max_passages,
            )
    note_indexing(opened, report)
    tell_failures(report)
    tell_partly_read(report)
    tell_kept(report.plan)
    tell_moved(report.plan)
    count, passages = opened.catalogue.counts()
    say(f"{summary(report)}; the store holds {plural(count, 'document')} in {plural(passages, 'passage')}")
    if report.interrupted:
        left = f"{plural(report.left, 'file')} left to do" if report.left else "nothing was done yet"
        tell(f"{left}: what is stored stays, and the same command goes on", label="interrupted,")
        raise typer.Exit(INTERRUPTED)
    if report.failed and not (report.added or report.changed or report.unchanged):
        raise typer.Exit(1)


def _require_something(store: str, paths: list[Path]) -> None:
    """Raise InputError where nothing can be indexed into a store that is not there yet: none is made for that."""
    from index.catalogue.sqlite import CATALOGUE_FILE
    from index.ingest.plan import Plan, require_some
    from index.loading.files import find_files
    from index.location import parse_location

    where = parse_location(store)
    if not isinstance(where, Path) or os.path.lexists(where / CATALOGUE_FILE):
        return
    listing = find_files(paths)
    if not listing.files:
        made = Plan(passed_over=listing.passed_over, unreadable=list(listing.unreadable), refused=list(listing.refused))
        require_some(made, paths)


def _show_plan(store: str, paths: list[Path], collection: str, prune: bool | None) -> None:
    from index.disk.paths import path_of
    from index.ingest.plan import Known, NothingKnown, plan, require_some

    known: Known
    try:
        known = open_store(store).catalogue
    except NoStoreError:
        known = NothingKnown()
    made = plan(paths, known, collection, prune=prune)
    require_some(made, paths)
    for verb, state in (("add", "new"), ("update", "changed")):
        for file in made.files:
            if file.state == state:
                say(f"{verb} {printable(str(file.path))}")
    for uri in made.gone:
        say(f"remove {printable(str(path_of(uri)))}")
    for new, old in made.moved.items():
        say(f"move {printable(str(path_of(old)))} to {printable(str(path_of(new)))}")
    for _, reason in [*made.unreadable, *made.refused]:
        tell(reason, label="not indexed:")
    tell_kept(made)
    say(
        f"would add {len(made.of('new')):,}, update {len(made.of('changed')):,}, remove {len(made.gone):,}; "
        f"{len(made.of('unchanged', 'touched')):,} unchanged, {made.passed_over:,} of other kinds passed over; "
        "nothing was done"
    )
