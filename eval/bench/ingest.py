"""How fast a folder is indexed by one process, and by a Ray cluster of nodes on the same cores of this machine."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from eval.bench.machine import machine
from eval.results import Frozen
from eval.runs.run import Software, software
from index.catalogue.copying import contents_sha256
from index.catalogue.sqlite import CATALOGUE_FILE, SqliteCatalogue
from index.errors import ClusterError, InputError, SpanqaError
from index.models.hardware import THREADS_VARIABLE

# What must hold of the cluster beside the one process.
LEAST_RATIO = 0.9
_OBJECT_STORE_BYTES = 256 << 20


class Ingested(Frozen):
    """Seconds of each run of one way, start of the command to its end, and what the last came to."""

    seconds: tuple[float, ...]
    documents: int
    passages: int
    sha256: str

    @property
    def rate(self) -> float:
        """Passages a second, in the median run."""
        return self.passages / median(self.seconds)


class Ingestion(Frozen):
    """One process beside a cluster of `nodes` of `cores` each, whose driver shares these cores. `ratio` is the
    cluster's rate over that of the process."""

    ingestion_version: str = "1"
    software: Software
    machine: str
    ray: str
    nodes: int
    cores: int
    process: Ingested
    cluster: Ingested
    ratio: float
    same: bool

    @property
    def holds(self) -> bool:
        """Whether both made the same catalogue, and the cluster was about as fast or faster."""
        return self.same and self.ratio >= LEAST_RATIO


def measure(
    command: Sequence[str],
    folder: Path,
    *,
    nodes: int,
    cores: int,
    rounds: int,
    say: Callable[[str], None],
) -> Ingestion:
    """Index a folder with both ways in turn, into stores that are thrown away; `command` is what runs `qa`.

    Both have the same `nodes * cores` cores of this machine and no others. The cluster stands before the clock starts,
    as somebody's cluster would; connecting to it and loading models is in the time of both.

    Raises InputError where this machine has too few cores, ClusterError without Ray, SpanqaError where a run fails.
    """
    ray = _ray()
    ways: dict[str, list[float]] = {"process": [], "cluster": []}
    made: dict[str, tuple[int, int, str]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="spanqa-ingest-") as name,
        _on_cores(nodes * cores),
        _cluster(nodes, cores) as address,
    ):
        for number in range(rounds):
            for way, options in (("process", []), ("cluster", ["--engine", "ray", "--address", address])):
                store = Path(name) / f"{way}-{number}"
                ways[way].append(_run([*command, "index", str(folder), "--store", str(store), *options], nodes * cores))
                made[way] = _contents(store)
                say(f"{way}: {ways[way][-1]:.1f} s")
    measured = {
        way: Ingested(seconds=tuple(ways[way]), documents=made[way][0], passages=made[way][1], sha256=made[way][2])
        for way in ways
    }
    return Ingestion(
        software=software(),
        machine=machine(),
        ray=str(ray.__version__),
        nodes=nodes,
        cores=cores,
        process=measured["process"],
        cluster=measured["cluster"],
        ratio=measured["cluster"].rate / measured["process"].rate,
        same=measured["cluster"].sha256 == measured["process"].sha256,
    )


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise ClusterError(f"this benchmark needs more packages ({error}): pip install 'spanqa[ray]'") from error
    return ray


@contextmanager
def _on_cores(count: int) -> Iterator[None]:
    """This process, and all that it starts, on so many cores."""
    before = os.sched_getaffinity(0)
    if len(before) < count:
        raise InputError(f"{count} cores are wanted, and there are {len(before)}; give fewer --nodes or --cores")
    os.sched_setaffinity(0, sorted(before)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def _cluster(nodes: int, cores: int) -> Iterator[str]:
    """The address of a head without cores for tasks, and of nodes beside it."""
    from ray.cluster_utils import Cluster

    common = {"include_dashboard": False, "object_store_memory": _OBJECT_STORE_BYTES}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **common})
    try:
        for _ in range(nodes):
            cluster.add_node(num_cpus=cores, object_store_memory=_OBJECT_STORE_BYTES)
        cluster.wait_for_nodes()
        yield str(cluster.address)
    finally:
        cluster.shutdown()


def _run(command: Sequence[str], threads: int) -> float:
    begun = time.perf_counter()
    done = subprocess.run(
        command, env=os.environ | {THREADS_VARIABLE: str(threads)}, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - begun
    if done.returncode:
        raise SpanqaError(f"{' '.join(command)} failed: {' '.join(done.stderr.split())[-500:]}")
    return seconds


def _contents(store: Path) -> tuple[int, int, str]:
    catalogue = SqliteCatalogue(store / CATALOGUE_FILE)
    try:
        return *catalogue.counts(), contents_sha256(catalogue)
    finally:
        catalogue.close()
