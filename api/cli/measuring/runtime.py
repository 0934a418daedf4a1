"""`qa runtime`: what runs the models, compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from api.cli.options import ForceOption, ReaderOption
from api.cli.progress import progress_bar
from api.terminal import Terminal
from index.disk.outputs import Outputs, json_kind
from index.text.printable import printable

runtime = typer.Typer(help="What runs the models.", no_args_is_help=True)


@runtime.callback()
def _runtime() -> None:
    """What runs the models."""


@runtime.command("compare")
def compare(
    gold: Annotated[Path, typer.Argument(help="Gold questions with their paragraphs, as SQuAD's; .gz too.")],
    *,
    questions: Annotated[int | None, typer.Option(min=1, help="At most so many, by a seeded draw; all.")] = None,
    reader: ReaderOption = None,
    output: Annotated[Path | None, typer.Option(help="Write the comparison as JSON.")] = None,
    force: ForceOption = False,
) -> None:
    """Read each question in its own paragraph by torch in fp32 and by the runtime that is shipped, and compare.

    Exit 1 where fewer than 99.5 % of the answers are the same. 6,000 questions take about 6 minutes on two cores.
    """
    from eval.bench.runtimes import REFERENCE, RuntimeComparison, compare_runtimes
    from eval.gold.questions import read_gold
    from eval.gold.sampling import draw
    from eval.runs.run import SEED, GoldRef, gold_sha256
    from qa.reading.reader import DEFAULT_READER

    kind = json_kind("a comparison of qa runtime compare", RuntimeComparison)
    written = Outputs([gold, reader], force=force).file(output, kind)
    asked = draw([question for question in read_gold(gold) if question.context], questions)
    ref = GoldRef(
        name=gold.name,
        sha256=gold_sha256(gold),
        questions=len(asked),
        sample=questions,
        seed=None if questions is None else SEED,
    )
    with progress_bar("reading", len(asked)) as advance:
        comparison = compare_runtimes(asked, ref, reader or DEFAULT_READER, advance)
    if written is not None:
        written.write_model(comparison)
    table = Table(
        title=f"{comparison.questions:,} questions of {printable(gold.name)}, own paragraph given",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    headings = (
        "runtime",
        "same\nanswer",
        "same\nyes/no",
        "logits\ndiffer",
        "forced\nEM/F1",
        "EM/F1",
        "each\nsecond",
    )
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left", no_wrap=True)
    for name, figures in comparison.runtimes.items():
        beside = (
            f"{figures.same_answer:.2%}",
            f"{figures.same_decision:.2%}",
            f"{figures.largest_logit_difference:.1e}",
        )
        table.add_row(
            f"{name} *" if name == comparison.shipped else name,
            *(("", "", "") if name == REFERENCE else beside),
            f"{_percent(figures.forced_em)}/{_percent(figures.forced_f1)}",
            f"{_percent(figures.em)}/{_percent(figures.f1)}",
            f"{figures.questions_a_second:.1f}",
        )
    console = Terminal()
    console.print(table)
    console.print(
        '*: shipped. Same answer: the best span, to the character; same yes/no: whether it beats "no answer"; logits '
        "differ: the largest difference of one."
    )
    for entry in comparison.differing[:10]:
        console.print(
            f"{entry.runtime}: {entry.other!r} for {entry.reference!r}, which leads by {entry.lead:.4f}", markup=False
        )
    if not comparison.holds:
        raise typer.Exit(1)


def _percent(share: float | None) -> str:
    return "?" if share is None else f"{100 * share:.2f}"
