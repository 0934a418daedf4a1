"""Files of plots: which names are taken, and that ours are known by their content."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from eval.bench.plotting import PLOT, PLOT_SUFFIXES, encoded_figure, require_plotting
from index.errors import InputError


@pytest.mark.parametrize("suffix", PLOT_SUFFIXES)
def test_a_plot_is_known_by_its_content(suffix: str) -> None:
    require_plotting(Path(f"curve{suffix}"))
    drawing = Figure()
    drawing.subplots().plot([1, 2])
    assert PLOT.former(encoded_figure(drawing, suffix))


def test_another_name_is_refused() -> None:
    with pytest.raises(InputError, match=r"ends in \.png"):
        require_plotting(Path("curve.txt"))
