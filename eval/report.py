"""A run for people: the measures as a table, and the first questions that went wrong."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from eval.harness import Run
from eval.measures import QuestionResult, Scores

MAX_ERRORS = 10
_UNKNOWN = "n/a"


def print_run(run: Run, console: Console) -> None:
    """Prints the measures, shares in percent, and at most `MAX_ERRORS` questions that went wrong, failures first.

    A measure without any question to measure it on shows as n/a.
    """
    console.print(_measures(run))
    if len(run.provenance) > 1:
        console.print(Text("The store or a model changed during the run: see provenance.", style="yellow"))
    wrong = sorted((result for result in run.results if not result.right), key=lambda result: result.status != "failed")
    if wrong:
        console.print(_errors(wrong))


def _measures(run: Run) -> Table:
    summary = run.summary
    table = Table(title=Text(_clean(run.settings.gold)) if run.settings.gold else None)
    table.add_column("Measure")
    table.add_column("Value", justify="right", no_wrap=True)
    table.add_column("Over")
    table.add_row("Questions", str(summary.questions), f"{summary.answerable} answerable, {summary.unanswerable} not")
    table.add_row(
        "Answered", str(summary.answered), f"{summary.abstained} abstained, {summary.failed} failed (count as wrong)"
    )
    table.add_row("Right outcome", _percent(summary.right), _count(summary.questions))
    table.add_row("Risk among answered", _percent(summary.risk), _count(summary.answered))
    table.add_section()
    _add_scores(table, "all", summary.overall)
    _add_scores(table, "answerable", summary.has_answer)
    _add_scores(table, "unanswerable", summary.no_answer)
    _add_scores(table, "answerable, span forced", summary.forced)
    table.add_section()
    for k, value in summary.retrieval.hit_rate.items():
        over = _count(summary.retrieval.judged) if k <= summary.retrieval.depth else "deeper than the passages read"
        table.add_row(f"Hit rate@{k}", _percent(value), over)
    table.add_row(f"MRR@{summary.retrieval.depth}", _percent(summary.retrieval.mrr), _count(summary.retrieval.judged))
    table.add_row(
        "Citation validity", _percent(summary.citations.validity), _count(summary.citations.checked, "answer")
    )
    table.add_section()
    table.add_row("Abstention precision", _percent(summary.abstention.precision), _count(summary.abstained))
    table.add_row("Abstention recall", _percent(summary.abstention.recall), _count(summary.unanswerable))
    table.add_row("Abstention F1", _percent(summary.abstention.f1), "")
    table.add_row("Calibration error (ECE)", _percent(summary.calibration.ece), _count(summary.calibration.questions))
    table.add_section()
    timed = _count(summary.questions - summary.failed)
    table.add_row("Time a question p50", _milliseconds(summary.latency.p50_ms), timed)
    table.add_row("Time a question p95", _milliseconds(summary.latency.p95_ms), timed)
    return table


def _add_scores(table: Table, name: str, scores: Scores) -> None:
    table.add_row(f"EM / F1, {name}", f"{_percent(scores.em)} / {_percent(scores.f1)}", _count(scores.questions))


def _errors(wrong: list[QuestionResult]) -> Table:
    shown = wrong[:MAX_ERRORS]
    more = f"the first {len(shown)} of {len(wrong)}" if len(wrong) > len(shown) else str(len(wrong))
    table = Table(title=f"Went wrong: {more}", show_lines=True)
    for heading in ("Question", "Gold", "Given"):
        table.add_column(heading, overflow="fold")
    for result in shown:
        gold = " | ".join(dict.fromkeys(result.golds)) if result.answerable else "(no answer)"
        # As Text, never as markup: brackets in a document's words are words.
        table.add_row(Text(_clean(result.question)), Text(_clean(gold)), Text(_clean(_given(result))))
    return table


def _given(result: QuestionResult) -> str:
    if result.status == "failed":
        return f"(failed: {result.error})"
    if result.status == "abstained":
        return f"(abstained: {result.reason})" if result.reason else "(abstained)"
    return result.predicted


def _clean(text: str) -> str:
    # A document's text must not steer the terminal, and a table cell is one line.
    return "".join(character if character.isprintable() else " " for character in text)


def _percent(share: float | None) -> str:
    return _UNKNOWN if share is None else f"{100 * share:.1f}%"


def _milliseconds(value: float | None) -> str:
    return _UNKNOWN if value is None else f"{value:.0f} ms"


def _count(number: int, noun: str = "question") -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
