"""`qa bench full`: whether a store survives full disks."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from api.cli.bench.made_models import run_made
from api.cli.bench.programs import QA_PROGRAM
from api.cli.bench.store_keys import StoreKeys
from api.cli.bench.work_folders import NEW_FOLDER
from api.cli.options import ForceOption
from api.terminal import say, tell
from index.disk.outputs import Outputs, json_kind
from index.text.printable import printable


def full(
    context: typer.Context,
    *,
    points: Annotated[
        int, typer.Option("-n", "--points", min=1, max=100_000, help="How often the disk is full.")
    ] = 300,
    seed: Annotated[int, typer.Option(help="Decides documents, commands and how many bytes are left.")] = 13,
    disk: Annotated[
        Path | None,
        typer.Option(help="An empty disk of at most 256 MB to fill; else one in memory is made (root or unshare)."),
    ] = None,
    work: Annotated[Path, typer.Option(help="A new folder for all else; kept where a problem is found.")] = Path(
        ".full"
    ),
    output: Annotated[Path | None, typer.Option(help="Write the figures as JSON.")] = None,
    force: ForceOption = False,
) -> None:
    """Let the disk become full in the middle of every kind of command, and check each time that nothing is lost.

    Documents are added, updated and removed, the store purged, embedded anew, repaired, backed up, restored, copied
    and opened, its search indexes caught up, keys added, renewed and revoked, with so few bytes left that it must
    fail. Each time it is refused in one line that says what is free, everything acknowledged is there, and once there
    is room the same command succeeds and the store is whole. About a second a point. Exit 1 where anything was not
    so.
    """
    from eval.bench.disks.harness import Fillings, bench_full

    outputs = Outputs([disk], force=force)
    outputs.work(work, NEW_FOLDER)
    written = outputs.file(output, json_kind("figures of qa bench full", Fillings))
    if disk is None:
        _full_on_small_disk(points, seed, work, output, force=force)
        return
    try:
        outcome = bench_full(
            disk,
            work,
            points=points,
            seed=seed,
            keys=StoreKeys(),
            run=partial(run_made, context.find_root().command),
            say=tell,
        )
    except KeyboardInterrupt:
        tell(f"interrupted; the documents are in {work}")
        raise typer.Exit(1) from None
    if written is not None:
        written.write_model(outcome)
    for name, kind in outcome.kinds.items():
        say(
            f"{name}: full at {kind.points} points with {kind.least:,} to {kind.most:,} bytes left, {kind.landed} of "
            f"them done all the same; {kind.succeeded} with room enough"
        )
    say(f"{outcome.points} points in {outcome.seconds:.0f} s, {len(outcome.problems)} problems")
    for problem in outcome.problems:
        say(f"problem: {printable(problem)}")
    if not outcome.holds:
        kept = work / "disk"
        shutil.copytree(disk, kept, ignore=shutil.ignore_patterns("ballast", "lost+found"))
        tell(f"all is kept in {work}; to come to it again: qa bench full --seed {seed}")
        raise typer.Exit(1)


def _full_on_small_disk(points: int, seed: int, work: Path, output: Path | None, *, force: bool) -> None:
    """The same command in a process that has a small disk of its own."""
    from eval.bench.disks.mounting import on_small_disk

    with tempfile.TemporaryDirectory(prefix="spanqa-disk-") as folder:
        command = [*QA_PROGRAM, "bench", "full", "-n", str(points), "--seed", str(seed), "--work", str(work)]
        command += ["--disk", folder, *(["--force"] if force else [])]
        if output is not None:
            command += ["--output", str(output)]
        code = subprocess.run(on_small_disk(Path(folder), command), check=False).returncode
    if code:
        raise typer.Exit(code)
