"""`qa bench ingest`: indexing by one process and by a Ray cluster, compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.bench.programs import QA_PROGRAM
from api.cli.errors import UsageError
from api.cli.options import ForceOption
from api.terminal import say, tell
from index.disk.outputs import Outputs, json_kind


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
    ingestion = measure(
        QA_PROGRAM,
        folder,
        nodes=nodes,
        cores=cores,
        rounds=rounds,
        say=tell,
    )
    if written is not None:
        written.write_model(ingestion)
    same = "the same" if ingestion.same else "NOT THE SAME"
    say(
        f"{ingestion.process.documents:,} documents, {ingestion.process.passages:,} passages, {same} catalogue\n"
        f"one process on {nodes * cores} cores: {ingestion.process.rate:.1f} passages/s\n"
        f"Ray {ingestion.ray}, {nodes} nodes of {cores}: {ingestion.cluster.rate:.1f} passages/s; "
        f"ratio {ingestion.ratio:.2f}"
    )
    if not ingestion.holds:
        raise typer.Exit(1)
