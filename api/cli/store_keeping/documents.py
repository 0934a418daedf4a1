"""`qa documents`: what a store holds, shown and removed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from api.cli.grouping import with_groups
from api.cli.opening import open_store
from api.cli.options import ListFilterOptions, StoreOption
from api.terminal import Terminal, say, say_json
from index.disk.paths import uri_of
from index.documents import DEFAULT_COLLECTION, DocumentRecord, document_id
from index.errors import InputError
from index.store.store import Store
from index.text.printable import printable

documents = typer.Typer(help="What the store holds.", no_args_is_help=True)
CollectionOption = Annotated[str, typer.Option(help="The collection that a URI or path is looked for in.")]


@documents.command("list")
@with_groups
def list_documents(
    *,
    store: StoreOption,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False,
    among: ListFilterOptions,
) -> None:
    """List the documents."""
    selection = among.filters().selection()
    records = open_store(store).catalogue.records(selection)
    if as_json:
        for record in records:
            say_json(record.model_dump_json())
        return
    table = Table(box=box.SIMPLE)
    table.add_column("id", no_wrap=True)
    table.add_column("passages", justify="right")
    table.add_column("indexed", no_wrap=True)
    table.add_column("document", overflow="fold")
    for record in records:
        indexed = record.indexed_at.partition("T")[0]
        name = Text.assemble(printable(record.title), "\n", (printable(record.uri), "dim"))
        if record.collection != DEFAULT_COLLECTION:
            name.append(f"\nin {printable(record.collection)}", "dim")
        table.add_row(record.id, str(record.passages), indexed, name)
    Terminal().print(table if records else "no documents")


@documents.command("show")
def show_document(
    name: Annotated[str, typer.Argument(help="Its id, URI or path.")],
    *,
    store: StoreOption,
    collection: CollectionOption = DEFAULT_COLLECTION,
    text: Annotated[bool, typer.Option("--text", help="The stored text itself.")] = False,
) -> None:
    """Show one document."""
    opened = open_store(store)
    record = _find(opened, name, collection)
    if text:
        document = opened.catalogue.document(record.id)
        stored = document.text if document else ""
        if sys.stdout.isatty():
            say(stored.replace("\r\n", "\n"), end="")
        else:
            # To the last byte: a file or a program gets what is stored.
            sys.stdout.buffer.write(stored.encode("utf-8"))
    else:
        say_json(record.model_dump_json(indent=2))


@documents.command("remove")
def remove_document(
    names: Annotated[list[str], typer.Argument(help="Ids, URIs or paths.")],
    *,
    store: StoreOption,
    collection: CollectionOption = DEFAULT_COLLECTION,
    purge: Annotated[
        bool,
        typer.Option(
            "--purge/--no-purge",
            help="Rewrite the store's files, so that none of its bytes is left in them; --no-purge leaves that to: "
            "qa store purge.",
        ),
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="The receipts, a line each.")] = False,
) -> None:
    """Remove documents; they cannot answer any more. Gives a receipt for each: what was removed, and what is left."""
    from api.service.auditing import note_change
    from index.catalogue.audit_log import LOCAL_COMMAND
    from index.store.removal import remove_documents

    opened = open_store(store)
    records = [_find(opened, name, collection, damaged=True) for name in names]
    # A database server cleans its files itself.
    purge = purge and opened.catalogue.can_purge
    for receipt in remove_documents(opened, [record.id for record in records], purge=purge):
        note_change(opened, LOCAL_COMMAND, "documents remove", receipt.id)
        if as_json:
            say_json(receipt.model_dump_json())
            continue
        left = ", ".join(f"{count} {name}" for name, count in receipt.left.items())
        say(
            f"removed {receipt.id} {printable(receipt.uri)}\n  {receipt.passages} passages went with it; left: {left}; "
            + ("its bytes are out of the store's files" if receipt.purged else "its bytes go with: qa store purge")
        )


def _find(store: Store, name: str, collection: str, *, damaged: bool = False) -> DocumentRecord:
    """The document of that id, URI or path; with `damaged` also one that cannot be used any more."""
    catalogue = store.catalogue
    for key in (name, document_id(name, collection), document_id(uri_of(Path(name)), collection)):
        record = catalogue.remains(key) if damaged else catalogue.record(key)
        if record is not None:
            return record
    raise InputError(f"no document {name!r} in the store {store.location}; see: qa documents list")
