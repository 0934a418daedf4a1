"""The benchmarks: `qa bench`."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from api import bench_failures
from api.console import printable
from api.errors import UsageError
from api.opening import open_engine, open_store
from api.options import StoreOption, errors, progress_bar
from index.errors import InputError

bench = typer.Typer(help="Measure speed, memory and growth on this machine.", no_args_is_help=True)
SIZES = "1000,10000,100000,1000000"


@bench.command("scale")
def scale(
    gold: Annotated[Path, typer.Argument(help="Gold questions whose documents are in the store.")],
    *,
    store: StoreOption,
    work: Annotated[Path, typer.Option(help="Folder for the stores of each size; go on from it.")] = Path(".scale"),
    sizes: Annotated[str, typer.Option(help="How many passages, by commas.")] = SIZES,
    questions: Annotated[int, typer.Option(min=20, max=10_000, help="At most so many, by a seeded draw.")] = 300,
    output: Annotated[Path | None, typer.Option(help="Write the figures as JSON.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the curves, as curves.png or .svg.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stores in the work folder.")] = False,
) -> None:
    """Measure how retrieval grows with the store: latency, hit rate beside exact search, memory, opening, indexing.

    Stores of each size are made of the passages of STORE: themselves, then copies with other words here and there and
    vectors moved as much. They go through the catalogue and both indexes as any store does; only cutting and embedding
    are spared. Interrupt it at will: the same command goes on. A million passages take about 8 GB of disk.
    """
    from eval.calibrating import draw
    from eval.gold import read_gold
    from eval.runs import GoldRef, gold_sha256
    from eval.scale.bench import bench as run
    from eval.scale.report import print_curve, require_plotting, write_plot
    from qa.reader import DEFAULT_READER

    if plot is not None:
        try:
            require_plotting(plot)
        except InputError as error:
            raise UsageError(str(error)) from error
    wanted = _sizes(sizes)
    asked = draw([question for question in read_gold(gold) if question.located], questions)
    ref = GoldRef(name=gold.name, sha256=gold_sha256(gold), questions=len(asked), sample=questions, seed=13)
    source = open_store(store)
    try:
        curve = run(
            source,
            asked,
            gold,
            ref,
            sizes=wanted,
            work=work,
            reader=DEFAULT_READER,
            embedder=source.embedder.name,
            watch=progress_bar,
            say=lambda text: errors.print(escape(text), soft_wrap=True),
            keep=keep,
        )
    except KeyboardInterrupt:
        errors.print(f"interrupted; what is done is kept in {escape(str(work))}: the same command goes on")
        raise typer.Exit(1) from None
    if output is not None:
        _write(output, curve.model_dump_json(indent=2) + "\n")
    if plot is not None:
        write_plot(curve, plot)
    print_curve(curve, Console())


@bench.command("peers")
def peers(
    gold: Annotated[Path, typer.Argument(help="Gold questions with their paragraphs, as SQuAD's; .gz too.")],
    articles: Annotated[Path, typer.Argument(help="Articles to search beside them: JSONL of title and text, .gz too.")],
    *,
    work: Annotated[Path, typer.Option(help="Folder for environments, indexes and figures; go on from it.")] = Path(
        ".peers"
    ),
    quick: Annotated[bool, typer.Option("--quick", help="1,000 passages and 12 questions: does it all work?")] = False,
    questions: Annotated[
        int | None, typer.Option(min=4, max=10_000, help="How many, by a seeded draw; 60, quick 12.")
    ] = None,
    passages: Annotated[
        int | None, typer.Option(min=200, max=100_000, help="How large the corpus is; 10,000, quick 1,000.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, max=64, help="For each system; as many as there are cores.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Write the figures as JSON.")] = None,
    table: Annotated[Path | None, typer.Option(help="Write the table as Markdown.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the figures, as peers.png or .svg.")] = None,
) -> None:
    """Measure spanqa beside Haystack and txtai: the same texts, models, candidates and threads, in turns in one run.

    Each peer runs in an environment of its own, made in the work folder the first time from pinned requirements (PyPI
    is asked for about 250 MB each). Then a run takes 15 to 25 minutes on two quiet cores, much of which embeds the
    corpus once; a quick one takes about four.
    Interrupt it at will: the same command goes on, and what is measured is not measured again; delete the folder
    `parts` there to do so.
    """
    from eval.gold import read_gold
    from eval.peers.bench import QUICK, Plan
    from eval.peers.bench import bench as run
    from eval.peers.report import markdown, print_comparison, write_plot
    from eval.runs import GoldRef, gold_sha256
    from eval.scale.report import require_plotting
    from index.runtime import threads as every_core

    if plot is not None:
        try:
            require_plotting(plot)
        except InputError as error:
            raise UsageError(str(error)) from error
    changes = {"questions": questions, "passages": passages}
    plan = (QUICK if quick else Plan()).model_copy(update={k: v for k, v in changes.items() if v is not None})
    sha256 = gold_sha256(gold)
    try:
        found = run(
            read_gold(gold),
            lambda asked: GoldRef(name=gold.name, sha256=sha256, questions=asked, sample=plan.questions, seed=13),
            articles,
            plan=plan,
            work=work.resolve(),
            threads=threads or every_core(),
            cold_command=_qa(),
            watch=_told,
        )
    except KeyboardInterrupt:
        errors.print(f"interrupted; what is done is kept in {escape(str(work))}: the same command goes on")
        raise typer.Exit(1) from None
    if output is not None:
        _write(output, found.model_dump_json(indent=2) + "\n")
    if table is not None:
        _write(table, markdown(found))
    if plot is not None:
        write_plot(found, plot)
    print_comparison(found, Console())


@bench.command("table")
def peers_table(
    figures: Annotated[Path, typer.Argument(metavar="PEERS.json", help="What qa bench peers --output wrote.")],
) -> None:
    """Print the table of a comparison as Markdown, for a page."""
    from eval.peers.bench import read_comparison
    from eval.peers.report import markdown

    typer.echo(markdown(read_comparison(figures)), nl=False)


def _qa() -> list[str]:
    """The command `qa` of this environment: the script beside its interpreter."""
    script = Path(sys.executable).with_name("qa")
    found = str(script) if script.is_file() else shutil.which("qa")
    if found is None:
        raise InputError(f"the command qa is not beside {sys.executable}: install spanqa there (make does)")
    return [found]


@contextmanager
def _told(name: str, total: int | None = None) -> Iterator[Callable[[int, int], None]]:
    """A progress bar, or where nobody sees one a line as each step begins: a run takes minutes."""
    if not errors.is_terminal:
        errors.print(escape(name), soft_wrap=True)
    with progress_bar(name, total) as advance:
        yield advance


def _write(path: Path, text: str) -> None:
    from eval.files import write_whole

    write_whole(path, text.encode())


@bench.command("distributed")
def distributed(
    gold: Annotated[Path, typer.Argument(help="Gold questions whose documents are in the stores; .gz too.")],
    *,
    store: StoreOption,
    against: Annotated[str, typer.Option(help="The store to compare: a copy that qa migrate-store made.")],
    sample: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many questions, by a seeded draw.")] = 500,
    passages: Annotated[int, typer.Option("-k", "--passages", min=1, max=200, help="How many passages to read.")] = 20,
    output: Annotated[Path | None, typer.Option(help="Write the comparison as JSON.")] = None,
) -> None:
    """Ask a store and its copy in servers the same questions, and compare answers and hit rates.

    Exit 1 where fewer than 99 % of the answers are the same, words, place and decision, or where a hit rate differs by
    more than half a point. 500 questions take about five minutes on two quiet cores.
    """
    from eval.agreement import compare_stores
    from eval.calibrating import draw
    from eval.gold import read_gold
    from eval.runs import GoldRef, gold_sha256
    from qa.engine import Engine

    asked = draw(read_gold(gold), sample)
    ref = GoldRef(name=gold.name, sha256=gold_sha256(gold), questions=len(asked), sample=sample, seed=13)
    first = open_engine(open_store(store))
    second = Engine(open_store(against), first.reader, first.calibration)
    with progress_bar("asking both", len(asked)) as advance:
        found = compare_stores(
            first, second, asked, gold, ref=ref, passages=passages, progress=advance
        )  # fmt: skip
    if output is not None:
        _write(output, found.model_dump_json(indent=2) + "\n")
    typer.echo(
        f"{found.same:,} of {found.questions:,} answers are the same ({found.same_share:.2%}), "
        f"{found.same_status:,} decisions to answer"
    )
    for one in (found.first, found.second):
        rates = " / ".join(f"{100 * rate:.1f}" for rate in one.hit_rate.values())
        typer.echo(f"{printable(one.location)}: hit rate at 1 / 5 / 20 {rates}, {one.retrieve_ms:.0f} ms to retrieve")
    if not found.holds:
        raise typer.Exit(1)


@bench.command("ingest")
def ingest(
    folder: Annotated[Path, typer.Argument(help="The folder to index; some minutes' worth of it.")],
    *,
    nodes: Annotated[int, typer.Option(min=1, max=64, help="Nodes of the Ray cluster, all on this machine.")] = 2,
    cores: Annotated[int, typer.Option(min=1, max=64, help="Cores of each node.")] = 1,
    rounds: Annotated[int, typer.Option(min=1, max=20, help="How often each way has its turn.")] = 1,
    output: Annotated[Path | None, typer.Option(help="Write the figures as JSON.")] = None,
) -> None:
    """Index a folder by one process and by a Ray cluster on the same cores, and compare rates and catalogues.

    Exit 1 where the catalogues differ, or where the cluster has less than nine tenths of the process's rate.
    """
    from eval.ingesting import measure
    from index.embedder import open_embedder

    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder")
    # Compiled now, the model is loaded by every run, and compiled by none.
    open_embedder().embed(["warm"])
    found = measure(
        _QA,
        folder,
        nodes=nodes,
        cores=cores,
        rounds=rounds,
        say=lambda text: errors.print(escape(text), soft_wrap=True),
    )
    if output is not None:
        _write(output, found.model_dump_json(indent=2) + "\n")
    same = "the same" if found.same else "NOT THE SAME"
    typer.echo(
        f"{found.process.documents:,} documents, {found.process.passages:,} passages, {same} catalogue\n"
        f"one process on {nodes * cores} cores: {found.process.rate:.1f} passages/s\n"
        f"Ray {found.ray}, {nodes} nodes of {cores}: {found.cluster.rate:.1f} passages/s; ratio {found.ratio:.2f}"
    )
    if not found.holds:
        raise typer.Exit(1)


def _sizes(text: str) -> list[int]:
    from eval.scale.bench import LEAST_SIZE, MOST_SIZE

    try:
        found = sorted({int(part) for part in text.replace("_", "").split(",")})
    except ValueError as error:
        raise UsageError(f"--sizes {text}: expected numbers of passages, as {SIZES}") from error
    if found[0] < LEAST_SIZE or found[-1] > MOST_SIZE:
        raise UsageError(f"--sizes {text}: a size lies between {LEAST_SIZE:,} and {MOST_SIZE:,}")
    return found


@bench.command("soak")
def soak(
    *,
    seconds: Annotated[float, typer.Option(min=1, help="How long clients are at work.")] = 600,
    seed: Annotated[int, typer.Option(min=0, help="Of what clients do and of when the server is killed.")] = 13,
    writers: Annotated[int, typer.Option(min=1, max=32, help="Clients that add, replace and remove.")] = 2,
    askers: Annotated[int, typer.Option(min=1, max=32, help="Clients that ask.")] = 2,
    output: Annotated[Path | None, typer.Option(help="Write the report as JSON.")] = None,
) -> None:
    """Kill and restart a real `qa serve` at random moments under mixed load, and hold all it says against what it
    acknowledged: exit 1 with a list where a document was lost, a removed one answered, or a request failed otherwise
    than by a refused connection or 503 while there was no server.

    The store is made in a temporary folder, and removed again unless something was wrong. It takes --seconds and then
    some ten more.
    """
    from eval.serving.process import ServerProcess
    from eval.serving.soak import soak as run

    work = Path(tempfile.mkdtemp(prefix="spanqa-soak-"))
    store = str(work / "store")
    with ServerProcess(partial(_serve_command, store), work / "server.log") as server:
        try:
            report = run(
                server,
                [*_QA, "store", "check", "--store", store],
                seconds=seconds,
                seed=seed,
                writers=writers,
                askers=askers,
                say=lambda text: errors.print(escape(text), soft_wrap=True),
            )
        except KeyboardInterrupt:
            errors.print(f"interrupted; the store and the log are in {escape(str(work))}")
            raise typer.Exit(1) from None
    if output is not None:
        from eval.files import write_whole

        write_whole(output, (report.model_dump_json(indent=2) + "\n").encode())
    typer.echo(
        f"{report.seconds:g} s, {report.kills} kills and {report.polite_stops} stops, down for {report.down_s:g} s: "
        f"{report.acknowledged_puts} documents stored and {report.acknowledged_removals} removed as acknowledged, "
        f"{report.documents_at_end} left; {report.answers_checked} answers and {report.lists_checked} lists checked"
    )
    for operation, count in report.requests.items():
        typer.echo(f"  {count:6} {operation}")
    for violation in report.violations:
        typer.echo(f"VIOLATED: {printable(violation)}")
    if not report.holds:
        typer.echo(f"{report.violated} violations; the store and the server's log are in {work}")
        raise typer.Exit(1)
    typer.echo("holds: nothing acknowledged was lost, nothing removed answered or was listed, the store is whole")
    shutil.rmtree(work)


@bench.command("load")
def load(
    gold: Annotated[Path, typer.Argument(help="Gold questions to ask; their answers are not looked at.")],
    *,
    store: StoreOption,
    seconds: Annotated[float, typer.Option(min=1, help="How long each number of clients asks.")] = 60,
    clients: Annotated[str, typer.Option(help="How many clients at once, by commas.")] = "1,4,16",
    passages: Annotated[int, typer.Option("--passages", "-k", min=1, max=100, help="Read for each question.")] = 20,
    questions: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many, by a seeded draw.")] = 500,
    output: Annotated[Path | None, typer.Option(help="Write the figures as JSON.")] = None,
) -> None:
    """Measure a real `qa serve` on STORE under 1, 4 and 16 clients: questions a second, latency, errors, memory.

    Rate limit and answer cache are off; nothing is written to the store. It takes --seconds for each number of clients,
    and some ten more; exit 1 where something that is asked of it does not hold.
    """
    from eval.asking import about_store
    from eval.calibrating import draw
    from eval.gold import read_gold
    from eval.runs import GoldRef, gold_sha256
    from eval.serving.load import measure, print_load, report_of
    from eval.serving.process import ServerProcess

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
                say=lambda text: errors.print(escape(text), soft_wrap=True),
            )
            server.stop()
    except KeyboardInterrupt:
        errors.print("interrupted; nothing is kept of it")
        raise typer.Exit(1) from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    report = report_of(found, store=about, gold=ref, passages=passages)
    if output is not None:
        from eval.files import write_whole

        write_whole(output, (report.model_dump_json(indent=2) + "\n").encode())
    print_load(report, Console())
    if not all(bar.holds for bar in report.bars):
        raise typer.Exit(1)


def _levels(text: str) -> list[int]:
    from eval.serving.load import MOST_CLIENTS

    try:
        found = sorted({int(part) for part in text.split(",")})
    except ValueError as error:
        raise UsageError(f"--clients {text}: expected numbers of clients, as 1,4,16") from error
    if found[0] < 1 or found[-1] > MOST_CLIENTS:
        raise UsageError(f"--clients {text}: a number lies between 1 and {MOST_CLIENTS}")
    return found


# A process of its own with this very Python and these very packages, wherever the `qa` of the path may come from.
_QA = (sys.executable, "-c", "import sys; from api.cli import main; sys.exit(main())")


def _serve_command(store: str, port: int, options: Sequence[str] = ()) -> list[str]:
    return [*_QA, "serve", "--store", store, "--port", str(port), "--requests-per-minute", "0", "--log-json", *options]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    bench_failures.add_to(bench)
    app.add_typer(bench, name="bench")
