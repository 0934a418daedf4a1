"""Plots of benchmarks as files: which formats there are, what they need, and the mark by which ours are known."""

from __future__ import annotations

import io
import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from index.disk.outputs import marked_kind
from index.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLOT_SUFFIXES = (".png", ".svg", ".pdf")
PLOT_MARK = "spanqa qa bench"
PLOT = marked_kind("a plot of qa bench", re.escape(PLOT_MARK.encode()))


def require_plotting(path: Path) -> None:
    """Raises InputError where a plot cannot be drawn to this file."""
    if path.suffix.lower() not in PLOT_SUFFIXES:
        raise InputError(f"{path}: a plot's name ends in {', '.join(PLOT_SUFFIXES)}")
    if find_spec("matplotlib") is None:
        raise InputError(
            "the plot needs matplotlib, not installed here; install the extra: pip install 'spanqa[report]'"
        )


def encoded_figure(figure: Figure, suffix: str) -> bytes:
    """A figure as a file, one of `PLOT_SUFFIXES`, that says where it comes from."""
    stream = io.BytesIO()
    form = suffix.lower().removeprefix(".")
    figure.savefig(stream, format=form, dpi=150, metadata={"Software" if form == "png" else "Creator": PLOT_MARK})
    return stream.getvalue()
