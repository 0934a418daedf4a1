"""`qa store`: what a store is made of, whether it is whole, and its copies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from api.cli.errors import UsageError
from api.cli.opening import open_store
from api.cli.options import StoreOption
from api.terminal import Terminal, say, say_json, tell
from index.errors import StoreError
from index.text.printable import printable

store_app = typer.Typer(help="What a store is made of, whether it is whole, and its copies.", no_args_is_help=True)
JsonOption = Annotated[bool, typer.Option("--json", help="As JSON.")]


@store_app.command("info")
def info(*, store: StoreOption, as_json: JsonOption = False) -> None:
    """Show what the store holds, how large its parts are, and with which models it was made."""
    from index.store.description import describe_store

    opened = open_store(store)
    description = describe_store(opened)
    if as_json:
        say_json(description.model_dump_json())
        return
    table = Table(box=box.SIMPLE, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    rows = {
        "store": description.location,
        "format": str(description.format_version),
        "generation": f"{description.generation:,}",
        "documents": f"{description.documents:,}",
        "passages": f"{description.passages:,}",
        "embedder": f"{description.embedder or 'none yet'} ({description.dimensions or '?'} dimensions)",
        "promise": "yes" if description.promise else "none",
        **{f"{name} on disk": f"{size / 1e6:,.1f} MB" for name, size in description.bytes.items()},
    }
    for name, value in rows.items():
        table.add_row(name, printable(value))
    Terminal().print(table)


@store_app.command("check")
def check(*, store: StoreOption, as_json: JsonOption = False) -> None:
    """Read everything and say what does not fit together: exit 0 where the store is whole, 1 where it is not."""
    from index.store.health import check_store

    health = check_store(open_store(store))
    if as_json:
        say_json(health.model_dump_json())
    else:
        for finding in health.findings:
            say(f"{finding.part}: {printable(finding.problem)}\n  to mend it: {printable(finding.remedy)}")
        for part in health.unchecked:
            say(f"not checked: {printable(part)}")
        if health.sound:
            say(f"whole: {health.documents:,} documents in {health.passages:,} passages, {_at(health.generation)}")
    if not health.sound:
        raise typer.Exit(1)


@store_app.command("repair")
def repair(*, store: StoreOption) -> None:
    """Mend what sound texts allow: passages, embeddings and search indexes are made anew; texts are never touched."""
    from api.service.auditing import note_change
    from index.catalogue.audit_log import LOCAL_COMMAND
    from index.store.health import repair_store

    opened = open_store(store)
    health, done = repair_store(opened)
    if done:
        note_change(opened, LOCAL_COMMAND, "store repair", count=len(done))
    for line in done:
        say(line)
    if health.sound and not done:
        say("the store is whole; nothing was done")
    for finding in health.findings:
        say(f"{finding.part}: {printable(finding.problem)}\n  to mend it: {printable(finding.remedy)}")
    if not health.sound:
        raise typer.Exit(1)


@store_app.command("purge")
def purge(*, store: StoreOption) -> None:
    """Rewrite the store's files, so that nothing of removed documents and older versions is left in them."""
    from api.service.auditing import note_change
    from index.catalogue.audit_log import LOCAL_COMMAND

    opened = open_store(store)
    opened.purge()
    note_change(opened, LOCAL_COMMAND, "store purge")
    say("nothing of what was removed is left in the store's files")


@store_app.command("backup")
def backup(destination: Annotated[Path, typer.Argument(help="A new or empty folder.")], *, store: StoreOption) -> None:
    """Copy the store as it is at this moment, while others may read and write it. A backup is a store itself."""
    from api.service.auditing import note_change
    from index.catalogue.audit_log import LOCAL_COMMAND
    from index.store.backups import back_up

    opened = open_store(store)
    file = back_up(opened, destination)
    # Of a store on a read-only disk nothing can be noted, and nothing was changed.
    if not opened.frozen:
        note_change(opened, LOCAL_COMMAND, "store backup")
    say(f"{printable(str(file))}: {file.stat().st_size / 1e6:,.1f} MB")


@store_app.command("restore")
def restore_backup(
    source: Annotated[Path, typer.Argument(help="A backup's folder, or its file.")],
    *,
    store: StoreOption,
    replace: Annotated[bool, typer.Option("--replace", help="Also where the store holds documents: they go.")] = False,
) -> None:
    """Make the store what a backup of it is; servers that have it open go on with what it holds then."""
    from api.service.auditing import note_change
    from index.catalogue.audit_log import LOCAL_COMMAND
    from index.location import parse_location
    from index.store.backups import HoldsDocumentsError, restore_folder

    where = parse_location(store)
    if not isinstance(where, Path):
        raise StoreError(
            f"the store {where} is in PostgreSQL: restore it with pg_restore; its search indexes are made anew by "
            "themselves"
        )
    try:
        keys_lost = restore_folder(where, source, replace=replace)
    except HoldsDocumentsError as error:
        raise UsageError(f"{error}; add --replace, or name a new --store") from error
    # What was derived from the catalogue before lies there without one, for a moment.
    opened = open_store(where)
    opened.sync()
    opened.discard_others()
    documents, passages = opened.catalogue.counts()
    note_change(opened, LOCAL_COMMAND, "store restore", count=documents)
    tell(f"restored from {source}")
    if keys_lost:
        tell(
            "the catalogue that was there could not be read: its API keys, if it had any, and its log are lost; make "
            f"keys anew before the store is served: qa keys add NAME --store {where}",
            label="note:",
        )
    say(f"{documents:,} documents in {passages:,} passages, {_at(opened.catalogue.generation())}")


def _at(generation: int) -> str:
    return f"generation {generation:,}"
