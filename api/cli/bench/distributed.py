"""`qa bench distributed`: a store and its copy in servers, compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.opening import open_engine, open_store
from api.cli.options import ForceOption, PassagesOption, StoreOption
from api.cli.progress import progress_bar
from api.terminal import say
from index.disk.outputs import Outputs, json_kind
from index.text.printable import printable


def distributed(
    gold: Annotated[Path, typer.Argument(help="Gold questions whose documents are in the stores; .gz too.")],
    *,
    store: StoreOption,
    against: Annotated[str, typer.Option(help="The store to compare: a copy that qa migrate-store made.")],
    sample: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many questions, by a seeded draw.")] = 500,
    passages: PassagesOption = 20,
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
        agreement = compare_stores(first, second, asked, gold, ref=ref, passages=passages, progress=advance)
    if written is not None:
        written.write_model(agreement)
    say(
        f"{agreement.same:,} of {agreement.questions:,} answers are the same ({agreement.same_share:.2%}), "
        f"{agreement.same_status:,} decisions to answer"
    )
    for measured in (agreement.first, agreement.second):
        rates = " / ".join(f"{100 * rate:.1f}" for rate in measured.hit_rate.values())
        say(
            f"{printable(measured.location)}: hit rate at 1 / 5 / 20 {rates}, {measured.retrieve_ms:.0f} ms to retrieve"
        )
    if not agreement.holds:
        raise typer.Exit(1)
