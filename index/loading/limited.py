"""Parsing in a separate process with limits, so that a hostile file or a parser bug can only take down that process.

The process is started for the first file, handles one file at a time, and is replaced when it dies, hangs or has grown
too large.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from index.errors import InputError
from index.loading.frames import FrameTooLongError, read_frame, write_frame
from index.loading.limits import MAX_RESULT_BYTES, Limits
from index.loading.reading import Read

_START = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from index.loading.worker import main
main(*json.loads(sys.argv[2]))
"""
_CLOSE_S = 2


class _Watch:
    """Kills the parsing process when a part of a file takes too long."""

    def __init__(self, process: subprocess.Popen[bytes], limits: Limits) -> None:
        self._process, self._limits = process, limits
        self._timer: threading.Timer | None = None
        self.begin_part()

    def begin_part(self) -> None:
        self.end()
        self._timer = threading.Timer(self._limits.seconds, self._process.kill)
        self._timer.daemon = True
        self._timer.start()

    def has_killed(self) -> bool:
        return self._timer is not None and not self._timer.is_alive()

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class LimitedReader:
    """Reads files in another process. Safe to share between threads: one file at a time."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits
        self._guard = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()

    @property
    def process_id(self) -> int | None:
        """The id of the parsing process; None while none is running."""
        return self._process.pid if self._process is not None else None

    def read(
        self, path: Path, content: bytes | None = None, parts: Sequence[str] = (), *, at: Path | None = None
    ) -> Read:
        """Read a file, or `content` as if it were a file of that name, or the part that the names in `parts` lead to.

        `at` is where the file actually is, if not at `path`.

        Raises InputError saying what is wrong with the file, or which limit it exceeded.
        """
        shown = "!/".join([str(path), *parts])
        limits = self._limits or Limits.from_environment()
        with self._guard:
            process = self._started(limits)
            watch = _Watch(process, limits)
            try:
                _send(process, path, content, parts, at)
                answer = _answer(process, watch)
                timed_out = watch.has_killed()
            except FrameTooLongError as error:
                self._end()
                raise InputError(
                    f"{shown}: gives more than {MAX_RESULT_BYTES // 2**20} MB of text and places; split it"
                ) from error
            except BaseException:
                # The next request must not receive the late answer to this one.
                self._end()
                raise
            finally:
                watch.end()
            if answer is None:
                code = self._end()
                raise InputError(f"{shown}: {_why(timed_out, code, limits)}")
            reply = json.loads(answer)
            if reply["resident"] > limits.memory_mb * 2**20 / 2:
                self._end()
        if "error" in reply:
            raise InputError(reply["error"])
        try:
            return Read.model_validate(reply["read"])
        except ValidationError as error:
            raise InputError(f"{shown}: cannot be read ({error.errors()[0]['msg']})") from error

    def close(self) -> None:
        """Stop the process; the next file starts a new one."""
        with self._guard:
            self._end()

    def _started(self, limits: Limits) -> subprocess.Popen[bytes]:
        if self._process is not None and (self._process.poll() is not None or self._owner != os.getpid()):
            self._end()
        if self._process is None:
            # -P: the current folder may contain a package called `index`.
            arguments = [json.dumps(sys.path), json.dumps([limits.memory_mb, limits.seconds, limits.file_seconds])]
            self._owner = os.getpid()
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _START, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                # Every thread takes address space, and one file is parsed by one thread.
                env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"},
            )
        return self._process

    def _end(self) -> int | None:
        """Stop the process if there is one, and return its exit status."""
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return None
        assert process.stdin is not None and process.stdout is not None
        # An idle process exits when its input is closed; a busy one has to be killed.
        try:
            process.stdin.close()
        except BrokenPipeError:
            process.poll()
        try:
            process.wait(_CLOSE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        return process.returncode


def _send(
    process: subprocess.Popen[bytes], path: Path, content: bytes | None, parts: Sequence[str], at: Path | None
) -> None:
    """Send a request. A process that has gone gives no answer to it."""
    assert process.stdin is not None
    request = {"path": str(path), "parts": list(parts), "bytes": content is not None, "at": at and str(at)}
    with suppress(BrokenPipeError):
        write_frame(process.stdin, json.dumps(request).encode())
        if content is not None:
            write_frame(process.stdin, content)


def _answer(process: subprocess.Popen[bytes], watch: _Watch) -> bytes | None:
    """The answer to a request; None if the process has gone."""
    assert process.stdout is not None
    # An empty frame tells that another part of the file is read, so that the next part has its time.
    while (answer := read_frame(process.stdout, MAX_RESULT_BYTES)) == b"":
        watch.begin_part()
    return answer


def _why(timed_out: bool, code: int | None, limits: Limits) -> str:
    if timed_out:
        return f"not read within {limits.seconds} s; split it, or raise QA_LOAD_SECONDS"
    name = signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"
    return (
        f"its parser crashed ({name}): the file is damaged, or needs more than {limits.memory_mb} MB of memory "
        "(QA_LOAD_MEMORY_MB)"
    )


shared = LimitedReader()
atexit.register(shared.close)
