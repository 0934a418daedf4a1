"""The benchmarks: `qa bench`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from api.cli.bench import failures as bench_failures
from api.cli.bench import serving as bench_serving
from api.cli.bench.serving import QA_PROGRAM
from api.cli.errors import UsageError
from api.cli.opening import open_engine, open_store
from api.cli.options import ForceOption, StoreOption, progress_bar
from api.terminal import Terminal, errors, say, tell
from index.disk.outputs import Outputs, json_kind
from index.errors import InputError
from index.text.printable import printable

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
    force: ForceOption = False,
) -> None:
    """Measure how retrieval grows with the store: latency, hit rate beside exact search, memory, opening, indexing.

    Stores of each size are made of the passages of STORE: themselves, then copies with other words here and there and
    vectors moved as much. They go through the catalogue and both indexes as any store does; only cutting and embedding
    are spared. Interrupt it at will: the same command goes on. A million passages take about 8 GB of disk.
    """
    from eval.bench.plotting import PLOT, require_plotting
    from eval.bench.scale.curve import WORK, Curve, measure_curve
    from eval.bench.scale.curve_report import plot as draw_plot
    from eval.bench.scale.curve_report import print_curve
    from eval.gold.questions import read_gold
    from eval.gold.sampling import draw
    from eval.runs.run import GoldRef, gold_sha256
    from qa.reading.reader import DEFAULT_READER

    if plot is not None:
        try:
            require_plotting(plot)
        except InputError as error:
            raise UsageError(str(error)) from error
    outputs = Outputs([gold], store=store, force=force)
    outputs.work(work, WORK)
    written = outputs.file(output, json_kind("figures of qa bench scale", Curve))
    drawn = outputs.file(plot, PLOT)
    wanted = _sizes(sizes)
    asked = draw([question for question in read_gold(gold) if question.located], questions)
    ref = GoldRef(name=gold.name, sha256=gold_sha256(gold), questions=len(asked), sample=questions, seed=13)
    source = open_store(store)
    try:
        curve = measure_curve(
            source,
            asked,
            gold,
            ref,
            sizes=wanted,
            work=work,
            reader=DEFAULT_READER,
            embedder=source.embedder.name,
            watch=progress_bar,
            say=tell,
            keep=keep,
        )
    except KeyboardInterrupt:
        tell(f"interrupted; what is done is kept in {work}: the same command goes on")
        raise typer.Exit(1) from None
    if written is not None:
        written.write_model(curve)
    if drawn is not None:
        drawn.write(draw_plot(curve, drawn.path.suffix))
    print_curve(curve, Terminal())


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
    force: ForceOption = False,
) -> None:
    """Measure spanqa beside Haystack and txtai: the same texts, models, candidates and threads, in turns in one run.

    Each peer runs in an environment of its own, made in the work folder the first time from pinned requirements (PyPI
    is asked for about 250 MB each). Then a run takes 15 to 25 minutes on two quiet cores, much of which embeds the
    corpus once; a quick one takes about four.
    Interrupt it at will: the same command goes on, and what is measured is not measured again; delete the folder
    `parts` there to do so.
    """
    from eval.bench.peers.comparison import QUICK, WORK, Comparison, Plan, compare_peers
    from eval.bench.peers.comparison_report import TABLE, markdown, print_comparison
    from eval.bench.peers.comparison_report import plot as draw_plot
    from eval.bench.plotting import PLOT, require_plotting
    from eval.gold.questions import read_gold
    from eval.runs.run import GoldRef, gold_sha256
    from index.models.hardware import threads as every_core

    if plot is not None:
        try:
            require_plotting(plot)
        except InputError as error:
            raise UsageError(str(error)) from error
    outputs = Outputs([gold, articles], force=force)
    outputs.work(work, WORK)
    written = outputs.file(output, json_kind("figures of qa bench peers", Comparison))
    tabulated = outputs.file(table, TABLE)
    drawn = outputs.file(plot, PLOT)
    changes = {"questions": questions, "passages": passages}
    plan = (QUICK if quick else Plan()).model_copy(update={k: v for k, v in changes.items() if v is not None})
    sha256 = gold_sha256(gold)
    try:
        comparison = compare_peers(
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
        tell(f"interrupted; what is done is kept in {work}: the same command goes on")
        raise typer.Exit(1) from None
    if written is not None:
        written.write_model(comparison)
    if tabulated is not None:
        tabulated.write(markdown(comparison).encode())
    if drawn is not None:
        drawn.write(draw_plot(comparison, drawn.path.suffix))
    print_comparison(comparison, Terminal())


@bench.command("table")
def peers_table(
    figures: Annotated[Path, typer.Argument(metavar="PEERS.json", help="What qa bench peers --output wrote.")],
) -> None:
    """Print the table of a comparison as Markdown, for a page."""
    from eval.bench.peers.comparison import read_comparison
    from eval.bench.peers.comparison_report import markdown

    say(markdown(read_comparison(figures)), end="")


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
        tell(name)
    with progress_bar(name, total) as advance:
        yield advance


@bench.command("distributed")
def distributed(
    gold: Annotated[Path, typer.Argument(help="Gold questions whose documents are in the stores; .gz too.")],
    *,
    store: StoreOption,
    against: Annotated[str, typer.Option(help="The store to compare: a copy that qa migrate-store made.")],
    sample: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many questions, by a seeded draw.")] = 500,
    passages: Annotated[int, typer.Option("-k", "--passages", min=1, max=200, help="How many passages to read.")] = 20,
    output: Annotated[Path | None, typer.Option(help="Write the comparison as JSON.")] = None,
    force: ForceOption = False,
) -> None:
    """Ask a store and its copy in servers the same questions, and compare answers and hit rates.

    Exit 1 where fewer than 99 % of the answers are the same, words, place and decision, or where a hit rate differs by
    more than half a point. 500 questions take about five minutes on two quiet cores.
    """
    from eval.bench.agreement import Agreement, compare_stores
    from eval.gold.questions import read_gold
    from eval.gold.sampling import draw
    from eval.runs.run import GoldRef, gold_sha256
    from qa.engine import Engine

    kind = json_kind("a comparison of qa bench distributed", Agreement)
    written = Outputs([gold], store=store, force=force).file(output, kind)
    asked = draw(read_gold(gold), sample)
    ref = GoldRef(name=gold.name, sha256=gold_sha256(gold), questions=len(asked), sample=sample, seed=13)
    first = open_engine(open_store(store))
    second = Engine(open_store(against), first.reader, first.calibration)
    with progress_bar("asking both", len(asked)) as advance:
        found = compare_stores(
            first, second, asked, gold, ref=ref, passages=passages, progress=advance
        )  # fmt: skip
    if written is not None:
        written.write_model(found)
    say(
        f"{found.same:,} of {found.questions:,} answers are the same ({found.same_share:.2%}), "
        f"{found.same_status:,} decisions to answer"
    )
    for one in (found.first, found.second):
        rates = " / ".join(f"{100 * rate:.1f}" for rate in one.hit_rate.values())
        say(f"{printable(one.location)}: hit rate at 1 / 5 / 20 {rates}, {one.retrieve_ms:.0f} ms to retrieve")
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
    force: ForceOption = False,
) -> None:
    """Index a folder by one process and by a Ray cluster on the same cores, and compare rates and catalogues.

    Exit 1 where the catalogues differ, or where the cluster has less than nine tenths of the process's rate.
    """
    from eval.bench.ingest import Ingestion, measure
    from index.models.embedder import open_embedder

    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder")
    written = Outputs([folder], force=force).file(output, json_kind("figures of qa bench ingest", Ingestion))
    # Compiled now, the model is loaded by every run, and compiled by none.
    open_embedder().embed(["warm"])
    found = measure(
        QA_PROGRAM,
        folder,
        nodes=nodes,
        cores=cores,
        rounds=rounds,
        say=tell,
    )
    if written is not None:
        written.write_model(found)
    same = "the same" if found.same else "NOT THE SAME"
    say(
        f"{found.process.documents:,} documents, {found.process.passages:,} passages, {same} catalogue\n"
        f"one process on {nodes * cores} cores: {found.process.rate:.1f} passages/s\n"
        f"Ray {found.ray}, {nodes} nodes of {cores}: {found.cluster.rate:.1f} passages/s; ratio {found.ratio:.2f}"
    )
    if not found.holds:
        raise typer.Exit(1)


def _sizes(text: str) -> list[int]:
    from eval.bench.scale.curve import LEAST_SIZE, MOST_SIZE

    try:
        found = sorted({int(part) for part in text.replace("_", "").split(",")})
    except ValueError as error:
        raise UsageError(f"--sizes {text}: expected numbers of passages, as {SIZES}") from error
    if found[0] < LEAST_SIZE or found[-1] > MOST_SIZE:
        raise UsageError(f"--sizes {text}: a size lies between {LEAST_SIZE:,} and {MOST_SIZE:,}")
    return found


def add_to(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    bench_serving.add_to(bench)
    bench_failures.add_to(bench)
    app.add_typer(bench, name="bench")
