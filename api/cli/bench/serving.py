"""The benchmarks of a running server: `qa bench soak` and `qa bench load`."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from api.cli.errors import UsageError
from api.cli.opening import open_store
from api.cli.options import ForceOption, StoreOption
from api.terminal import Terminal, say, tell
from index.disk.outputs import Outputs, json_kind
from index.text.printable import printable

# A process of its own with this very Python and these very packages, wherever the `qa` of the path may come from.
QA_PROGRAM = (sys.executable, "-c", "import sys; from api.cli.main import main; sys.exit(main())")


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
    with ServerProcess(partial(_serve_command, store, options=("--create",)), work / "server.log") as server:
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


def load(
    gold: Annotated[Path, typer.Argument(help="Gold questions to ask; their answers are not looked at.")],
    *,
    store: StoreOption,
    seconds: Annotated[float, typer.Option(min=1, help="How long each number of clients asks.")] = 60,
    clients: Annotated[str, typer.Option(help="How many clients at once, by commas.")] = "1,4,16",
    passages: Annotated[int, typer.Option("--passages", "-k", min=1, max=100, help="Read for each question.")] = 20,
    questions: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many, by a seeded draw.")] = 500,
    output: Annotated[Path | None, typer.Option(help="Write the figures as JSON.")] = None,
    force: ForceOption = False,
) -> None:
    """Measure a real `qa serve` on STORE under 1, 4 and 16 clients: questions a second, latency, errors, memory.

    Rate limit and answer cache are off; nothing is written to the store. It takes --seconds for each number of clients,
    and some ten more; exit 1 where something that is asked of it does not hold.
    """
    from eval.bench.serving.load import LoadReport, measure, print_load, report_of
    from eval.bench.serving.server_process import ServerProcess
    from eval.gold.questions import read_gold
    from eval.gold.sampling import draw
    from eval.runs.asker import about_store
    from eval.runs.run import GoldRef, gold_sha256

    written = Outputs([gold], store=store, force=force).file(output, json_kind("figures of qa bench load", LoadReport))
    levels = _levels(clients)
    asked = draw(read_gold(gold), questions)
    ref = GoldRef(name=gold.name, sha256=gold_sha256(gold), questions=len(asked), sample=questions, seed=13)
    opened = open_store(store)
    about = about_store(opened)
    opened.close()
    work = Path(tempfile.mkdtemp(prefix="spanqa-load-"))
    command = partial(_serve_command, store, options=("--cached-answers", "0"))
    try:
        with ServerProcess(command, work / "server.log") as server:
            server.start()
            found = measure(
                server,
                [question.question for question in asked],
                seconds=seconds,
                passages=passages,
                levels=levels,
                say=tell,
            )
            server.stop()
    except KeyboardInterrupt:
        tell("interrupted; nothing is kept of it")
        raise typer.Exit(1) from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    report = report_of(found, store=about, gold=ref, passages=passages)
    if written is not None:
        written.write_model(report)
    print_load(report, Terminal())
    if not all(bar.holds for bar in report.bars):
        raise typer.Exit(1)


def _levels(text: str) -> list[int]:
    from eval.bench.serving.load import MOST_CLIENTS

    try:
        found = sorted({int(part) for part in text.split(",")})
    except ValueError as error:
        raise UsageError(f"--clients {text}: expected numbers of clients, as 1,4,16") from error
    if found[0] < 1 or found[-1] > MOST_CLIENTS:
        raise UsageError(f"--clients {text}: a number lies between 1 and {MOST_CLIENTS}")
    return found


def _serve_command(store: str, port: int, options: Sequence[str] = ()) -> list[str]:
    return [
        *QA_PROGRAM,
        "serve",
        "--store",
        store,
        "--port",
        str(port),
        "--requests-per-minute",
        "0",
        "--log-json",
        *options,
    ]


def add_to(bench: typer.Typer) -> None:
    """Add these commands to those of `qa bench`."""
    bench.command("soak")(soak)
    bench.command("load")(load)
