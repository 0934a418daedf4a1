"""`qa bench kill` and `qa bench full`: whether a store survives killed writers and full disks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn
from unittest.mock import patch

import typer
from rich.markup import escape

from api.console import printable
from api.options import errors, progress_bar

_QA = (sys.executable, "-c", "import sys; from api.cli import main; sys.exit(main())")


def add_to(bench: typer.Typer) -> None:
    """Add these commands to `qa bench`."""
    bench.command("kill")(kill)
    bench.command("full")(full)


def kill(
    *,
    kills: Annotated[int, typer.Option("-n", "--kills", min=1, max=100_000, help="How many kills.")] = 300,
    seed: Annotated[int, typer.Option(help="Decides documents, operations and the drawn moments.")] = 13,
    work: Annotated[Path, typer.Option(help="A new folder for the store; kept where a problem is found.")] = Path(
        ".kills"
    ),
    output: Annotated[Path | None, typer.Option(help="Write the figures as JSON.")] = None,
) -> None:
    """Kill a writer at random moments (SIGKILL) while others read, and check each time that nothing is lost.

    It adds, updates, describes, removes, purges, repairs and embeds anew, backs up and restores, copies the store, adds
    and revokes keys. After each kill everything is checked: every acknowledged change must be there, the one under way
    wholly or not at all, an interrupted backup or copy whole or made by the same command again, and no reader may have
    seen an error or a wrong place. About a second a kill. Exit 1 where anything was not so.
    """
    from api.trying import StoreKeys
    from eval.files import write_whole
    from eval.kills.bench import bench_kills

    try:
        found = bench_kills(work, kills=kills, seed=seed, keys=StoreKeys(), watch=progress_bar)
    except KeyboardInterrupt:
        errors.print(f"interrupted; the store is in {escape(str(work))}")
        raise typer.Exit(1) from None
    if output is not None:
        write_whole(output, (found.model_dump_json(indent=2) + "\n").encode())
    for name, met in found.under_way.items():
        quarters = " / ".join(map(str, met.quarters))
        typer.echo(
            f"{name}: {met.kills} kills (by quarters of its {1000 * met.usual_s:.0f} ms: {quarters}), {met.landed} of "
            f"them there all the same; {found.acknowledged.get(name, 0)} acknowledged"
        )
    typer.echo(
        f"{found.kills} kills of a writer and {found.reader_kills} of a reader in {found.seconds:.0f} s, "
        f"{sum(found.acknowledged.values())} changes acknowledged, {found.answers} answers of {found.readers} readers "
        f"right, {len(found.problems)} problems"
    )
    for problem in found.problems:
        typer.echo(f"problem: {printable(problem)}")
    if not found.holds:
        errors.print(
            f"the store is kept in {escape(str(work))}; to come to it again: qa bench kill --seed {seed} -n "
            f"{found.kills}",
            soft_wrap=True,
        )
        raise typer.Exit(1)


def full(
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
) -> None:
    """Let the disk become full in the middle of every kind of command, and check each time that nothing is lost.

    Documents are added, updated and removed, the store purged, embedded anew, repaired, backed up, restored, copied and
    opened, its search indexes caught up, keys added and revoked, with so few bytes left that it must fail. Each time it
    is refused in one line that says what is free, everything acknowledged is there, and once there is room the same
    command succeeds and the store is whole. About a second a point. Exit 1 where anything was not so.
    """
    from api.trying import StoreKeys
    from eval.disks.bench import bench_full
    from eval.files import write_whole

    if disk is None:
        _full_on_small_disk(points, seed, work, output)
        return
    try:
        found = bench_full(
            disk,
            work,
            points=points,
            seed=seed,
            keys=StoreKeys(),
            run=run_made,
            say=lambda text: errors.print(escape(text), soft_wrap=True),
        )
    except KeyboardInterrupt:
        errors.print(f"interrupted; the documents are in {escape(str(work))}")
        raise typer.Exit(1) from None
    if output is not None:
        write_whole(output, (found.model_dump_json(indent=2) + "\n").encode())
    for name, kind in found.kinds.items():
        typer.echo(
            f"{name}: full at {kind.points} points with {kind.least:,} to {kind.most:,} bytes left, {kind.landed} of "
            f"them done all the same; {kind.succeeded} with room enough"
        )
    typer.echo(f"{found.points} points in {found.seconds:.0f} s, {len(found.problems)} problems")
    for problem in found.problems:
        typer.echo(f"problem: {printable(problem)}")
    if not found.holds:
        kept = work / "disk"
        shutil.copytree(disk, kept, ignore=shutil.ignore_patterns("ballast", "lost+found"))
        errors.print(
            f"all is kept in {escape(str(work))}; to come to it again: qa bench full --seed {seed}", soft_wrap=True
        )
        raise typer.Exit(1)


def _full_on_small_disk(points: int, seed: int, work: Path, output: Path | None) -> None:
    """The same command in a process that has a small disk of its own."""
    from eval.disks.mounting import on_small_disk

    with tempfile.TemporaryDirectory(prefix="spanqa-disk-") as folder:
        command = [*_QA, "bench", "full", "-n", str(points), "--seed", str(seed), "--work", str(work), "--disk", folder]
        if output is not None:
            command += ["--output", str(output)]
        code = subprocess.run(on_small_disk(Path(folder), command), check=False).returncode
    if code:
        raise typer.Exit(code)


def run_made(arguments: Sequence[str], out: Path, err: Path) -> NoReturn:
    """Be `qa` with these arguments, but with models that need no weights; ends the process."""
    from api.cli import main
    from eval.kills.material import EMBEDDERS, HashingEmbedder

    def open_made_embedder(model: str, _runtime: str | None = None) -> HashingEmbedder:
        return next((embedder for embedder in EMBEDDERS if embedder.name == model), EMBEDDERS[0])

    sys.argv = ["qa", *arguments]
    code: object = 0
    for stream, path in ((1, out), (2, err)):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(descriptor, stream)
    try:
        with patch("api.opening.open_embedder", open_made_embedder):
            main()
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - as Python itself tells it
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))
