"""`qa bench damage`: whether damage to a catalogue's file is noticed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.bench.work_folders import NEW_FOLDER
from api.cli.options import ForceOption
from api.cli.progress import progress_bar
from api.terminal import say, tell
from index.disk.outputs import Outputs, json_kind
from index.text.printable import printable


def damage(
    *,
    count: Annotated[
        int, typer.Option("-n", "--count", min=1, max=100_000, help="How many bits to flip, and how many cuts.")
    ] = 500,
    seed: Annotated[int, typer.Option(help="Decides documents, bits and cuts.")] = 7,
    work: Annotated[Path, typer.Option(help="A new folder for the stores; kept where a problem is found.")] = Path(
        ".damage"
    ),
    output: Annotated[Path | None, typer.Option(help="Write the figures as JSON.")] = None,
    force: ForceOption = False,
) -> None:
    """Flip random bits of a catalogue's file, and cut it off at random bytes; see that nobody is told anything wrong.

    Each time the store is opened, asked, read as a whole and checked. Nothing may be answered or read that is not as it
    was written, nothing called whole of which a row has changed, and no error may be other than a message, without
    words of a document. About half a second each. Exit 1 where anything was not so.
    """
    from eval.bench.damage.harness import Damages, bench_damage

    outputs = Outputs(force=force)
    outputs.work(work, NEW_FOLDER)
    written = outputs.file(output, json_kind("figures of qa bench damage", Damages))
    try:
        outcome = bench_damage(work, flips=count, cuts=count, seed=seed, watch=progress_bar)
    except KeyboardInterrupt:
        tell(f"interrupted; the stores are in {work}")
        raise typer.Exit(1) from None
    if written is not None:
        written.write_model(outcome)
    for name, counts in (("bits flipped", outcome.flips), ("cut off", outcome.cuts)):
        say(
            f"{name}: {counts.files} files of {outcome.file_bytes:,} bytes, {counts.refused} refused, "
            f"{counts.told} told of by a check, {counts.spared} in which no row had changed"
        )
    say(
        f"{outcome.answers} answers right, {outcome.refusals} refused, in {outcome.seconds:.0f} s, "
        f"{outcome.problem_count} problems"
    )
    for problem in outcome.problems:
        say(f"problem: {printable(problem)}")
    if not outcome.holds:
        tell(f"the files are kept in {work}")
        raise typer.Exit(1)
