"""`qa index` and `qa watch`: files and folders into a store."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from api.cli.errors import UsageError
from api.cli.opening import open_store
from api.cli.options import EmbedderOption, RuntimeOption, StoreOption, progress_bar
from api.service.auditing import note_change, note_indexing
from api.terminal import errors, say, tell
from index.catalogue.audit_log import LOCAL_COMMAND
from index.documents import DEFAULT_COLLECTION
from index.errors import InputError, NoStoreError
from index.text.printable import printable

if TYPE_CHECKING:
    from index.ingest.plan import Plan
    from index.ingest.sync import Report
    from index.stopping import Stop

# As a shell reports what SIGINT ended.
INTERRUPTED = 130
SHOW_CURSOR = b"\x1b[?25h"
ASKED_TO_STOP = b"\nfinishing what is in hand; once more ends it at once\n"
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
        if paths:
            _require_something(store, paths)
        opened = open_store(store, embedder, create=bool(paths), runtime=runtime)
        if re_embed:
            opened.re_embed()
            note_change(opened, LOCAL_COMMAND, "embed anew", count=opened.catalogue.counts()[0])
            tell(f"embedded anew with {opened.embedder.name}")
        if not paths:
            return
        with _stopped_by_signals() as stop, progress_bar("indexing") as advance:
            report = index_paths(
                opened,
                paths,
                advance,
                collection=collection,
                tags=tag,
                prune=prune,
                engine=cluster.engine(opened, runtime, stop=stop) if cluster else None,
                stop=stop,
                most_passages=max_passages,
            )
    note_indexing(opened, report)
    _tell_failures(report)
    _tell_kept(report.plan)
    count, passages = opened.catalogue.counts()
    say(f"{_summary(report)}; the store holds {_plural(count, 'document')} in {_plural(passages, 'passage')}")
    if report.interrupted:
        left = f"{_plural(report.left, 'file')} left to do" if report.left else "nothing was done yet"
        tell(f"{left}: what is stored stays, and the same command goes on", label="interrupted,")
        raise typer.Exit(INTERRUPTED)
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
        _tell_kept(came_to.plan)
        if came_to.added or came_to.changed or came_to.removed or not report_made:
            say(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {_summary(came_to)}")
        report_made.append(True)

    def problem(message: str) -> None:
        tell("", label=printable(message))

    report_made: list[bool] = []
    with _stopped_by_signals() as stop:
        tell(f"watching {', '.join(str(path) for path in paths)}; Ctrl-C ends it")
        keep_in_step(
            opened, paths, stop, report=report, problem=problem, collection=collection, tags=tag, prune=prune
        )  # fmt: skip
    opened.close()


@contextmanager
def _stopped_by_signals() -> Iterator[Stop]:
    """What the first interrupt or termination sets; the second ends the process at once."""
    from index.stopping import Stop

    stop = Stop()
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        for number in kept:
            signal.signal(number, signal.SIG_DFL)
        try:
            stop.set()
        finally:
            # A handler may come in the middle of another write, which the system's own call does not mind; a progress
            # bar hides the cursor, and the second signal would leave it so.
            os.write(2, SHOW_CURSOR + ASKED_TO_STOP if errors.is_terminal else ASKED_TO_STOP)

    for number in kept:
        signal.signal(number, ask_to_stop)
    try:
        yield stop
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _require_something(store: str, paths: list[Path]) -> None:
    """Raise InputError where nothing can be indexed into a store that is not there yet: none is made for that."""
    from index.catalogue.sql import CATALOGUE_FILE
    from index.ingest.plan import Plan, require_some
    from index.loading.files import find_files
    from index.location import parse_location

    where = parse_location(store)
    if not isinstance(where, Path) or os.path.lexists(where / CATALOGUE_FILE):
        return
    found = find_files(paths)
    if not found.files:
        made = Plan(passed_over=found.passed_over, unreadable=list(found.unreadable), refused=list(found.refused))
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
    for _, reason in [*made.unreadable, *made.refused]:
        tell(reason, label="not indexed:")
    _tell_kept(made)
    say(
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
        tell(reason, label="not indexed:")


def _tell_kept(made: Plan) -> None:
    from index.ingest.plan import kept_messages

    for message in kept_messages(made):
        tell(message, label="kept:")


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
