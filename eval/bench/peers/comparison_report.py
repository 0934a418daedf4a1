"""The comparison as a table for the terminal, as Markdown for a page, and as a plot."""

from __future__ import annotations

import re

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from eval.bench.peers.comparison import Comparison, Figure, Ratio
from eval.bench.peers.systems import OURS
from eval.bench.plotting import encoded_figure
from index.disk.outputs import marked_kind
from index.text.printable import printable

_ASKED_FOR = ("| asked for | | |", "| --- | --- | ---: |")
TABLE = marked_kind("a table of qa bench peers", re.escape("\n".join(_ASKED_FOR).encode()))


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Prints a row for each figure, the ceiling, and what is asked of them."""
    table = Table(title=_title(comparison), box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    systems = list(comparison.figures[0].values)
    table.add_column("", no_wrap=True)
    for name in systems:
        table.add_column(name, justify="right", no_wrap=True, min_width=7)
    for name in systems[1:]:
        table.add_column(f"beside {name}", justify="right")
    for figure in comparison.figures:
        # As text: brackets are the spread here, not markup.
        table.add_row(*(Text(cell) for cell in _row(figure, systems)))
    console.print(table)
    console.print(_setting(comparison))
    console.print(_ceiling(comparison))
    for bar in comparison.bars:
        console.print(bar.line())


def markdown(comparison: Comparison) -> str:
    """The same as Markdown."""
    systems = list(comparison.figures[0].values)
    head = ["", *systems, *(f"beside {name}" for name in systems[1:])]
    lines = [_title(comparison) + ".", "", _line(head), _line(["---"] + ["---:"] * (len(head) - 1))]
    lines += [_line(_row(figure, systems)) for figure in comparison.figures]
    lines += ["", _setting(comparison), "", _ceiling(comparison), "", *_ASKED_FOR]
    lines += [_line([bar.name, "holds" if bar.holds else "**falls short**", bar.figures()]) for bar in comparison.bars]
    return "\n".join(lines) + "\n"


def plot(comparison: Comparison, suffix: str) -> bytes:
    """Draws latency by question, questions a second under clients, and how many times better each figure is, as one of
    PLOT_SUFFIXES."""
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(11, 3.8), layout="constrained")
    latency, clients, times = drawing.subplots(1, 3, width_ratios=(1, 1, 1.3))
    for name, rounds in comparison.asking.ms.items():
        ordered = sorted(time for times_ms in rounds for time in times_ms)
        latency.plot(ordered, [100 * (at + 1) / len(ordered) for at in range(len(ordered))], label=name)
    latency.set(title="Warm questions", xlabel="ms, at most", ylabel="% of the questions")
    latency.set_xlim(left=0)
    for name, rates in comparison.clients.rates.items():
        clients.plot([int(level) for level in rates], list(rates.values()), marker="o", label=name)
    clients.set(title="Throughput", xlabel="clients at once", ylabel="questions a second", xscale="log")
    clients.set_xticks([int(level) for level in comparison.clients.rates[OURS]], list(comparison.clients.rates[OURS]))
    clients.minorticks_off()
    clients.set_ylim(bottom=0)
    factors = [
        figure for figure in comparison.figures if any(ratio.kind == "factor" for ratio in figure.ratios.values())
    ]
    names = [name for name in comparison.figures[0].values if name != OURS]
    for place, name in enumerate(names):
        rows = [(at, figure.ratios[name]) for at, figure in enumerate(factors) if name in figure.ratios]
        times.errorbar(
            [ratio.value for _, ratio in rows],
            [at + 0.2 * place for at, _ in rows],
            xerr=(
                [
                    ratio.value - (ratio.value if ratio.low is None else min(ratio.low, ratio.value))
                    for _, ratio in rows
                ],
                [
                    (ratio.value if ratio.high is None else max(ratio.high, ratio.value)) - ratio.value
                    for _, ratio in rows
                ],
            ),
            fmt="o",
            capsize=2,
            label=f"than {name}",
        )
    times.axvline(1, color="grey", linewidth=1)
    times.set(title="How many times better spanqa is")
    times.set_xlim(left=0)
    times.set_yticks(range(len(factors)), [figure.name for figure in factors])
    times.invert_yaxis()
    for axes in (latency, clients, times):
        axes.grid(visible=True, alpha=0.3)
        axes.legend(frameon=False)
    drawing.suptitle(_title(comparison), fontsize=10)
    return encoded_figure(drawing, suffix)


def _title(comparison: Comparison) -> str:
    about = comparison.about
    threads = f"{about.threads} thread{'' if about.threads == 1 else 's'}"
    return f"{comparison.measured_at[:10]}, {about.machine}, {threads} each"


def _setting(comparison: Comparison) -> str:
    about = comparison.about
    versions = "; ".join(
        f"{name} with " + ", ".join(f"{package} {version}" for package, version in packages.items())
        for name, packages in about.packages.items()
    )
    return (
        f"{about.gold.questions} answerable questions of {printable(about.gold.name)}, {about.passages:,} passages, "
        f"{about.passages_read} read for each question; the same models for all, in {about.dtype}. Beside: how many "
        "times better spanqa is, with the least and the most of the rounds; of shares the points above, with the 95 % "
        f"interval. {versions}."
    )


def _ceiling(comparison: Comparison) -> str:
    top = comparison.ceiling
    bf16 = (
        "bf16 is not multiplied in hardware here"
        if top.bf16_flops is None
        else f"in bf16 {top.bf16_flops / 1e9:,.0f} GFLOP/s"
    )
    return (
        f"Reader: {top.tokens_a_second:,.0f} tokens a second in windows of {top.window}, times "
        f"{top.flops_a_token / 1e6:.1f} MFLOP a token, are "
        f"{top.tokens_a_second * top.flops_a_token / 1e9:,.0f} GFLOP/s; "
        f"a matrix product reaches {top.fp32_flops / 1e9:,.0f} GFLOP/s in fp32, {bf16}: {100 * top.share:.0f} % of the "
        f"{top.precision} ceiling."
    )


def _row(figure: Figure, systems: list[str]) -> list[str]:
    name = figure.name if figure.unit == "%" else f"{figure.name}, {figure.unit}"
    values = [_number(figure.values[system], figure.unit) for system in systems]
    return [name, *values, *(_ratio(figure.ratios.get(system)) for system in systems[1:])]


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "?"
    if unit == "%":
        return f"{100 * value:.1f} %"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _ratio(ratio: Ratio | None) -> str:
    if ratio is None:
        return ""
    if ratio.kind == "difference":
        known = ratio.low is not None and ratio.high is not None
        spread = f" [{100 * (ratio.low or 0.0):+.1f}..{100 * (ratio.high or 0.0):+.1f}]" if known else ""
        return f"{100 * ratio.value:+.1f}{spread}"
    spread = "" if ratio.low is None or ratio.high is None else f" [{ratio.low:.2g}..{ratio.high:.2g}]"
    return f"{ratio.value:.2f}x{spread}"


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
