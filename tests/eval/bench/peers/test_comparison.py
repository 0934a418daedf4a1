"""The comparison, with programs in the place of the peers: figures, bars, and parts that are measured once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from eval.bench.peers.comparison import Comparison

pytestmark = pytest.mark.slow


def test_figures_are_those_of_the_systems(compare: Callable[..., Comparison], tmp_path: Path) -> None:
    comparison = compare()
    figures = {figure.name: figure for figure in comparison.figures}
    indexing = figures["indexing"]
    assert indexing.values == {"spanqa": 10, "haystack": 5, "txtai": 5}
    assert indexing.ratios["haystack"].value == indexing.ratios["haystack"].low == 2
    assert figures["EM"].values == {"spanqa": 1, "haystack": 1, "txtai": pytest.approx(5 / 6)}
    lost = figures["F1"].ratios["txtai"]
    assert lost.kind == "difference" and lost.value == pytest.approx(1 / 6)
    assert lost.low is not None and lost.high is not None and lost.low <= lost.value <= lost.high
    assert set(figures["hit rate @ 20"].values.values()) == {1}
    slower = figures["question, p50"]
    factor = slower.ratios["txtai"]
    assert factor.value == pytest.approx((slower.values["txtai"] or 0) / (slower.values["spanqa"] or 1))
    assert [len(times) for times in comparison.asking.ms["haystack"]] == [2, 2, 2]
    assert {len(times) for times in comparison.cold.seconds.values()} == {2}
    bars = {bar.name: bar.holds for bar in comparison.bars}
    assert bars["indexing, times better than txtai"] and bars["EM, above haystack"]
    assert not bars["reader, share of the f32 ceiling"]
    # The peers get the vectors that the first made of the whole corpus; indexes are made once.
    log = (tmp_path / "log").read_text().splitlines()
    assert [line for line in log if line.startswith("spanqa build")] == ["spanqa build 40 True"] or [
        line.rpartition(" ")[2] for line in log if line.startswith("spanqa build")
    ] == ["False", "True"]
    assert all(line.endswith("True") for line in log if line.startswith(("haystack build", "txtai build")))


def test_what_is_measured_is_not_measured_again(compare: Callable[..., Comparison], tmp_path: Path) -> None:
    before = compare()
    log = tmp_path / "log"
    log.unlink()
    again = compare()
    assert not log.exists()
    assert (again.asking, again.figures) == (before.asking, before.figures)
    # Another plan is another measurement, over the same indexes.
    compare(rounds=2)
    assert {line.split()[1] for line in log.read_text().splitlines()} == {"open"}
    # And a part that is gone is measured anew, alone.
    log.unlink()
    for path in (tmp_path / "work" / "parts").glob("clients-*"):
        path.unlink()
    compare()
    assert log.read_text().splitlines() == ["spanqa open", "haystack open", "txtai open"]
