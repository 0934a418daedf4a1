"""Tables and the plot of a comparison, and its file read again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from eval.bench.peers.comparison import Comparison, read_comparison
from eval.bench.peers.comparison_report import TABLE, markdown, plot, print_comparison
from index.errors import InputError

pytestmark = pytest.mark.slow


def test_tables_and_plot_state_the_figures(compare: Callable[..., Comparison], tmp_path: Path) -> None:
    comparison = compare()
    console = Console(record=True, width=200, file=(tmp_path / "printed").open("w"))
    print_comparison(comparison, console)
    printed = console.export_text()
    for text in (printed, markdown(comparison)):
        assert "2.00x [2..2]" in text and "83.3 %" in text and "bf16 is not multiplied in hardware" in text
    assert "FALLS SHORT: reader" in printed
    assert len(plot(comparison, ".svg")) > 10_000
    assert TABLE.former(markdown(comparison).encode())
    path = tmp_path / "peers.json"
    path.write_text(comparison.model_dump_json())
    assert read_comparison(path) == comparison
    path.write_text("{}")
    with pytest.raises(InputError, match="no comparison"):
        read_comparison(path)
