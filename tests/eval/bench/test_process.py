"""Figures of a process, read from the system, and what it said last."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from eval.bench.process import last_words, own_resident_bytes, peak_resident_bytes, resident_bytes

HAS_PROC = Path("/proc/self/status").exists()


def test_memory_that_is_taken_shows() -> None:
    before = own_resident_bytes()
    block = bytearray(os.urandom(1 << 16)) * 1024
    assert own_resident_bytes() - before > len(block) / 2


@pytest.mark.skipif(not HAS_PROC, reason="the system does not say")
def test_the_peak_stays_when_memory_is_given_back() -> None:
    code = "block = bytearray(200_000_000); del block; print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        now, peak = resident_bytes(process.pid), peak_resident_bytes(process.pid)
        process.kill()
    assert now is not None and peak is not None and peak - now > 100_000_000
    # It is gone, and nothing is known of it any more.
    assert resident_bytes(process.pid) is None


def test_last_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert last_words(log) == f"it said nothing; see {log}"
    log.write_text("one\ntwo\nthree\nfour\nfive\n\n")
    assert last_words(log) == f"two | three | four | five; see {log}"
