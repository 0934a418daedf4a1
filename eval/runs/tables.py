"""A run or a comparison for people: tables in the terminal."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from eval.measures.measure import Measure
from eval.results import Cause, QuestionResult
from eval.runs.attribution import MEANING
from eval.runs.compare import LEVEL, RESAMPLES, Comparison, Difference
from eval.runs.run import SEED, Grouping, Run
from eval.runs.summary import (
    UNKNOWN,
    Figure,
    figures,
    given,
    group_measures,
    group_rows,
    percent,
    shown,
    shown_interval,
)
from index.text.printable import flowing

MAX_ERRORS = 10
_WORD_BORDER = re.compile(r"(?<=[a-z])(?=[A-Z@])")
_COLOURS = {"better": "green", "worse": "red"}


def print_run(run: Run, console: Console, *, seed: int = SEED, measured: Sequence[Figure] | None = None) -> None:
    """Prints the measures with their intervals, those by group in percent, the causes of the errors, and at most
    `MAX_ERRORS` questions that went wrong, failures first.

    A measure without any question to measure it on shows as n/a. `measured` are the run's `figures`, where they are
    known already.
    """
    console.print(_measures(run, figures(run, seed=seed) if measured is None else measured))
    for by in run.by:
        console.print(_by_group(run, by))
    if len(run.provenance) > 1:
        console.print(Text("The store or a model changed during the run: see provenance.", style="yellow"))
    if run.counts.wrong:
        console.print(_causes(run))
        wrong = [result for result in run.results if not result.right]
        console.print(_errors(sorted(wrong, key=lambda result: result.status != "failed")))


def print_comparison(comparison: Comparison, before: str, after: str, console: Console) -> None:
    """Prints each measure before and after, the change with its interval, and what that shows."""
    # Without edges and with little padding it fits a terminal of 80 columns.
    title = Text(flowing(f"{before} -> {after}"))
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for heading in ("Measure", "Before", "After", "Change", f"{LEVEL:.0%} interval", "p"):
        table.add_column(heading, justify="left" if heading == "Measure" else "right", no_wrap=True)
    table.add_column("Difference")
    for entry in comparison.differences:
        verdict = entry.verdict.replace("no difference shown", "none shown")
        table.add_row(*_compared(entry), Text(verdict, style=_COLOURS.get(entry.verdict, "")))
    console.print(table)
    drawn = "single questions" if comparison.sources is None else _count(comparison.sources, "document or paragraph")
    console.print(
        f"{_count(comparison.questions)}; intervals by paired bootstrap, p by paired randomisation, {RESAMPLES} draws "
        f"of {drawn}; each measure is judged on its own."
    )
    for name, missing in ((before, comparison.missing_before), (after, comparison.missing_after)):
        if missing:
            console.print(
                Text(f"{_count(missing)} missing from {flowing(name)} counted as wrong there.", style="yellow")
            )
    if comparison.identical:
        console.print("The two runs are identical apart from times.")
    elif not any(entry.verdict in _COLOURS for entry in comparison.differences):
        console.print("No difference shown.")


def _measures(run: Run, measured: Sequence[Figure]) -> Table:
    gold, counts = run.about.gold, run.counts
    table = Table(title=Text(flowing(gold.name)) if gold else None)
    table.add_column("Measure", no_wrap=True)
    table.add_column("Value", justify="right", no_wrap=True)
    table.add_column(f"{LEVEL:.0%} interval", justify="right", no_wrap=True)
    table.add_column("Over")
    table.add_row("Questions", str(counts.questions), "", f"{counts.answerable} answerable, {counts.unanswerable} not")
    table.add_row(
        "Answered",
        str(counts.answered),
        "",
        f"{counts.unsure} unsure, {counts.not_found} not found, {counts.failed} failed (count as wrong)",
    )
    table.add_section()
    for figure in measured:
        over = "deeper than the passages read" if figure.too_deep else _count(figure.over)
        value = shown(figure.measure, figure.value)
        table.add_row(figure.measure.name, value, shown_interval(figure.interval), over)
    if run.settings.null_threshold is not None:
        table.add_section()
        chosen = run.settings.chosen_on
        where = f"chosen on articles {chosen}" if chosen else "chosen on these very questions: an upper bound"
        table.add_row("Null threshold", f"{run.settings.null_threshold:.2f}", "", where)
    return table


def _by_group(run: Run, by: Grouping) -> Table:
    table = Table(title=f"By {by}", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column(by.capitalize(), overflow="fold")
    for heading in ("Questions", "Answerable"):
        table.add_column(heading, justify="right", overflow="fold")
    for measure in group_measures(run):
        # In two lines, so that many fit beside each other: Forced Right, HitRate @5.
        heading = _WORD_BORDER.sub(" ", measure.name)
        table.add_column(heading, justify="right", overflow="fold")
    rows = group_rows(run, by)
    for number, (name, questions, answerable, values) in enumerate(rows, start=2):
        cells = [value.removesuffix("%") for value in values]
        table.add_row(Text(flowing(name)), str(questions), str(answerable), *cells, end_section=number == len(rows))
    return table


def _causes(run: Run) -> Table:
    table = Table(title=f"Why {_count(run.counts.wrong)} went wrong")
    table.add_column("Cause", no_wrap=True)
    table.add_column("Questions", justify="right")
    table.add_column("Share", justify="right")
    table.add_column("Meaning")
    for cause, count in run.causes.items():
        table.add_row(cause, str(count), percent(count / run.counts.wrong), MEANING[cause])
    return table


def _compared(entry: Difference) -> tuple[str, str, str, str, str, str]:
    measure = entry.measure
    change = UNKNOWN if entry.change is None else _signed(measure, entry.change)
    p = "" if entry.p is None else f"{entry.p:.3f}"
    before, after = shown(measure, entry.before), shown(measure, entry.after)
    return measure.name, before, after, change, shown_interval(entry.interval, signed=True), p


def _errors(wrong: Sequence[QuestionResult]) -> Table:
    first = wrong[:MAX_ERRORS]
    more = f"the first {len(first)} of {len(wrong)}" if len(wrong) > len(first) else str(len(wrong))
    table = Table(title=f"Went wrong: {more}", show_lines=True)
    for heading in ("Question", "Gold", "Given", "Cause"):
        table.add_column(heading, overflow="fold")
    for result in first:
        gold = " | ".join(dict.fromkeys(result.golds)) if result.answerable else "(no answer)"
        cause: Cause = result.cause or "unknown"
        # As Text, never as markup: brackets in a document's words are words.
        table.add_row(Text(flowing(result.question)), Text(flowing(gold)), Text(flowing(given(result))), cause)
    return table


def _signed(measure: Measure, change: float) -> str:
    return f"{change:+.0f} ms" if measure.timed else f"{100 * change:+.1f}"


def _count(number: int, noun: str = "question") -> str:
    if number != 1:
        noun = "documents or paragraphs" if noun == "document or paragraph" else f"{noun}s"
    return f"{number} {noun}"
