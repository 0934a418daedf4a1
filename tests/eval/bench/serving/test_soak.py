"""The soak finds what it is for, and nothing where nothing is wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from serving.processes import command, environment

from eval.bench.serving import soak as soaking
from eval.bench.serving.ledger import Ledger, Version, unchanged
from eval.bench.serving.process import ServerProcess
from eval.bench.serving.soak import SoakReport, soak
from index.documents import document_id
from index.errors import InputError

WHOLE = [sys.executable, "-c", ""]
A, B = Version("The code is 1."), Version("The code is 2.")


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


def test_a_server_that_does_not_start(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "raise SystemExit('no models')"]
    with (
        ServerProcess(lambda _port: words, tmp_path / "log") as server,
        pytest.raises(InputError, match="exit code 1: no models"),
    ):
        server.start()


def response(version: Version, start: int = 0, end: int = 3) -> dict[str, object]:
    document = {"id": document_id("a"), "sha256": version.sha256}
    citation = {"document": document, "start": start, "end": end, "quote": "The"}
    return {"answers": [{"citation": citation, "supporting": []}]}


def test_the_ledger_knows_what_may_answer() -> None:
    ledger = Ledger()
    ledger.begin("a", A)
    before = ledger.moment()
    # Not acknowledged: it may be there or not.
    assert ledger.wrong_answer(before, response(A)) == [] and ledger.wrong_list(before, {}) == []
    ledger.acknowledge("a", A)
    before = ledger.moment()
    assert ledger.wrong_answer(before, response(A)) == []
    assert "not the words of any version" in ledger.wrong_answer(before, response(A, 1, 4))[0]
    assert "is not listed" in ledger.wrong_list(before, {})[0]
    ledger.begin("a", B)
    ledger.acknowledge("a", B)
    # What was known before the change says nothing about what was seen after it.
    assert ledger.wrong_answer(before, response(A)) == []
    assert "to be replaced" in ledger.wrong_answer(ledger.moment(), response(A))[0]
    ledger.begin("a", None)
    assert ledger.wrong_answer(ledger.moment(), response(B)) == []
    assert ledger.settle("a", None) and not ledger.settle("a", B.sha256)
    assert "to be removed" in ledger.wrong_answer(ledger.moment(), response(B))[0]
    assert "never sent" in ledger.wrong_list(ledger.moment(), {"f" * 16: A.sha256})[0]
    assert unchanged(before, ledger.moment(), document_id("a")) is None
