"""Speaking to an adapter: questions at once, and failures that name the system."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from eval.bench.peers.adapter_process import Adapter
from eval.bench.peers.systems import environment
from index.errors import InputError


def _adapter(program: Path, tmp_path: Path) -> Adapter:
    command = [sys.executable, str(program), "haystack", str(tmp_path / "log")]
    return Adapter("haystack", command, environment(1), tmp_path / "said" / "haystack.log")


def test_questions_at_once_get_their_own_answers(program: Path, tmp_path: Path) -> None:
    with _adapter(program, tmp_path) as adapter, ThreadPoolExecutor(8) as clients:
        asked = ["slow", *(f"question {number}" for number in range(30))]
        assert [reply["answer"] for reply in clients.map(adapter.ask, asked)] == asked
        peak = adapter.peak_bytes()
        assert peak is None or peak > 10**6


def test_a_failure_names_the_system_and_what_it_said(program: Path, tmp_path: Path) -> None:
    with _adapter(program, tmp_path) as adapter:
        with pytest.raises(InputError, match="haystack: ask failed: ValueError: no such thing"):
            adapter.ask("fail")
        assert adapter.ask("and on")["answer"] == "and on"
    with _adapter(program, tmp_path) as adapter:
        with pytest.raises(InputError, match=r"haystack: its process ended: .*out of memory"):
            adapter.ask("crash")
        with pytest.raises(InputError, match="its process ended"):
            adapter.ask("once more")
    with pytest.raises(InputError, match="cannot be started"):
        Adapter("haystack", [str(tmp_path / "none")], {}, tmp_path / "log")
