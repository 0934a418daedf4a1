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

from api.cli.bench.serving import QA_PROGRAM
from api.cli.options import ForceOption, progress_bar
from api.terminal import say, tell
from index.disk.outputs import FolderKind, Outputs, json_kind
from index.text.printable import printable

NEW_FOLDER = FolderKind("a new folder", frozenset())


def add_to(bench: typer.Typer) -> None:
    """Add these commands to `qa bench`."""
    bench.command("kill")(kill)
    bench.command("full")(full)
    bench.command("damage")(damage)


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
    from api.cli.bench.store_keys import StoreKeys
    from eval.bench.kills.bench import Kills, bench_kills

    outputs = Outputs(force=force)
    outputs.work(work, NEW_FOLDER)
    written = outputs.file(output, json_kind("figures of qa bench kill", Kills))
    try:
        found = bench_kills(work, kills=kills, seed=seed, keys=StoreKeys(), watch=progress_bar)
    except KeyboardInterrupt:
        tell(f"interrupted; the store is in {work}")
        raise typer.Exit(1) from None
    if written is not None:
        written.write_model(found)
    for name, met in found.under_way.items():
        quarters = " / ".join(map(str, met.quarters))
        say(
            f"{name}: {met.kills} kills (by quarters of its {1000 * met.usual_s:.0f} ms: {quarters}), {met.landed} of "
            f"them there all the same; {found.acknowledged.get(name, 0)} acknowledged"
        )
    say(
        f"{found.kills} kills of a writer and {found.reader_kills} of a reader in {found.seconds:.0f} s, "
        f"{sum(found.acknowledged.values())} changes acknowledged, {found.answers} answers of {found.readers} readers "
        f"right, {len(found.problems)} problems"
    )
    for problem in found.problems:
        say(f"problem: {printable(problem)}")
    if not found.holds:
        tell(f"the store is kept in {work}; to come to it again: qa bench kill --seed {seed} -n {found.kills}")
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
    force: ForceOption = False,
) -> None:
    """Let the disk become full in the middle of every kind of command, and check each time that nothing is lost.

    Documents are added, updated and removed, the store purged, embedded anew, repaired, backed up, restored, copied
    and opened, its search indexes caught up, keys added, renewed and revoked, with so few bytes left that it must
    fail. Each time it is refused in one line that says what is free, everything acknowledged is there, and once there
    is room the same command succeeds and the store is whole. About a second a point. Exit 1 where anything was not
    so.
    """
    from api.cli.bench.store_keys import StoreKeys
    from eval.bench.disks.bench import Fillings, bench_full

    outputs = Outputs([disk], force=force)
    outputs.work(work, NEW_FOLDER)
    written = outputs.file(output, json_kind("figures of qa bench full", Fillings))
    if disk is None:
        _full_on_small_disk(points, seed, work, output, force=force)
        return
    try:
        found = bench_full(
            disk,
            work,
            points=points,
            seed=seed,
            keys=StoreKeys(),
            run=run_made,
            say=tell,
        )
    except KeyboardInterrupt:
        tell(f"interrupted; the documents are in {work}")
        raise typer.Exit(1) from None
    if written is not None:
        written.write_model(found)
    for name, kind in found.kinds.items():
        say(
            f"{name}: full at {kind.points} points with {kind.least:,} to {kind.most:,} bytes left, {kind.landed} of "
            f"them done all the same; {kind.succeeded} with room enough"
        )
    say(f"{found.points} points in {found.seconds:.0f} s, {len(found.problems)} problems")
    for problem in found.problems:
        say(f"problem: {printable(problem)}")
    if not found.holds:
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


def run_made(arguments: Sequence[str], out: Path, err: Path) -> NoReturn:
    """Be `qa` with these arguments, but with models that need no weights; ends the process."""
    from api.cli.main import main
    from eval.bench.kills.material import EMBEDDERS, HashingEmbedder

    def open_made_embedder(model: str, _runtime: str | None = None) -> HashingEmbedder:
        return next((embedder for embedder in EMBEDDERS if embedder.name == model), EMBEDDERS[0])

    sys.argv = ["qa", *arguments]
    code: object = 0
    for stream, path in ((1, out), (2, err)):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(descriptor, stream)
    try:
        with patch("api.cli.opening.open_embedder", open_made_embedder):
            main()
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - as Python itself tells it
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


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
    from eval.bench.damage.bench import Damages, bench_damage

    outputs = Outputs(force=force)
    outputs.work(work, NEW_FOLDER)
    written = outputs.file(output, json_kind("figures of qa bench damage", Damages))
    try:
        found = bench_damage(work, flips=count, cuts=count, seed=seed, watch=progress_bar)
    except KeyboardInterrupt:
        tell(f"interrupted; the stores are in {work}")
        raise typer.Exit(1) from None
    if written is not None:
        written.write_model(found)
    for name, own in (("bits flipped", found.flips), ("cut off", found.cuts)):
        say(
            f"{name}: {own.files} files of {found.file_bytes:,} bytes, {own.refused} refused, {own.told} told of by a "
            f"check, {own.spared} in which no row had changed"
        )
    say(
        f"{found.answers} answers right, {found.refusals} refused, in {found.seconds:.0f} s, "
        f"{found.problem_count} problems"
    )
    for problem in found.problems:
        say(f"problem: {printable(problem)}")
    if not found.holds:
        tell(f"the files are kept in {work}")
        raise typer.Exit(1)
