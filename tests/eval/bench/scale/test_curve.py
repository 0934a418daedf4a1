"""The benchmark of growth, with models that need no weights: what is measured, and that it goes on."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

import eval.bench.scale.building
from eval.bench.scale.curve import Point, bars
from index.errors import InputError


def test_a_flat_store_finds_what_exact_search_finds(towns: Any) -> None:
    curve = towns.run(200, 400, work=towns.folder / "whole")
    assert [point.size for point in curve.points] == [200, 400]
    for point in curve.points:
        assert point.nearest_found > 0.99
        assert point.hit_rate == pytest.approx(point.exact_hit_rate, abs=0.05)
        assert point.dense_hit_rate == pytest.approx(point.exact_dense_hit_rate, abs=0.05)
        assert 0 < point.p50_ms <= point.p95_ms and point.rate > 0 and point.resident_bytes > 10**7
    # Every question's own passage is in the smallest store, and words find it.
    assert curve.points[0].hit_rate > 0.8
    assert {bar.name for bar in curve.bars} == {"hit rate lost to exact search", "resident bytes", "seconds to open"}
    assert {path.name for path in (towns.folder / "whole").iterdir()} == {"scale.json", "CACHEDIR.TAG"}


def test_an_interrupted_benchmark_goes_on(towns: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    work = towns.folder / "interrupted"
    with pytest.raises(KeyboardInterrupt):
        towns.run(200, 450, work=work, stop_at="building 450")
    assert [point["size"] for point in json.loads((work / "scale.json").read_text())["points"]] == [200]
    written: list[int] = []
    write = eval.bench.scale.building._write
    monkeypatch.setattr(
        eval.bench.scale.building, "_write", lambda store, chunk: (written.append(chunk.begin), write(store, chunk))
    )
    curve = towns.run(200, 450, work=work)
    # What was written is not written again, what was measured is not measured again.
    assert written and written[0] >= towns.rows and written[-1] == 360
    assert towns.steps[1:] == ["building 450", "searching 450", "comparing 450"]
    assert [point.size for point in curve.points] == [200, 450]
    assert curve.points[1].nearest_found > 0.99
    again = towns.run(450, work=work)
    assert towns.steps[1:] == [] and again.points == curve.points[1:]
    with pytest.raises(InputError, match="of another benchmark"):
        towns.run(450, work=work, sha256="1" * 64)
    (work / "scale.json").write_text("{}")
    with pytest.raises(InputError, match="is damaged"):
        towns.run(450, work=work)


def test_what_cannot_be_measured_is_refused(towns: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="0 of 25 questions have an answer with a known place"):
        towns.run(200, gold=[question.model_copy(update={"document": "none.txt"}) for question in towns.gold])
    with pytest.raises(InputError, match="a size must be at least 200"):
        towns.run(100)
    usage = shutil.disk_usage(towns.folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(InputError, match=r"--work.*--sizes"):
        towns.run(200, work=towns.folder / "full")


def point(size: int, **changes: Any) -> Point:
    usual: dict[str, Any] = {
        "p50_ms": 5.0,
        "p95_ms": 9.0,
        "first_ms": 12.0,
        "hit_rate": 0.9,
        "exact_hit_rate": 0.905,
        "dense_hit_rate": 0.8,
        "exact_dense_hit_rate": 0.8,
        "nearest_found": 0.99,
        "resident_bytes": 4 * 10**8,
        "opened_s": 0.1,
        "rate": 3000.0,
        "write_s": 1.0,
        "index_s": 2.0,
        "disk_bytes": 10**8,
    }
    return Point(size=size, **(usual | changes))


def test_what_is_asked_of_the_curve() -> None:
    held = bars([point(1_000), point(10_000), point(1_000_000, p50_ms=14.9)])
    assert [bar.holds for bar in held] == [True] * 4 and held[0].value == pytest.approx(2.98)
    broken = bars([point(10_000), point(10**6, p50_ms=15.1, hit_rate=0.89, resident_bytes=1_600_000_000, opened_s=2.1)])
    assert broken[2].figures() == "1.60 GB, at most 1.5 GB" and broken[1].figures() == "1.5 points, at most 1"
    assert [bar.holds for bar in broken] == [False] * 4
    assert len(bars([point(10_000)])) == 3
