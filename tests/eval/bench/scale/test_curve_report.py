"""The curve as a table and as a plot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from eval.bench.plotting import PLOT
from eval.bench.scale.curve_report import plot, print_curve


def test_the_curve_is_printed_and_drawn(towns: Any, capsys: pytest.CaptureFixture[str]) -> None:
    curve = towns.run(200, work=towns.folder / "whole")
    print_curve(curve, Console(width=80))
    out = capsys.readouterr().out
    assert "200" in out and "holds: seconds to open" in out and "…" not in out
    for name in ("curve.png", "curve.svg"):
        drawn = plot(curve, Path(name).suffix)
        assert len(drawn) > 1000 and PLOT.former(drawn)
