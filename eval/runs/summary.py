"""The figures of a run that every report shows: measures with intervals, and outcomes by group of questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eval.measures.basic import mean
from eval.measures.measure import Measure
from eval.measures.names import is_timed, parse_measure
from eval.results import CAUSES, Cause, QuestionResult
from eval.runs.compare import Interval, interval
from eval.runs.run import SEED, Grouping, Run

UNKNOWN = "n/a"
# What a table by group shows of a run with more measures than fit beside each other.
GROUP_MEASURES = (
    "HasAnsRight", "NoAnsF1", "ForcedRight", "ForcedPlace", "HitRate@1", "HitRate@5", "HitRate@20", "ECE",
    "Coverage@risk=0.2",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figure:
    """A measure of a run: its value, its interval where drawing again tells one, and how many questions it is over;
    0 questions and no value where the measure looks deeper than the passages read."""

    measure: Measure
    value: float | None
    interval: Interval | None
    over: int
    too_deep: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Questions that have something in common: how many, the mean of their outcomes (0..1), their errors by cause."""

    name: str
    questions: int
    right: float
    em: float
    f1: float
    causes: dict[Cause, int]

    @property
    def wrong(self) -> int:
        return sum(self.causes.values())


def figures(run: Run, *, seed: int = SEED) -> list[Figure]:
    """The measures of a run in its order. Drawing again takes a second or so for thousands of questions."""
    made = []
    for name, value in run.values.items():
        measure = parse_measure(name)
        if measure.depth > run.settings.passages:
            made.append(Figure(measure, None, None, 0, too_deep=True))
            continue
        # Times hang together as questions do not: a busy moment slows many.
        bounds = None if measure.timed else interval(measure, run.results, seed=seed)
        made.append(Figure(measure, value, bounds, measure.over(run.results)))
    return made


def groups(
    results: Sequence[QuestionResult], name: Callable[[QuestionResult], str], order: Sequence[str] = ()
) -> list[Group]:
    """The results by the name of their group, in the `order` given, others after it by their size."""
    by_name: dict[str, list[QuestionResult]] = {}
    for result in results:
        by_name.setdefault(name(result), []).append(result)
    ranks = {each: rank for rank, each in enumerate(order)}
    names = sorted(by_name, key=lambda each: (ranks.get(each, len(ranks)), -len(by_name[each]), each))
    return [_group(each, by_name[each]) for each in names]


def group_measures(run: Run) -> list[Measure]:
    """The measures that a table by group shows: all of a run that has few, of another those of GROUP_MEASURES."""
    names = [name for name in run.values if not is_timed(name)]
    if len(names) > len(GROUP_MEASURES):
        names = [name for name in GROUP_MEASURES if name in names]
    return [parse_measure(name) for name in names]


def group_rows(run: Run, by: Grouping) -> list[tuple[str, int, int, list[str]]]:
    """For each group its name, how many questions, how many of them answerable, and its measures as people read them;
    last of all the whole run."""
    measures = group_measures(run)
    rows = [(name, each.questions, each.answerable, each.values) for name, each in run.by[by].items()]
    rows.append(("all", run.counts.questions, run.counts.answerable, run.values))
    return [
        (name or "(none)", questions, answerable, [shown(measure, values[measure.name]) for measure in measures])
        for name, questions, answerable, values in rows
    ]


def shown(measure: Measure, value: float | None) -> str:
    """A value as people read it: a percentage, or milliseconds."""
    if value is None:
        return UNKNOWN
    return f"{value:.0f} ms" if measure.timed else percent(value)


def shown_interval(bounds: Interval | None, *, signed: bool = False) -> str:
    """Both ends in percent; nothing where there is no interval."""
    if bounds is None:
        return ""
    sign = "+" if signed else ""
    return f"{100 * bounds.low:{sign}.1f} to {100 * bounds.high:{sign}.1f}"


def percent(share: float) -> str:
    """A share with one decimal."""
    return f"{100 * share:.1f}%"


def given(result: QuestionResult) -> str:
    """What was given as the answer, or in brackets why nothing was."""
    if result.status == "failed":
        return f"(failed: {result.error})"
    if result.declined:
        status = result.status.replace("_", " ")
        return f"({status}: {result.reason})" if result.reason else f"({status})"
    return result.predicted


def _group(name: str, results: Sequence[QuestionResult]) -> Group:
    errors: Counter[Cause] = Counter(result.cause or "unknown" for result in results if not result.right)
    return Group(
        name=name,
        questions=len(results),
        right=mean(result.right for result in results) or 0.0,
        em=mean(result.em for result in results) or 0.0,
        f1=mean(result.f1 for result in results) or 0.0,
        causes={cause: errors[cause] for cause in CAUSES if errors[cause]},
    )
