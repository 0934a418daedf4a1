"""The load benchmark: its bars, and that it measures a real process."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from serving.processes import command, environment

from eval.bench.serving.client import Client
from eval.bench.serving.load import Level, LoadReport, bars_of, measure, print_load, report_of
from eval.bench.serving.server_process import ServerProcess
from eval.runs.run import GoldRef, StoreRef

CODE = "abcdef123456"


def level(clients: int = 1, **changes: object) -> Level:
    values = {
        "clients": clients,
        "seconds": 60.0,
        "answered": 600,
        "per_second": 10.0,
        "p50_ms": 100.0,
        "p95_ms": 120.0,
        "p99_ms": 130.0,
        "statuses": {"200": 600},
        "resident_start_bytes": 1_000_000_000,
        "resident_end_bytes": 1_000_000_000,
    }
    return Level.model_validate({**values, **changes})


def most(**changes: object) -> Level:
    return level(16, **{"per_second": 16.0, "p95_ms": 1_500.0, **changes})


def failing(*levels: Level) -> list[str]:
    return [bar.name for bar in bars_of(levels) if not bar.holds]


def test_all_bars_hold() -> None:
    assert len(bars_of([level(), most(statuses={"200": 960, "503": 4})])) == 5
    assert failing(level(), most(statuses={"200": 960, "503": 4})) == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"per_second": 14.0, "p95_ms": 1_000.0}, "questions a second"),
        ({"p95_ms": 2_100.0}, "p95"),
        ({"statuses": {"200": 960, "500": 1}}, "requests that failed"),
        ({"statuses": {"200": 960, "no answer": 1}}, "requests that failed"),
        ({"resident_end_bytes": 1_200_000_000}, "resident memory"),
        ({"answered": 0, "p95_ms": None}, "answers of the level"),
    ],
)
def test_each_bar_can_fall_short(changes: dict[str, object], named: str) -> None:
    (name,) = failing(level(), most(**changes))
    assert name.startswith(named)


def test_one_level_and_a_system_that_does_not_tell_memory() -> None:
    bars = bars_of([level(resident_start_bytes=None, resident_end_bytes=None, p95_ms=None)])
    assert [bar.name for bar in bars] == ["requests that failed, 503 apart", "answers of the level that got fewest"]


@pytest.mark.slow
def test_a_real_process_is_measured(tmp_path: Path) -> None:
    def made(port: int) -> list[str]:
        return command(tmp_path / "store", port, '{"requests_per_minute": 0}')

    with ServerProcess(made, tmp_path / "log", environment()) as server:
        server.start()
        with Client(server.port) as client:
            stored = client.request("POST", "/v1/documents", {"uri": "shed", "text": f"The code is {CODE}."})
        assert stored.status == 201
        levels = measure(server, [f"What says {CODE}?"], seconds=0.3, passages=5, levels=(1, 3))
        assert server.stop() == 0
    assert [figures.clients for figures in levels] == [1, 3]
    for figures in levels:
        assert figures.answered > 0 and figures.statuses == {"200": figures.answered}
        assert figures.p50_ms and figures.p95_ms and figures.p99_ms
        assert figures.p50_ms <= figures.p95_ms <= figures.p99_ms
        assert figures.resident_start_bytes and figures.resident_end_bytes
    store = StoreRef(sha256="0" * 64, generation=1, documents=1, passages=1)
    gold = GoldRef(name="gold.jsonl", sha256="1" * 64, questions=1, sample=None, seed=None)
    report = report_of(levels, store=store, gold=gold, passages=5)
    assert LoadReport.model_validate_json(report.model_dump_json()) == report
    shown = io.StringIO()
    print_load(report, Console(file=shown, width=120))
    assert "answer cache off" in shown.getvalue() and shown.getvalue().count("resident memory") == 1
