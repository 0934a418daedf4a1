"""A server under limits on open files: it raises what it may, says what it lacks, and answers every client."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from serving.processes import command, environment

from api.http.middleware.connections import MAX_CONNECTIONS
from api.http.open_files import MIN_CONNECTIONS, REFUSED_AT_LEAST, RESERVED_FILES

pytestmark = pytest.mark.slow

LEAST = RESERVED_FILES + REFUSED_AT_LEAST + MIN_CONNECTIONS
START_S = 60


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def started(limits: str, store: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """A server in a shell that has set these limits (`ulimit`)."""
    words = ["sh", "-c", f'{limits} && exec "$@"', "sh", *command(store, port)]
    with subprocess.Popen(words, env=environment(), stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def answer(connection: socket.socket) -> str:
    connection.settimeout(START_S)
    try:
        connection.sendall(b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n")
        return connection.recv(12).decode("ascii")
    except OSError as error:
        return type(error).__name__


def test_too_few_are_refused_with_the_number_that_is_needed(tmp_path: Path) -> None:
    with started(f"ulimit -n {LEAST - 1}", tmp_path, free_port()) as process:
        _, said = process.communicate(timeout=START_S)
    assert process.returncode != 0
    assert f"allows this process {LEAST - 1} open files, and the server needs {LEAST} at least" in said
    assert re.search(r"ulimit -n \d{4}", said)


def test_every_connection_gets_an_answer(tmp_path: Path) -> None:
    port, count = free_port(), 90
    with started("ulimit -n 256", tmp_path, port), ExitStack() as stack:
        for _ in range(START_S * 20):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        connections = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(count)]
        answers = Counter(answer(connection) for connection in connections)
    assert set(answers) == {"HTTP/1.1 200", "HTTP/1.1 503"} and answers.total() == count
    # The one that found out whether it is up may not have been taken for closed yet.
    assert answers["HTTP/1.1 200"] in range(256 - RESERVED_FILES - REFUSED_AT_LEAST - 1, count)


def test_the_limit_is_raised_as_far_as_is_needed() -> None:
    code = (
        "import resource, api.http.open_files as files\n"
        f"print(files.make_room({MAX_CONNECTIONS}, 100), resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    words = ["sh", "-c", 'ulimit -n 1000 && ulimit -Sn 100 && exec "$@"', "sh", sys.executable, "-c", code]
    ran = subprocess.run(words, env=environment(), capture_output=True, text=True, check=True)
    assert ran.stdout.split() == [str(MAX_CONNECTIONS), str(RESERVED_FILES + MAX_CONNECTIONS + 100)]
