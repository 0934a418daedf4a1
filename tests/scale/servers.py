"""PostgreSQL, a Milvus server and a Milvus Lite server for tests: in temporary folders, on free ports of this machine.

`python -m scale.servers COMMAND...` runs the command beside all three, with their URLs in its environment.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType

import psycopg
from pymilvus import MilvusClient, MilvusException

POSTGRES_PROGRAMS = Path(os.environ.get("POSTGRES", "/usr/lib/postgresql/15/bin"))
START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 30.0
_HOST = "127.0.0.1"
# Unpacking the Milvus server takes longer than starting it.
_UNPACKED = Path(sys.prefix) / "share" / "milvus"
_LINES_SHOWN = 30


class Server:
    """A server's process: started, stopped or killed, and started again with what it kept, where it was."""

    def __init__(
        self,
        folder: Path,
        command: Sequence[str],
        ready: Callable[[], object],
        *,
        port: int,
        environment: Mapping[str, str] | None = None,
        user: str | None = None,
        stop: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.folder = folder
        self.port = port
        self._command = list(command)
        self._ready = ready
        self._environment = {**os.environ, **(environment or {})}
        self._user = user
        self._stop = stop
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start it and wait until it answers; raises RuntimeError with the end of its log where it does not."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self.folder,
                env=self._environment,
                stdout=log,
                stderr=log,
                user=self._user,
                # So that a Ctrl+C for the tests leaves it to us.
                start_new_session=True,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while self._process.poll() is None and time.monotonic() < deadline:
            with suppress(psycopg.OperationalError, MilvusException):
                self._ready()
                return
            time.sleep(0.2)
        self.kill()
        lines = (self.folder / "log").read_text(errors="replace").splitlines()[-_LINES_SHOWN:]
        raise RuntimeError("\n".join([f"{self._command[0]} did not start:", *lines]))

    def stop(self) -> None:
        """Ask it to end, and wait."""
        if self._process is not None:
            self._process.send_signal(self._stop)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_TIMEOUT_S)
            self.kill()

    def kill(self) -> None:
        """End it as a loss of power would: nothing is written any more."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind((_HOST, 0))
        return int(listener.getsockname()[1])


def postgres(folder: Path) -> Server:
    """PostgreSQL with one empty database, `kb`, of the user spanqa."""
    port = free_port()
    user = _other_user()
    folder.mkdir()
    if user is not None:
        shutil.chown(folder, user)
    data = folder / "data"
    made = subprocess.run(
        [POSTGRES_PROGRAMS / "initdb", "-D", data, *"-U spanqa -A trust -E UTF8 --locale=C.UTF-8 --no-sync".split()],
        user=user,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise RuntimeError(f"initdb failed: {made.stderr}")
    settings = {
        "listen_addresses": _HOST,
        "port": port,
        "unix_socket_directories": "",
        "max_connections": 200,
        # Only a loss of power would need it; the tests kill processes.
        "fsync": "off",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def ready() -> None:
        with psycopg.connect(f"postgresql://spanqa@{_HOST}:{port}/postgres", autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'kb'").fetchone():
                connection.execute("CREATE DATABASE kb")

    command = [str(POSTGRES_PROGRAMS / "postgres"), "-D", str(data), *options]
    # SIGINT: ends open connections too.
    return Server(folder, command, ready, port=port, user=user, stop=signal.SIGINT)


def postgres_url(server: Server) -> str:
    return f"postgresql://spanqa@{_HOST}:{server.port}/kb"


def milvus(folder: Path) -> Server:
    """The Milvus server 2.3.5, all of its parts in one process."""
    from milvus import MilvusServerConfig, _initialize_data_files

    _UNPACKED.mkdir(parents=True, exist_ok=True)
    _initialize_data_files(str(_UNPACKED))
    folder.mkdir()
    config = MilvusServerConfig(data_dir=str(folder), proxy_port=free_port())
    config.resolve()
    port = int(config.get("proxy_port"))
    programs = _UNPACKED / "bin"
    # The etcd in it would listen on its usual ports, so that there could be one server of a machine.
    client, peer = (f"http://{_HOST}:{free_port()}" for _ in range(2))
    etcd = {
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"default={peer}",
    }
    (folder / "etcd.json").write_text(json.dumps(etcd))
    environment = {
        "DEPLOY_MODE": "STANDALONE",
        "ETCD_CONFIG_PATH": str(folder / "etcd.json"),
        "METRICS_PORT": str(free_port()),
        "MILVUS_RUN_DIR": str(folder / "run"),
        "LD_LIBRARY_PATH": f"{programs}:{os.environ.get('LD_LIBRARY_PATH', '')}",
    }
    command = [str(programs / "milvus"), "run", "standalone"]
    return Server(folder, command, lambda: _answers(port), port=port, environment=environment)


def milvus_lite(folder: Path) -> Server:
    """The Milvus Lite server, which ranks words too."""
    folder.mkdir()
    port = free_port()
    served = ["--data-dir", str(folder / "data"), "--host", _HOST, "--port", str(port)]
    command = [sys.executable, "-m", "milvus_lite", "server", *served]
    return Server(folder, command, lambda: _answers(port), port=port)


def milvus_url(server: Server) -> str:
    return f"http://{_HOST}:{server.port}"


def _answers(port: int) -> None:
    client = MilvusClient(uri=f"http://{_HOST}:{port}", timeout=5)
    client.list_collections()
    client.close()


def _other_user() -> str | None:
    """Whom PostgreSQL runs as, which refuses to be root's; None: whoever runs this."""
    if os.getuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def end_when_asked_to() -> None:
    """Make SIGTERM an exit like any other, so that the servers end with whoever started them."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that every user may pass through."""
    with tempfile.TemporaryDirectory(prefix="spanqa-scale-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


def main(command: list[str]) -> int:
    """Run the command beside the servers; its exit status."""
    end_when_asked_to()
    with ExitStack() as stack:
        folder = stack.enter_context(temporary_folder())
        catalogue = stack.enter_context(postgres(folder / "postgres"))
        vectors = stack.enter_context(milvus(folder / "milvus"))
        lite = stack.enter_context(milvus_lite(folder / "milvus-lite"))
        urls = {
            "QA_TEST_POSTGRES": postgres_url(catalogue),
            "QA_TEST_MILVUS": milvus_url(vectors),
            "QA_TEST_MILVUS_LITE": milvus_url(lite),
        }
        # PYTHONPATH is how this was found; to others, the folders of tests/ must not look like the packages they test.
        own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(command, env=own | urls, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
