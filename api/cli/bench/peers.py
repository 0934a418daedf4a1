"""`qa bench peers` and `qa bench table`: spanqa beside other systems."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from api.cli.bench.programs import qa_script
from api.cli.errors import UsageError
from api.cli.grouping import OptionGroup, with_groups
from api.cli.options import ForceOption
from api.cli.progress import progress_bar
from api.terminal import Terminal, errors, say, tell
from index.disk.outputs import Outputs, json_kind
from index.errors import InputError


@dataclass(frozen=True)
class PlanOptions(OptionGroup):
    """How much is asked of how much text."""

    quick: Annotated[bool, typer.Option("--quick", help="1,000 passages and 12 questions: does it all work?")] = False
    questions: Annotated[
        int | None, typer.Option(min=4, max=10_000, help="How many, by a seeded draw; 60, quick 12.")
    ] = None
    passages: Annotated[
        int | None, typer.Option(min=200, max=100_000, help="How large the corpus is; 10,000, quick 1,000.")
    ] = None


@dataclass(frozen=True)
class WritingOptions(OptionGroup):
    """Where the figures are written, and in which forms."""

    output: Annotated[Path | None, typer.Option(help="Write the figures as JSON.")] = None
    table: Annotated[Path | None, typer.Option(help="Write the table as Markdown.")] = None
    plot: Annotated[Path | None, typer.Option(help="Draw the figures, as peers.png or .svg.")] = None
    force: ForceOption = False


@with_groups
def peers(
    gold: Annotated[Path, typer.Argument(help="Gold questions with their paragraphs, as SQuAD's; .gz too.")],
    articles: Annotated[Path, typer.Argument(help="Articles to search beside them: JSONL of title and text, .gz too.")],
    *,
    work: Annotated[Path, typer.Option(help="Folder for environments, indexes and figures; go on from it.")] = Path(
        ".peers"
    ),
    plan: PlanOptions,
    threads: Annotated[
        int | None, typer.Option(min=1, max=64, help="For each system; as many as there are cores.")
    ] = None,
    writing: WritingOptions,
) -> None:
    """Measure spanqa beside Haystack and txtai: the same texts, models, candidates and threads, in turns in one run.

    Each peer runs in an environment of its own, made in the work folder the first time from pinned requirements (PyPI
    is asked for about 250 MB each). Then a run takes 15 to 25 minutes on two quiet cores, much of which embeds the
    corpus once; a quick one takes about four.
    Interrupt it at will: the same command goes on, and what is measured is not measured again; delete the folder
    `parts` there to do so.
    """
    from eval.bench.peers.comparison import QUICK, WORK, Comparison, Plan
    from eval.bench.peers.comparison import compare_peers as run
    from eval.bench.peers.comparison_report import TABLE, markdown, print_comparison
    from eval.bench.peers.comparison_report import plot as draw_plot
    from eval.bench.plotting import PLOT, require_plotting
    from eval.gold.questions import read_gold
    from eval.runs.run import GoldRef, gold_sha256
    from index.models.hardware import threads as every_core

    if writing.plot is not None:
        try:
            require_plotting(writing.plot)
        except InputError as error:
            raise UsageError(str(error)) from error
    outputs = Outputs([gold, articles], force=writing.force)
    outputs.work(work, WORK)
    written = outputs.file(writing.output, json_kind("figures of qa bench peers", Comparison))
    tabulated = outputs.file(writing.table, TABLE)
    drawn = outputs.file(writing.plot, PLOT)
    changes = {"questions": plan.questions, "passages": plan.passages}
    planned = (QUICK if plan.quick else Plan()).model_copy(update={k: v for k, v in changes.items() if v is not None})
    sha256 = gold_sha256(gold)
    try:
        comparison = run(
            read_gold(gold),
            lambda asked: GoldRef(name=gold.name, sha256=sha256, questions=asked, sample=planned.questions, seed=13),
            articles,
            plan=planned,
            work=work.resolve(),
            threads=threads or every_core(),
            cold_command=qa_script(),
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


def peers_table(
    figures: Annotated[Path, typer.Argument(metavar="PEERS.json", help="What qa bench peers --output wrote.")],
) -> None:
    """Print the table of a comparison as Markdown, for a page."""
    from eval.bench.peers.comparison import read_comparison
    from eval.bench.peers.comparison_report import markdown

    say(markdown(read_comparison(figures)), end="")


@contextmanager
def _told(name: str, total: int | None = None) -> Iterator[Callable[[int, int], None]]:
    """A progress bar, or where nobody sees one a line as each step begins: a run takes minutes."""
    if not errors.is_terminal:
        tell(name)
    with progress_bar(name, total) as advance:
        yield advance
