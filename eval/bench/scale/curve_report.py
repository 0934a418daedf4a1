"""The curve as a table for the terminal, and as a plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from eval.bench.machine import machine
from eval.bench.plotting import encoded_figure
from eval.bench.scale.curve import Curve, Point
from index.text.printable import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def print_curve(curve: Curve, console: Console) -> None:
    """Prints a row for each size, then what is asked of the curve."""
    table = Table(
        title=f"{curve.measured_at[:10]}, {machine()}",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    for heading in (
        "passages",
        "p50\nms",
        "p95\nms",
        "hits\n%",
        "exact\n%",
        "nearest\n%",
        "MB",
        "opens\ns",
        "indexed\n/s",
        "disk\nGB",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for point in curve.points:
        table.add_row(
            f"{point.size:,}",
            f"{point.p50_ms:.1f}",
            f"{point.p95_ms:.1f}",
            f"{100 * point.hit_rate:.1f}",
            f"{100 * point.exact_hit_rate:.1f}",
            f"{100 * point.nearest_found:.1f}",
            f"{point.resident_bytes / 1e6:,.0f}",
            f"{point.opened_s:.2f}",
            f"{point.rate:,.0f}",
            f"{point.disk_bytes / 1e9:.2f}",
        )
    console.print(table)
    passages = curve.about.passages
    console.print(
        f"{curve.about.questions} questions of {printable(curve.about.gold.name)}, {passages} passages retrieved for "
        "each. p50, p95: retrieval of one question; hits: hit rate, exact: with every vector compared; nearest: found "
        f"of the {passages} nearest vectors; MB: resident, models included; indexed: passages, cut and "
        "embedded already."
    )
    for bar in curve.bars:
        console.print(bar.line())


def plot(curve: Curve, suffix: str) -> bytes:
    """Draws latency, hit rate, memory and indexing rate over size, as one of PLOT_SUFFIXES."""

    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6.5), layout="constrained")
    (latency, hits), (memory, rate) = figure.subplots(2, 2)
    points = curve.points
    _line(latency, points, [p.p50_ms for p in points], "p50")
    _line(latency, points, [p.p95_ms for p in points], "p95")
    _titled(latency, "Retrieval", "ms a question")
    latency.set_ylim(bottom=0)
    _line(hits, points, [100 * p.hit_rate for p in points], "hit rate")
    _line(hits, points, [100 * p.exact_hit_rate for p in points], "every vector compared", dashed=True)
    _line(hits, points, [100 * p.nearest_found for p in points], "nearest vectors found")
    _titled(hits, f"Found among the first {curve.about.passages}", "%")
    _line(memory, points, [p.resident_bytes / 1e6 for p in points], "resident, MB")
    _line(memory, points, [p.disk_bytes / 1e6 for p in points], "on the disk, MB")
    _titled(memory, "Memory and disk", "MB")
    memory.set_yscale("log")
    _line(rate, points, [p.rate for p in points], "written and searchable")
    _titled(rate, "Indexing, without embedding", "passages a second")
    rate.set_ylim(bottom=0)
    figure.suptitle(f"{curve.measured_at[:10]}, {machine()}", fontsize=10)
    return encoded_figure(figure, suffix)


def _line(axes: Axes, points: Sequence[Point], values: Sequence[float], label: str, *, dashed: bool = False) -> None:
    axes.plot([p.size for p in points], values, marker="o", linestyle="--" if dashed else "-", label=label)


def _titled(axes: Axes, title: str, unit: str) -> None:
    axes.set_title(title)
    axes.set_xscale("log")
    axes.set_xlabel("passages")
    axes.set_ylabel(unit)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(frameon=False)
