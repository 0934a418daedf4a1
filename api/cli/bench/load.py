"""`qa bench load`: a server under more and more clients."""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from api.cli.bench.programs import serve_command
from api.cli.errors import UsageError
from api.cli.opening import open_store
from api.cli.options import ForceOption, StoreOption
from api.terminal import Terminal, tell
from index.disk.outputs import Outputs, json_kind


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
    command = partial(serve_command, store, options=("--cached-answers", "0"))
    try:
        with ServerProcess(command, work / "server.log") as server:
            server.start()
            levels_measured = measure(
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
    report = report_of(levels_measured, store=about, gold=ref, passages=passages)
    if written is not None:
        written.write_model(report)
    print_load(report, Terminal())
    if not all(bar.holds for bar in report.bars):
        raise typer.Exit(1)


def _levels(text: str) -> list[int]:
    from eval.bench.serving.load import MOST_CLIENTS

    try:
        levels = sorted({int(part) for part in text.split(",")})
    except ValueError as error:
        raise UsageError(f"--clients {text}: expected numbers of clients, as 1,4,16") from error
    if levels[0] < 1 or levels[-1] > MOST_CLIENTS:
        raise UsageError(f"--clients {text}: a number lies between 1 and {MOST_CLIENTS}")
    return levels
