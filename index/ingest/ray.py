"""Indexing on Ray: files are read, cut and embedded on the nodes of a cluster, and this process alone writes the store.

Tasks are pure functions of what they are sent: one whose node dies is done again on another, and what it gave before is
used once, in the order of the files. What has come into the store stays there whoever dies.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from index.errors import ClusterError, InputError, SpanqaError
from index.ingest import ray_node as node
from index.loading.files import NotRead, read_documents
from index.loading.reading import read_bytes
from index.loading.registry import is_registered_here, require_supported
from index.models.hardware import threads
from index.stopping import check
from index.store.store import EMBED_TOGETHER, Store

if TYPE_CHECKING:
    from index.documents import Document
    from index.store.filling import CutDocument

LOCAL = "local"
# Files that one task reads: a task costs a millisecond or two, and a node that dies loses what it had in hand.
FILES_TOGETHER = 16
BYTES_TOGETHER = 1 << 20
# Content on its way to the nodes; one file more may be, of up to loaders.MAX_FILE_BYTES.
MAX_SHIPPED_BYTES = 128 << 20
# Texts that one task embeds: some seconds of one core.
TEXTS_TOGETHER = 128
MAX_AHEAD = 128
MAX_READS = 64
# How often a task is done again because its node died.
RETRIES = 10
CONNECT_TIMEOUT_S = 10.0
# How long a cluster may be without a single core for us, as while it starts nodes.
NO_NODE_TIMEOUT_S = 120.0
_POLL_S = 1.0
_TOKEN_FILE = Path("~/.ray/auth_token")
# Of a Ray of our own, what its tasks give until it is taken; more is spilled to its temporary folder.
_OBJECT_STORE_BYTES = 512 << 20
# Unix sockets of Ray's lie some 80 characters below its folder, and have 107 at most.
_LONGEST_FOLDER = 30
# https://www.rfc-editor.org/rfc/rfc9113#section-3.4: the client's preface with an empty SETTINGS frame.
_HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
_SETTINGS = 4


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Ray that this process is connected to; `name` is what it is called in messages."""

    ray: Any
    name: str

    def engine(self, store: Store, runtime: str | None = None, *, stop: threading.Event | None = None) -> RayEngine:
        """An engine that gives a store's documents and vectors as its own embedder would.

        Once `stop` is set it raises StoppedError instead of waiting for its nodes.
        """
        orders = node.Orders(
            version=node.version(),
            embedder=_everywhere(store.embedder.name),
            embedder_sha256=store.embedder.sha256,
            runtime=runtime,
            cut=store.cut_settings,
            environment=tuple((name, os.environ[name]) for name in node.CARRIED if name in os.environ),
        )
        return RayEngine(self, orders, stop)


@contextmanager
def connected(address: str | None = None) -> Iterator[Cluster]:
    """A Ray of our own on this machine (`address` None or "local"), else the cluster at HOST:PORT, or the one that this
    machine is a node of ("auto").

    Raises ClusterError, which says what to do, where Ray is not installed or there is no such cluster.
    """
    own = address in (None, LOCAL)
    _set_environment(own=own)
    try:
        import ray
    except ImportError as error:
        raise ClusterError(f"--engine ray needs more packages ({error}): pip install 'spanqa[ray]'") from error
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    folder = None
    if own:
        folder = _short_folder()
        options |= {
            "address": LOCAL, "num_cpus": threads(), "include_dashboard": False, "_temp_dir": str(folder),
            "object_store_memory": _OBJECT_STORE_BYTES, "_node_ip_address": "127.0.0.1",
        }  # fmt: skip
    else:
        _require_cluster(str(address))
        options["address"] = address
    name = "of this machine" if own else f"at {address}"
    # Around the shutdown too: without its cluster, that is where Ray ends the process.
    with _told_when_ended(name):
        try:
            _init(ray, options, name)
            yield Cluster(ray, name)
        finally:
            ray.shutdown()
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)


def _set_environment(*, own: bool) -> None:
    """What Ray reads when it is imported, unless whoever called has decided it."""
    # Nothing is reported to anybody from a Ray that we start; of another, whoever started it decides.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # What a future version will do already; without it Ray warns.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if "RAY_AUTH_MODE" in os.environ:
        return
    if own:
        # Whoever reaches a Ray can run code in it. Without this, Ray leaves a token in the user's home.
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    elif {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & set(os.environ) or _TOKEN_FILE.expanduser().is_file():
        # A cluster that wants none does not mind one.
        os.environ["RAY_AUTH_MODE"] = "token"


@contextmanager
def _told_when_ended(name: str) -> Iterator[None]:
    """Ray ends a process without a word when its cluster is gone: somebody else says it on standard error."""
    message = (
        f"error: this was ended from outside, as Ray ends a process when the cluster {name} is gone; give the same "
        "command again once the cluster is well: what is in the store stays"
    )
    script = 'read -r _ || printf "%s\\n" "$0" >&2'
    # A session of its own: an interruption from the keyboard is for us.
    with subprocess.Popen(["/bin/sh", "-c", script, message], stdin=subprocess.PIPE, start_new_session=True) as teller:
        assert teller.stdin is not None
        try:
            yield
        finally:
            teller.stdin.write(b"well\n")
            teller.stdin.close()


def _init(ray: Any, options: dict[str, Any], name: str) -> None:
    # Ray puts the folder that we are in first on the nodes' path, and it may hold an `index` of its own.
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="spanqa-") as empty:
        os.chdir(empty)
        try:
            ray.init(**options)
        except (ray.exceptions.RayError, ConnectionError, RuntimeError, ValueError, OSError, AssertionError) as error:
            raise ClusterError(
                f"the Ray cluster {name} cannot be used: {_first_line(error)}; it must have the same versions of Ray "
                "and Python, and its token, where it has one, must be in ~/.ray/auth_token or RAY_AUTH_TOKEN here"
            ) from error
        finally:
            os.chdir(before)


def _require_cluster(address: str) -> None:
    """Raise ClusterError or InputError unless what listens there may be a Ray: Ray itself tries for minutes."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise InputError(
            f"--address {address}: give HOST:PORT of the cluster's head, auto on a machine that is one of its nodes, "
            "or local; to make this machine one of its nodes: ray start --address=HOST:6379 --num-cpus=0"
        )
    what_to_do = "name the address that `ray start --head` showed, HOST:6379 as a rule"
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_TIMEOUT_S) as connection:
            if os.environ.get("RAY_USE_TLS", "0") in ("0", "false"):
                connection.sendall(_HTTP2_PREFACE)
                if not _begins_with_settings(connection):
                    raise ClusterError(f"what listens at {address} is no Ray cluster; {what_to_do}")
    except OSError as error:
        reason = error.strerror or str(error)
        raise ClusterError(f"the Ray cluster at {address} cannot be reached ({reason}); {what_to_do}") from error


def _begins_with_settings(connection: socket.socket) -> bool:
    # Every HTTP/2 server sends its own settings first, and gRPC is spoken over that.
    head = b""
    while len(head) < 4:
        received = connection.recv(64)
        if not received:
            return False
        head += received
    return head[3] == _SETTINGS


class RayEngine:
    """Reads, cuts and embeds on a cluster's nodes (see `index.store.engine`), a core each task."""

    def __init__(self, cluster: Cluster, orders: node.Orders, stop: threading.Event | None = None) -> None:
        self._stop = stop
        self._ray = cluster.ray
        self._name = cluster.name
        self._orders = orders
        self._without_node: float | None = None
        one_core = {"num_cpus": 1, "max_retries": RETRIES}
        self._read_files = self._ray.remote(**one_core, num_returns="streaming")(node.read_files)
        self._embed_texts = self._ray.remote(**one_core)(node.embed_texts)
        cores = self._first_cores()
        # So many that each core has its next task waiting.
        self._reads = min(MAX_READS, 2 * cores)
        self._ahead = min(MAX_AHEAD, 1 + -(-2 * cores * TEXTS_TOGETHER // EMBED_TOGETHER))

    @property
    def ahead(self) -> int:
        return self._ahead

    def read(self, paths: Iterable[Path]) -> Iterator[Iterator[Document | CutDocument | NotRead]]:
        groups = self._groups(paths)
        waiting: deque[_Group] = deque()
        shipped = 0
        while True:
            while len(waiting) < self._reads and shipped < MAX_SHIPPED_BYTES:
                group = next(groups, None)
                if group is None:
                    break
                shipped += group.size
                waiting.append(group)
            if not waiting:
                return
            first = waiting.popleft()
            yield from self._files_of(first)
            shipped -= first.size

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        with self._translated():
            parts = [
                self._embed_texts.remote(self._orders, list(texts[begin : begin + TEXTS_TOGETHER]))
                for begin in range(0, len(texts), TEXTS_TOGETHER)
            ]
            vectors: NDArray[np.float32] = np.concatenate([self._get(part) for part in parts])
        return vectors

    def _groups(self, paths: Iterable[Path]) -> Iterator[_Group]:
        """Files that are read together, their task begun."""
        group = _Group()
        for path in paths:
            group.add(path)
            if len(group.files) >= FILES_TOGETHER or group.size >= BYTES_TOGETHER:
                yield self._begun(group)
                group = _Group()
        if group.files:
            yield self._begun(group)

    def _begun(self, group: _Group) -> _Group:
        if group.contents:
            with self._translated():
                group.task = self._read_files.remote(self._orders, group.contents)
            # The cluster has it now.
            group.contents = []
        return group

    def _files_of(self, group: _Group) -> Iterator[Iterator[Document | CutDocument | NotRead]]:
        parts = self._parts(group.task)
        for path, error in group.files:
            if error is not None:
                yield _failing(error)
            elif is_registered_here(path.name):
                yield read_documents(path)
            else:
                yield _found(parts)

    def _parts(self, task: Any) -> Iterator[node.Part]:
        """What a reading task gives, in order."""
        if task is None:
            return
        with self._translated():
            while True:
                self._wait(task)
                reference = next(task, None)
                if reference is None:
                    return
                yield from self._get(reference)

    def _get(self, reference: Any) -> Any:
        self._wait(reference)
        return self._ray.get(reference)

    def _wait(self, reference: Any) -> None:
        while not self._ray.wait([reference], timeout=_POLL_S)[0]:
            check(self._stop)
            self._require_nodes()

    def _first_cores(self) -> int:
        """How many cores the cluster has, once it has one."""
        with self._translated():
            while (cores := self._cores()) < 1:
                self._require_nodes()
                time.sleep(1)
        return cores

    def _require_nodes(self) -> None:
        """Raise ClusterError where there has been no core for too long: tasks would wait for ever."""
        if self._cores() >= 1:
            self._without_node = None
            return
        now = time.monotonic()
        self._without_node = self._without_node or now
        if now - self._without_node > NO_NODE_TIMEOUT_S:
            raise ClusterError(
                f"the Ray cluster {self._name} has had no node with a core for {NO_NODE_TIMEOUT_S:.0f} s; start one "
                "(ray start --address=HOST:6379), and give the same command again: what is in the store stays"
            )

    def _cores(self) -> int:
        return int(self._ray.cluster_resources().get("CPU", 0))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Errors of the nodes and of Ray as they are to be shown."""
        try:
            yield
        except self._ray.exceptions.RayTaskError as error:
            cause = getattr(error, "cause", None)
            if isinstance(cause, SpanqaError):
                raise cause from None
            raise ClusterError(
                f"a node of the Ray cluster {self._name} failed: {_first_line(cause or error)}; every node needs "
                f"spanqa {self._orders.version}, in the same version of Python: pip install 'spanqa[ray]'"
            ) from error
        except self._ray.exceptions.RayError as error:
            raise ClusterError(
                f"the Ray cluster {self._name} failed: {_first_line(error)}; give the same command again once it is "
                "well: what is in the store stays"
            ) from error


@dataclass(slots=True)
class _Group:
    """Files that one task reads: each with the reason where it cannot even be sent, and the content of the others."""

    files: list[tuple[Path, InputError | None]] = field(default_factory=list)
    contents: list[tuple[Path, bytes]] = field(default_factory=list)
    size: int = 0
    task: Any = None

    def add(self, path: Path) -> None:
        if is_registered_here(path.name):
            self.files.append((path, None))
            return
        try:
            require_supported(str(path))
            content = read_bytes(path)
        except InputError as error:
            self.files.append((path, error))
            return
        self.files.append((path, None))
        self.contents.append((path, content))
        self.size += len(content)


def _found(parts: Iterator[node.Part]) -> Iterator[CutDocument | NotRead]:
    """What one file holds."""
    for part in parts:
        yield from part.found
        if part.error is not None:
            raise InputError(part.error)
        if part.last:
            return


def _failing(error: InputError) -> Iterator[NotRead]:
    # Raised where what the file holds is looked at, as by a reader.
    yield from _raised(error)


def _raised(error: InputError) -> Iterator[NotRead]:
    raise error


def _everywhere(embedder: str) -> str:
    """A model's name for the nodes, whose working folder is another."""
    return str(Path(embedder).resolve()) if Path(embedder).is_dir() else embedder


def _short_folder() -> Path:
    folder = Path(tempfile.gettempdir())
    return Path(tempfile.mkdtemp(prefix="spanqa-ray-", dir=folder if len(str(folder)) <= _LONGEST_FOLDER else "/tmp"))


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:500] if lines else type(error).__name__
