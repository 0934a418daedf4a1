"""`qa migrate-store`: a store into another folder, or into servers and back."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from api.cli.opening import open_store
from api.cli.progress import progress_bar
from api.terminal import say, say_json, tell
from index.text.printable import printable


def migrate_store(
    source: Annotated[str, typer.Argument(metavar="FROM", help="The store to copy: a folder or a URL, see --store.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The store to make of it: empty, or not there yet.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="The outcome as JSON.")] = False,
) -> None:
    """Copy a store, embeddings included, and check that both hold the same; FROM stays as it is and in use.

    Interrupted, the same command goes on. Given again later, it brings TO up to what FROM is then, as long as nothing
    else has changed TO: stop FROM's writers, give it once more, and let everybody use TO. API keys and the log are a
    store's own and not copied: make keys for TO with qa keys add.
    """
    from api.service.auditing import note_change
    from index.catalogue.audit_log import LOCAL_COMMAND
    from index.catalogue.copying import copy_catalogue

    opened = open_store(source)
    made = open_store(target, opened.embedder.name, create=True)
    try:
        with progress_bar("copying passages") as advance:
            moved = copy_catalogue(opened.catalogue, made.catalogue, advance)
        tell("both hold the same; making the search indexes")
        made.sync()
        if not opened.frozen:
            note_change(opened, LOCAL_COMMAND, "store copied", count=moved.documents)
        note_change(made, LOCAL_COMMAND, "store copied here", count=moved.documents)
    except KeyboardInterrupt:
        tell("interrupted; what is copied is kept: the same command goes on")
        raise typer.Exit(1) from None
    finally:
        opened.close()
        made.close()
    if as_json:
        say_json(json.dumps(asdict(moved)))
        return
    say(
        f"{moved.documents:,} documents in {moved.passages:,} passages are the same in both "
        f"(sha256 {moved.sha256}, generation {moved.generation} of {printable(source)}); {moved.copied:,} copied now"
    )
