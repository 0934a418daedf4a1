"""Indexing on Ray: nodes and drivers that are killed, clusters that are not there, the same catalogue in the end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from corpus.all_files import write_all

import index.ingest.ray
from api.cli.opening import open_store
from eval.bench.ingest import measure
from index.catalogue.copying import contents_sha256
from index.errors import ClusterError, InputError
from index.ingest.ray import connected
from index.models.embedder import open_embedder
from index.store.store import Store
from scale.locations import POSTGRES, postgres_schema
from scale.servers import free_port

ray = pytest.importorskip("ray")

FILES = 500
QA = [str(Path(sys.executable).with_name("qa"))]
# Far more than it takes: a driver that hangs must not stop the tests for ever.
PATIENCE_S = 120.0
PAST_NS = 10_000_000_000


@dataclass(frozen=True)
class Material:
    """A folder of files, the embedder's folder, and the hash of what one process makes of them."""

    folder: Path
    embedder: Path
    sha256: str
    summary: str

    def command(self, store: str, address: str) -> list[str]:
        return [*QA, "index", str(self.folder), "--store", store, "--embedder", str(self.embedder),
                "--engine", "ray", "--address", address]  # fmt: skip


@pytest.fixture(scope="module")
def material(tiny_bert: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Material:
    work = tmp_path_factory.mktemp("material")
    folder, embedder = work / "files", tiny_bert(work / "embedder")
    folder.mkdir()
    for number in range(FILES):
        paragraphs = [
            f"Ship {number} of line {line} left port {number * line % 97} with {number + line} crates of tea. " * 3
            for line in range(8)
        ]
        (folder / f"{number:04}.txt").write_text("\n\n".join(paragraphs))
    (folder / "broken.pdf").write_text("not a PDF")
    # What is as fresh as this is read again by the next run, whoever made the first.
    time.sleep(index.folders.TICK_NS / 1e9 + 0.1)
    made = subprocess.run(
        [*QA, "index", str(folder), "--store", str(work / "store"), "--embedder", str(embedder)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return Material(folder, embedder, sha256_of(str(work / "store")), made.stdout)


def sha256_of(store: str) -> str:
    opened = open_store(store)
    found = contents_sha256(opened.catalogue)
    opened.close()
    return found


@dataclass
class Nodes:
    """A head without cores of its own, and nodes of one core that come and go."""

    cluster: Any

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def add(self) -> Any:
        return self.cluster.add_node(num_cpus=1, object_store_memory=100 << 20)

    def kill(self, node: Any) -> None:
        self.cluster.remove_node(node, allow_graceful=False)


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    # Whatever token is in the home of whoever runs this.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")
        yield from _head()


def _head() -> Iterator[Nodes]:
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": 100 << 20}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    yield Nodes(cluster)
    cluster.shutdown()


@pytest.fixture(scope="module")
def steady(nodes: Nodes) -> Nodes:
    """The same with a node that stays."""
    nodes.add()
    return nodes


@pytest.fixture
def store(tmp_path: Path) -> Iterator[str]:
    """A store in PostgreSQL where there is one, else a folder."""
    if POSTGRES not in os.environ:
        yield str(tmp_path / "store")
    else:
        with postgres_schema({"derived": str(tmp_path / "derived")}) as location:
            url = location.database.update_query_dict(
                {"schema": location.schema, "derived": str(location.derived)}
            ).render_as_string(hide_password=False)
            yield url


def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S, **options)


def wait_until_some_are_stored(store: str, driver: subprocess.Popen[str]) -> int:
    """How many documents there are, as soon as there is one."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            opened = open_store(store)
        except index.errors.StoreError:
            count = 0
        else:
            count = opened.catalogue.counts()[0]
            opened.close()
        if count or driver.poll() is not None:
            return count
        time.sleep(0.02)
    raise AssertionError("nothing was stored")


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index.ingest.ray, "CONNECT_TIMEOUT_S", 2.0)
    monkeypatch.setattr(index.ingest.ray, "NO_NODE_TIMEOUT_S", 2.0)


@pytest.mark.usefixtures("_impatient")
def test_a_cluster_without_cores(nodes: Nodes, material: Material, tmp_path: Path) -> None:
    opened = Store(tmp_path / "store", open_embedder(str(material.embedder)))
    with (
        connected(nodes.address) as cluster,
        pytest.raises(ClusterError, match=r"has had no node with a core for 2 s; start one"),
    ):
        cluster.engine(opened)
    opened.close()


def test_a_node_is_killed_midway(steady: Nodes, material: Material, tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    victim = steady.add()
    command = material.command(store, steady.address)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as driver:
        stored = wait_until_some_are_stored(store, driver)
        steady.kill(victim)
        assert 0 < stored < FILES, "it was killed midway"
        out, err = driver.communicate(timeout=PATIENCE_S)
    assert driver.returncode == 0, err
    assert out == material.summary
    assert [line.partition(":")[0] for line in err.splitlines()] == ["not indexed"]
    assert sha256_of(store) == material.sha256


def test_a_killed_driver_resumes_and_another_run_adds_nothing(steady: Nodes, material: Material, store: str) -> None:
    command = material.command(store, steady.address)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as driver:
        stored = wait_until_some_are_stored(store, driver)
        driver.send_signal(signal.SIGKILL)
    assert 0 < stored < FILES, "it was killed midway"
    resumed = run(command)
    assert resumed.returncode == 0, resumed.stderr
    assert sha256_of(store) == material.sha256
    again = run(command)
    assert f"0 added, 0 changed, 0 removed, {FILES} unchanged, 1 failed" in again.stdout
    assert sha256_of(store) == material.sha256


def test_a_ray_of_its_own_says_what_one_process_says(material: Material, tmp_path: Path) -> None:
    files = tmp_path / "files"
    write_all(files)
    for path in files.rglob("*"):
        # The other formats are read elsewhere (tests/index/ingest/test_ray_node.py), and their parsers take long to
        # start.
        if path.is_file() and path.suffix not in (".txt", ".md", ".zip", ".eml"):
            path.unlink()
    for name in ("files/broken.pdf", "files/broken.docx", "files/broken.zip", "odd.xyz"):
        (tmp_path / name).write_text("none")
    # What is in the folder that we are in must not be taken for spanqa's own.
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "__init__.py").write_text("raise SystemExit('another index')")
    time.sleep(index.folders.TICK_NS / 1e9 + 0.1)
    one, spread = (
        run(
            [*QA, "index", "files", "odd.xyz", "--embedder", str(material.embedder), "--store", name, *more],
            cwd=tmp_path,
        )
        for name, more in (("one", []), ("spread", ["--engine", "ray"]))
    )
    assert (spread.returncode, spread.stdout, spread.stderr) == (one.returncode, one.stdout, one.stderr)
    assert one.stdout.count(" added")
    assert one.stderr.count("not indexed: ") >= 4
    assert sha256_of(str(tmp_path / "spread")) == sha256_of(str(tmp_path / "one"))


def test_nothing_that_can_be_read_is_a_failure(steady: Nodes, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_text("not a PDF")
    more = ["--store", str(tmp_path / "store"), "--engine", "ray", "--address", steady.address]
    failed = run([*QA, "index", str(tmp_path / "a.pdf"), *more])
    assert failed.returncode == 1
    assert failed.stderr.count("\n") == 1
    assert "a.pdf: damaged, or no PDF file" in failed.stderr


@contextmanager
def listening(*, answer: bytes | None) -> Iterator[str]:
    """The address of somebody who is no Ray: one who says nothing, or always the same."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        if answer is not None:
            script = (
                "import socket, sys\n"
                "listener = socket.socket(fileno=int(sys.argv[1]))\n"
                "while True:\n"
                "    connection, _ = listener.accept()\n"
                "    connection.sendall(bytes.fromhex(sys.argv[2]))\n"
                "    connection.close()\n"
            )
            number = listener.fileno()
            command = [sys.executable, "-c", script, str(number), answer.hex()]
            process = subprocess.Popen(command, pass_fds=[number])
            stack.callback(process.wait)
            stack.callback(process.kill)
        yield address


@pytest.mark.usefixtures("_impatient")
def test_a_cluster_that_is_not_there() -> None:
    with listening(answer=None) as silent, listening(answer=b"HTTP/1.1 400 Bad Request\r\n\r\n") as other:
        for address, message in {
            f"127.0.0.1:{free_port()}": r"cannot be reached \(Connection refused\); name the address that",
            "nowhere.invalid:6379": "at nowhere.invalid:6379 cannot be reached",
            silent: r"cannot be reached \(timed out\)",
            other: "is no Ray cluster; name the address that",
        }.items():
            with pytest.raises(ClusterError, match=message), connected(address):
                pass
    for address in ("head", "head:http", "ray://head:10001", "head:0"):
        with pytest.raises(InputError, match=f"--address {address}: give HOST:PORT"), connected(address):
            pass


def test_a_cluster_that_is_not_there_is_one_error_and_leaves_no_store(material: Material, tmp_path: Path) -> None:
    store = tmp_path / "store"
    failed = run(material.command(str(store), f"127.0.0.1:{free_port()}"))
    assert failed.returncode == 1
    assert failed.stderr.startswith("error: the Ray cluster at 127.0.0.1:")
    assert failed.stderr.count("\n") == 1
    assert not store.exists()


def test_ray_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ClusterError, match=r"needs more packages .*: pip install 'spanqa\[ray\]'"), connected():
        pass


def test_a_benchmark_that_cannot_be_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def compare() -> None:
        measure(QA, tmp_path, nodes=1_000, cores=1_000, rounds=1, say=print)

    with pytest.raises(InputError, match="1000000 cores are wanted, and there are"):
        compare()
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ClusterError, match=r"pip install 'spanqa\[ray\]'"):
        compare()


def test_an_address_without_ray(tmp_path: Path) -> None:
    wrong = run([*QA, "index", str(tmp_path), "--address", "head:6379"])
    assert wrong.returncode == 2
    assert "give --engine ray with it" in wrong.stderr


def test_a_cluster_that_is_lost_is_told_and_loses_nothing(steady: Nodes, material: Material, tmp_path: Path) -> None:
    """The last one: there is no cluster after it."""
    store = str(tmp_path / "store")
    command = material.command(store, steady.address)
    # Ray's own patience with a head that may come back is a minute.
    own = os.environ | {"RAY_gcs_rpc_server_reconnect_timeout_s": "3"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=own) as driver:
        stored = wait_until_some_are_stored(store, driver)
        for node in (*steady.cluster.worker_nodes, steady.cluster.head_node):
            steady.kill(node)
        out, err = driver.communicate(timeout=PATIENCE_S)
    assert 0 < stored < FILES, "it was killed midway"
    assert driver.returncode == 1
    assert out == ""
    # The only line, but that Ray may say before it that it has tried. Who notices first, Ray or our task, is chance.
    told = err.splitlines()[-1]
    assert told.startswith(("error: this was ended from outside, as Ray ends a process", "error: the Ray cluster at "))
    assert told.endswith("what is in the store stays")
    alone = run(command[: command.index("--engine")])
    assert alone.returncode == 0, alone.stderr
    assert sha256_of(store) == material.sha256
