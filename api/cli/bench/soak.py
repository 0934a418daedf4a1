"""`qa bench soak`: a server that is killed and restarted under mixed load."""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from api.cli.bench.programs import QA_PROGRAM, serve_command
from api.cli.options import ForceOption
from api.terminal import say, tell
from index.disk.outputs import Outputs, json_kind
from index.text.printable import printable


def soak(
    *,
    seconds: Annotated[float, typer.Option(min=1, help="How long clients are at work.")] = 600,
    seed: Annotated[int, typer.Option(min=0, help="Of what clients do and of when the server is killed.")] = 13,
    writers: Annotated[int, typer.Option(min=1, max=32, help="Clients that add, replace and remove.")] = 2,
    askers: Annotated[int, typer.Option(min=1, max=32, help="Clients that ask.")] = 2,
    output: Annotated[Path | None, typer.Option(help="Write the report as JSON.")] = None,
    force: ForceOption = False,
) -> None:
    """Kill and restart a real `qa serve` at random moments under mixed load, and hold all it says against what it
    acknowledged: exit 1 with a list where a document was lost, a removed one answered, or a request failed otherwise
    than by a refused connection or 503 while there was no server.

    The store is made in a temporary folder, and removed again unless something was wrong. It takes --seconds and then
    some ten more.
    """
    from eval.bench.serving.server_process import ServerProcess
    from eval.bench.serving.soak import SoakReport
    from eval.bench.serving.soak import soak as run

    written = Outputs(force=force).file(output, json_kind("a report of qa bench soak", SoakReport))
    work = Path(tempfile.mkdtemp(prefix="spanqa-soak-"))
    store = str(work / "store")
    with ServerProcess(partial(serve_command, store, options=("--create",)), work / "server.log") as server:
        try:
            report = run(
                server,
                [*QA_PROGRAM, "store", "check", "--store", store],
                seconds=seconds,
                seed=seed,
                writers=writers,
                askers=askers,
                say=tell,
            )
        except KeyboardInterrupt:
            tell(f"interrupted; the store and the log are in {work}")
            raise typer.Exit(1) from None
    if written is not None:
        written.write_model(report)
    say(
        f"{report.seconds:g} s, {report.kills} kills and {report.polite_stops} stops, down for {report.down_s:g} s: "
        f"{report.acknowledged_puts} documents stored and {report.acknowledged_removals} removed as acknowledged, "
        f"{report.documents_at_end} left; {report.answers_checked} answers and {report.lists_checked} lists checked"
    )
    for operation, count in report.requests.items():
        say(f"  {count:6} {operation}")
    for violation in report.violations:
        say(f"VIOLATED: {printable(violation)}")
    if not report.holds:
        say(f"{report.violated} violations; the store and the server's log are in {printable(str(work))}")
        raise typer.Exit(1)
    say("holds: nothing acknowledged was lost, nothing removed answered or was listed, the store is whole")
    shutil.rmtree(work)
