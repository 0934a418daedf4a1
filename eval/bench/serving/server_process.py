"""A server's process: started, waited for, killed, stopped, started again."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from eval.bench.process import last_words, resident_bytes
from eval.bench.serving.client import Client, UnreachedError
from index.errors import InputError

# Loading the models on a slow and busy machine; far beyond what it takes on a quiet one.
READY_TIMEOUT_S = 180.0
_STOP_TIMEOUT_S = 60.0
_LOOK_S = 0.05


class ServerProcess:
    """A server on a port of 127.0.0.1 that stays the same over restarts. Use as a context manager: it ends with it.

    `command` makes the command line for a port; what the process says goes to the file `log`.
    """

    def __init__(self, command: Callable[[int], list[str]], log: Path, environment: Mapping[str, str] | None = None):
        self.port = _free_port()
        self._command = command(self.port)
        self._log = log
        self._environment = dict(environment) if environment is not None else None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and return once /healthz is 200; raises InputError where it ends or takes too long."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as said:
            try:
                process = subprocess.Popen(
                    self._command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=self._environment
                )
            except OSError as error:
                raise InputError(f"{self._command[0]} cannot be started: {error.strerror or error}") from error
        self._process = process
        deadline = time.monotonic() + READY_TIMEOUT_S
        with Client(self.port) as client:
            while not _is_ready(client):
                if process.poll() is not None:
                    raise InputError(f"the server ended with exit code {process.returncode}: {last_words(self._log)}")
                if time.monotonic() > deadline:
                    raise InputError(f"the server was not ready after {READY_TIMEOUT_S:g} s: {last_words(self._log)}")
                time.sleep(_LOOK_S)

    def kill(self) -> None:
        """End it at once, as a power cut would end it (SIGKILL)."""
        self._running().kill()
        self._running().wait()

    def stop(self) -> int:
        """Ask it to stop (SIGTERM); its exit code, or that of a kill where it takes longer than a minute."""
        process = self._running()
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def resident_bytes(self) -> int | None:
        """The memory that it has resident now; None where the system does not say."""
        return resident_bytes(self._running().pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the server was not started")
        return self._process


def _is_ready(client: Client) -> bool:
    try:
        return client.request("GET", "/healthz").status == 200
    except UnreachedError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
