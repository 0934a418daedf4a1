"""A server's process: how it is told that one did not start."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from eval.bench.serving.server_process import ServerProcess
from index.errors import InputError


def test_a_server_that_does_not_start(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "raise SystemExit('no models')"]
    with (
        ServerProcess(lambda _port: words, tmp_path / "log") as server,
        pytest.raises(InputError, match="exit code 1: no models"),
    ):
        server.start()
