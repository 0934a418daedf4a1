"""`qa bench kill`: whether a store survives killed writers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.bench.store_keys import StoreKeys
from api.cli.bench.work_folders import NEW_FOLDER
from api.cli.options import ForceOption
from api.cli.progress import progress_bar
from api.terminal import say, tell
from index.disk.outputs import Outputs, json_kind
from index.text.printable import printable


def kill(
    *,
    kills: Annotated[int, typer.Option("-n", "--kills", min=1, max=100_000, help="How many kills.")] = 300,
    seed: Annotated[int, typer.Option(help="Decides documents, operations and the drawn moments.")] = 13,
    work: Annotated[Path, typer.Option(help="A new folder for the store; kept where a problem is found.")] = Path(
        ".kills"
    ),
    output: Annotated[Path | None, typer.Option(help="Write the figures as JSON.")] = None,
    force: ForceOption = False,
) -> None:
    """Kill a writer at random moments (SIGKILL) while others read, and check each time that nothing is lost.

    It adds, updates, describes, removes, purges, repairs and embeds anew, backs up and restores, copies the store,
    adds, renews and revokes keys. After each kill everything is checked: every acknowledged change must be there, the
    one under way wholly or not at all, an interrupted backup or copy whole or made by the same command again, and no
    reader may have seen an error or a wrong place. About a second a kill. Exit 1 where anything was not so.
    """
    from eval.bench.kills.harness import Kills, bench_kills

    outputs = Outputs(force=force)
    outputs.work(work, NEW_FOLDER)
    written = outputs.file(output, json_kind("figures of qa bench kill", Kills))
    try:
        outcome = bench_kills(work, kills=kills, seed=seed, keys=StoreKeys(), watch=progress_bar)
    except KeyboardInterrupt:
        tell(f"interrupted; the store is in {work}")
        raise typer.Exit(1) from None
    if written is not None:
        written.write_model(outcome)
    for name, kind in outcome.under_way.items():
        quarters = " / ".join(map(str, kind.quarters))
        say(
            f"{name}: {kind.kills} kills (by quarters of its {1000 * kind.usual_s:.0f} ms: {quarters}), {kind.landed} "
            f"of them there all the same; {outcome.acknowledged.get(name, 0)} acknowledged"
        )
    say(
        f"{outcome.kills} kills of a writer and {outcome.reader_kills} of a reader in {outcome.seconds:.0f} s, "
        f"{sum(outcome.acknowledged.values())} changes acknowledged, {outcome.answers} answers of {outcome.readers} "
        f"readers right, {len(outcome.problems)} problems"
    )
    for problem in outcome.problems:
        say(f"problem: {printable(problem)}")
    if not outcome.holds:
        tell(f"the store is kept in {work}; to come to it again: qa bench kill --seed {seed} -n {outcome.kills}")
        raise typer.Exit(1)
