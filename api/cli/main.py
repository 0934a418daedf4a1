"""The `qa` command line, put together and run."""

from __future__ import annotations

import gc
import os
import sys
from typing import Annotated

import typer

from api.cli.ask import ask
from api.cli.bench.commands import bench
from api.cli.errors import run_command
from api.cli.index import index
from api.cli.mcp import mcp
from api.cli.measuring.calibrate import calibrate
from api.cli.measuring.compare import compare_runs
from api.cli.measuring.eval import evaluate_gold
from api.cli.measuring.gold import gold
from api.cli.measuring.promise import promise
from api.cli.measuring.report import report_run
from api.cli.measuring.runtime import runtime
from api.cli.measuring.train import train
from api.cli.opening import be_offline
from api.cli.serve import serve
from api.cli.store_keeping.audit import audit
from api.cli.store_keeping.documents import documents
from api.cli.store_keeping.keys import keys
from api.cli.store_keeping.migrate_store import migrate_store
from api.cli.store_keeping.store import store_app
from api.cli.verify import verify
from api.cli.watch import watch
from api.terminal import HarmlessGroup, harmless_streams, say
from api.version import installed_version

app = typer.Typer(
    name="qa",
    help="Ask questions of your own documents: exact answers with citations that anyone can check.",
    cls=HarmlessGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
# In the order in which `qa --help` names them.
app.command("index")(index)
app.command("watch")(watch)
app.command("migrate-store")(migrate_store)
app.command("eval")(evaluate_gold)
app.command("compare")(compare_runs)
app.command("report")(report_run)
app.command("calibrate")(calibrate)
app.command("audit")(audit)
app.command("ask")(ask)
app.command("verify")(verify)
app.command("serve")(serve)
app.command("mcp")(mcp)
app.add_typer(documents, name="documents")
app.add_typer(promise, name="promise")
app.add_typer(train, name="train")
app.add_typer(gold, name="gold")
app.add_typer(bench, name="bench")
app.add_typer(runtime, name="runtime")
app.add_typer(keys, name="keys")
app.add_typer(store_app, name="store")


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f"spanqa {installed_version()}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def run() -> None:
    """What the script `qa` calls: `main`, but that a question's process ends as soon as its answer is printed.

    Taking the models in memory apart takes a quarter of a second, which whoever asked would wait for.
    """
    if sys.argv[1:2] != ["ask"]:
        main()
        return
    # Little of what a question makes is garbage, and looking for it takes a twentieth of the time.
    gc.set_threshold(100_000)
    code: int | str | None = 0
    try:
        main()
    except SystemExit as stop:
        code = stop.code
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (BrokenPipeError, ValueError):
        code = code or 1
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def main() -> None:
    """Entry point: expected errors are one message and an exit code, never a traceback."""
    be_offline()
    harmless_streams()
    # Called as app() it would put its own hook for tracebacks in the place of ours.
    run_command(typer.main.get_command(app))
