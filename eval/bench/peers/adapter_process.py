"""An adapter's process, spoken to in JSON lines by any number of threads."""

from __future__ import annotations

import itertools
import json
import subprocess
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from eval.bench.process import last_words, peak_resident_bytes
from index.errors import InputError

# Building an index of ten thousand passages on a slow machine; sixteen questions that wait for each other there.
BUILD_TIMEOUT_S = 3600
ASK_TIMEOUT_S = 1800
_STOP_TIMEOUT_S = 20


class Adapter:
    """A running adapter (see `eval.bench.peers.adapters.wire`). Use as a context manager; what it says on standard
    error goes to the file `log`."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self._log = log
        self._numbers = itertools.count()
        self._waiting: dict[int, Future[dict[str, Any]]] = {}
        self._guard = threading.Lock()
        self._ended = False
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as errors:
            try:
                self._process = subprocess.Popen(
                    list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=dict(environment)
                )
            except OSError as error:
                raise InputError(f"{name}: {command[0]} cannot be started: {error.strerror or error}") from error
        self._reading = threading.Thread(target=self._read, name=f"{name} replies", daemon=True)
        self._reading.start()

    def call(self, do: str, *, timeout: float = BUILD_TIMEOUT_S, **values: Any) -> dict[str, Any]:
        """The reply to a request. Raises InputError where it fails, takes longer than `timeout` seconds, or the process
        ends."""
        future: Future[dict[str, Any]] = Future()
        with self._guard:
            if self._ended:
                raise self._gone()
            number = next(self._numbers)
            self._waiting[number] = future
            assert self._process.stdin is not None
            try:
                self._process.stdin.write(json.dumps({"id": number, "do": do, **values}).encode("ascii") + b"\n")
                self._process.stdin.flush()
            except OSError as error:
                raise self._gone() from error
        try:
            reply = future.result(timeout)
        except FutureTimeoutError as error:
            raise InputError(f"{self.name}: no reply to {do!r} within {timeout:g} s; see {self._log}") from error
        if "error" in reply:
            raise InputError(f"{self.name}: {do} failed: {reply['error']}; see {self._log}")
        result: dict[str, Any] = reply["ok"]
        return result

    def ask(self, question: str) -> dict[str, Any]:
        """Its answer to a question: `{answer, passages}`."""
        return self.call("ask", timeout=ASK_TIMEOUT_S, question=question)

    def peak_bytes(self) -> int | None:
        """The most memory that the process ever had resident; None where the system does not say."""
        return peak_resident_bytes(self._process.pid)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
            self._process.wait(_STOP_TIMEOUT_S)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._reading.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            # An interrupted question may be answered in a minute, and nobody waits for it.
            self._process.kill()
        self.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as replies:
            for line in replies:
                reply = json.loads(line)
                with self._guard:
                    future = self._waiting.pop(reply["id"])
                future.set_result(reply)
        with self._guard:
            self._ended = True
            left, self._waiting = self._waiting, {}
        for future in left.values():
            future.set_exception(self._gone())

    def _gone(self) -> InputError:
        return InputError(f"{self.name}: its process ended: {last_words(self._log)}")
