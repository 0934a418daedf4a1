"""The soak finds what it is for, and nothing where nothing is wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from serving.processes import command, environment

from eval.bench.serving import soak as soaking
from eval.bench.serving.server_process import ServerProcess
from eval.bench.serving.soak import SoakReport, soak

pytestmark = pytest.mark.slow

WHOLE = [sys.executable, "-c", ""]


def run(tmp_path: Path, fault: str = "none", check: list[str] | None = None) -> SoakReport:
    def made(port: int) -> list[str]:
        return command(tmp_path / "store", port, '{"requests_per_minute": 0}', fault)

    with ServerProcess(made, tmp_path / "log", environment()) as server:
        return soak(server, check or WHOLE, seconds=2.5, seed=4)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soaking, "LEAST_UP_S", 1.0)
    monkeypatch.setattr(soaking, "MOST_UP_S", 1.2)
    monkeypatch.setattr(soaking, "URIS_PER_WRITER", 2)


@pytest.mark.slow
def test_a_good_server_passes(tmp_path: Path) -> None:
    report = run(tmp_path)
    assert report.violations == () and report.holds
    assert report.kills + report.polite_stops >= 1
    assert report.acknowledged_puts and report.answers_checked and report.lists_checked
    assert report.requests["upload 200"] and report.requests["file of an upload stored"]


def test_removed_documents_that_stay_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soaking, "LEAST_UP_S", 60)
    report = run(tmp_path, "keeps removed")
    assert not report.holds
    assert any("is listed in version" in text or "not to be" in text for text in report.violations)


def test_lost_documents_and_a_broken_store_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soaking, "LEAST_UP_S", 60)
    monkeypatch.setattr(soaking, "URIS_PER_WRITER", 4)
    report = run(tmp_path, "loses", [sys.executable, "-c", "print('page 3'); raise SystemExit(1)"])
    assert any("is not listed" in text for text in report.violations)
    assert "end: the store is not whole: page 3" in report.violations
