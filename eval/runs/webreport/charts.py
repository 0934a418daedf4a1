"""The plots of a run, each with its figures as a table for those who would rather read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eval.measures.basic import calibration_bins, hit_rate, percentile
from eval.measures.confidence import risk_coverage
from eval.results import CAUSES, Cause
from eval.runs.run import Run
from eval.runs.summary import Group, percent
from eval.runs.webreport.svg import COLOURS, drawing, inline_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = (4.4, 3.0)
LATENCY_BINS = 40
# Beyond it, a plot of times would be all tail.
_SHOWN_LATENCIES = 99.0
_CAUSE_COLOURS: dict[Cause, str] = {cause: COLOURS[f"c{number}"] for number, cause in enumerate(CAUSES, start=1)}


@dataclass(frozen=True, slots=True)
class Chart:
    """A plot as an SVG element, what it shows in words, and its figures by row."""

    title: str
    note: str
    svg: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def charts(run: Run, types: Sequence[Group]) -> list[Chart]:
    """The plots that there is something to draw for; `types` are the run's questions by what they ask for."""
    drawn = (_reliability(run), _risk_coverage(run), _hit_rates(run), _causes(run), _by_type(types), _latencies(run))
    return [chart for chart in drawn if chart is not None]


def _drawn(name: str, title: str, note: str, draw: Callable[[Axes], None], *, table: Sequence[Sequence[str]]) -> Chart:
    """A chart of what `draw` draws; the first row of its `table` are the headings."""
    from matplotlib.figure import Figure

    with drawing(name):
        figure = Figure(figsize=SIZE, layout="constrained")
        draw(figure.subplots())
        svg = inline_svg(figure, f"{title}. {note}")
    headings, *rows = (tuple(row) for row in table)
    return Chart(title, note, svg, headings, tuple(rows))


def _reliability(run: Run) -> Chart | None:
    stated = [result for result in run.results if result.confidence is not None]
    if not stated:
        return None
    bins = [
        each
        for each in calibration_bins([r.confidence or 0.0 for r in stated], [r.forced_right for r in stated])
        if each.questions
    ]
    shares = [(each.confidence or 0.0, each.right or 0.0, each.questions) for each in bins]
    bounds = [_wilson(round(right * questions), questions) for _, right, questions in shares]

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=COLOURS["soft"], linestyle="--", linewidth=1, label="as stated")
        axes.bar(
            [each.low for each in bins],
            [each.questions / len(stated) for each in bins],
            width=0.1,
            align="edge",
            color=COLOURS["c1"],
            alpha=0.2,
            label="share of questions",
        )
        low = [right - bound[0] for (_, right, _), bound in zip(shares, bounds, strict=True)]
        high = [bound[1] - right for (_, right, _), bound in zip(shares, bounds, strict=True)]
        axes.errorbar(
            [x for x, _, _ in shares],
            [y for _, y, _ in shares],
            yerr=[low, high],
            fmt="o",
            capsize=3,
            color=COLOURS["c1"],
            label="right (95% interval)",
        )
        _shares(axes, "confidence", "share right")
        _legend_below(axes)

    return _drawn(
        "reliability",
        "Reliability",
        "How often the best span is right, by the confidence it states; on the dashed line, as often as stated.",
        draw,
        table=[
            ("confidence", "questions", "mean confidence", "right", "95% interval"),
            *(
                (f"{e.low:.1f} to {e.high:.1f}", str(n), percent(x), percent(y), f"{percent(b[0])} to {percent(b[1])}")
                for e, (x, y, n), b in zip(bins, shares, bounds, strict=True)
            ),
        ],
    )


def _risk_coverage(run: Run) -> Chart | None:
    curve = risk_coverage(run.results)
    if not curve:
        return None
    answered = [result for result in run.results if not result.declined]
    as_answered = None
    if answered and len(answered) < len(run.results):
        as_answered = (len(answered) / len(run.results), sum(not result.right for result in answered) / len(answered))

    def draw(axes: Axes) -> None:
        coverage, risk = [point[1] for point in curve], [point[2] for point in curve]
        axes.plot(coverage, risk, color=COLOURS["c1"], drawstyle="steps-post")
        if as_answered is not None:
            axes.plot(*as_answered, "o", color=COLOURS["c2"], label="as answered in this run")
            axes.legend(loc="upper left")
        _shares(axes, "coverage: share of questions answered, surest first", "risk: share of those wrong")
        axes.set_ylim(0, max(0.1, *risk) * 1.1)

    tenths = [next((point for point in curve if point[1] >= tenth / 10 - 1e-9), None) for tenth in range(1, 11)]
    return _drawn(
        "risk",
        "Risk and coverage",
        "The share of wrong answers when only the surest questions are answered; lower is better.",
        draw,
        table=[
            ("coverage", "confidence from", "risk"),
            *((percent(p[1]), f"{p[0]:.3f}", percent(p[2])) for p in dict.fromkeys(tenths) if p is not None),
        ],
    )


def _hit_rates(run: Run) -> Chart | None:
    judged = [result for result in run.results if result.retrieval_judged]
    if not judged:
        return None
    ranks = [result.rank for result in judged]
    depths = list(range(1, run.settings.passages + 1))
    rates = [hit_rate(ranks, depth) or 0.0 for depth in depths]
    bounds = [_wilson(round(rate * len(ranks)), len(ranks)) for rate in rates]

    def draw(axes: Axes) -> None:
        axes.fill_between(
            depths,
            [b[0] for b in bounds],
            [b[1] for b in bounds],
            color=COLOURS["c1"],
            alpha=0.2,
            linewidth=0,
            label="95% interval",
        )
        axes.plot(depths, rates, color=COLOURS["c1"], marker="." if len(depths) <= 30 else "")
        axes.set_ylim(max(0.0, min(b[0] for b in bounds) - 0.1), 1.02)
        axes.yaxis.set_major_formatter(_percents())
        axes.xaxis.set_major_locator(_wholes())
        axes.set_xlabel("k, passages looked at")
        axes.set_ylabel("hit rate at k")
        axes.legend(loc="lower right")

    listed = [depth for depth in (1, 2, 3, 5, 10, 20, 50, 100, 200) if depth < depths[-1]] + [depths[-1]]
    return _drawn(
        "hits",
        "Hit rate",
        f"The share of {len(judged)} questions with a passage that holds the answer among the first k.",
        draw,
        table=[
            ("k", "hit rate", "95% interval"),
            *((str(k), percent(rates[k - 1]), " to ".join(percent(end) for end in bounds[k - 1])) for k in listed),
        ],
    )


def _causes(run: Run) -> Chart | None:
    if not run.causes:
        return None
    causes, counts = list(run.causes), list(run.causes.values())

    def draw(axes: Axes) -> None:
        bars = axes.barh(list(causes), counts, color=[_CAUSE_COLOURS[cause] for cause in causes])
        axes.bar_label(bars, padding=3)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.12)
        axes.xaxis.set_major_locator(_wholes())
        axes.set_xlabel("questions that went wrong")

    return _drawn(
        "causes",
        "Errors by cause",
        "The last stage that must be mended for each wrong outcome, after everything before it.",
        draw,
        table=[
            ("cause", "questions", "share"),
            *((cause, str(count), percent(count / run.counts.wrong)) for cause, count in run.causes.items()),
        ],
    )


def _by_type(types: Sequence[Group]) -> Chart | None:
    if not any(group.wrong for group in types):
        return None
    names = [f"{group.name} ({group.questions})" for group in types]
    causes = [cause for cause in CAUSES if any(cause in group.causes for group in types)]

    def draw(axes: Axes) -> None:
        left = [0.0] * len(types)
        for cause in causes:
            widths = [group.causes.get(cause, 0) / group.questions for group in types]
            axes.barh(names, widths, left=left, color=_CAUSE_COLOURS[cause], label=cause)
            left = [begin + width for begin, width in zip(left, widths, strict=True)]
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.xaxis.set_major_formatter(_percents())
        axes.set_xlabel("share that went wrong, by cause")
        _legend_below(axes)

    return _drawn(
        "types",
        "Errors by what is asked for",
        "Of the questions of each type (their number in brackets), the share that went wrong.",
        draw,
        table=[
            ("type", "questions", "wrong", *causes),
            *(
                (g.name, str(g.questions), percent(g.wrong / g.questions), *(str(g.causes.get(c, 0)) for c in causes))
                for g in types
            ),
        ],
    )


def _latencies(run: Run) -> Chart | None:
    times = sorted(result.elapsed_ms for result in run.results if result.status != "failed")
    # Reading alone is not timed question by question.
    if not times or not times[-1]:
        return None
    most = percentile(times, _SHOWN_LATENCIES) or times[-1]
    shown = [value for value in times if value <= most]

    def draw(axes: Axes) -> None:
        axes.hist(shown, bins=LATENCY_BINS, color=COLOURS["c1"], alpha=0.6)
        for percents, style in ((50, "-"), (95, "--")):
            value = percentile(times, percents) or 0.0
            axes.axvline(
                value, color=COLOURS["ink"], linestyle=style, linewidth=1.2, label=f"p{percents} {value:.0f} ms"
            )
        axes.set_xlim(left=0)
        axes.yaxis.set_major_locator(_wholes())
        axes.set_xlabel("milliseconds a question")
        axes.set_ylabel("questions")
        _legend_below(axes)

    return _drawn(
        "latency",
        "Latency",
        f"Time a question, in a batch its even share; the slowest {len(times) - len(shown)} are not shown.",
        draw,
        table=[
            ("percentile", "milliseconds"),
            *((f"p{percents}", f"{percentile(times, percents):.1f}") for percents in (5, 25, 50, 75, 90, 95, 99, 100)),
        ],
    )


def _wilson(hits: int, of: int) -> tuple[float, float]:
    from scipy.stats import binomtest

    bounds = binomtest(hits, of).proportion_ci(0.95, method="wilson")
    return float(bounds.low), float(bounds.high)


def _percents() -> Any:
    from matplotlib.ticker import PercentFormatter

    return PercentFormatter(1.0, decimals=0)


def _legend_below(axes: Axes) -> None:
    # Within the axes it would hide what they show.
    axes.figure.legend(loc="outside lower center", ncols=3)


def _wholes() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(integer=True)


def _shares(axes: Axes, x: str, y: str) -> None:
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.xaxis.set_major_formatter(_percents())
    axes.yaxis.set_major_formatter(_percents())
    axes.set_xlabel(x)
    axes.set_ylabel(y)
