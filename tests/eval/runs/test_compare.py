"""Telling two runs apart: what resampling must show, and what it must not."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eval.runs.compare
from eval.measures.names import default_measures, parse_measure
from eval.results import QuestionResult
from eval.runs.compare import Difference, compare, difference, interval
from eval.runs.run import About, GoldRef, Run, RunSettings
from index.errors import InputError

F1 = parse_measure("F1")


def result(number: int, f1: float = 0.0, source: str | None = None, **fields: Any) -> QuestionResult:
    usual: dict[str, Any] = {"answerable": True, "golds": ("x",), "status": "answered", "f1": f1, "em": float(f1 == 1)}
    return QuestionResult(**({"id": str(number), "question": f"q{number}", "source": source} | usual | fields))


def run_of(results: Sequence[QuestionResult], questions: int | None = None, **gold: Any) -> Run:
    usual: dict[str, Any] = {"name": "g", "sha256": "0" * 64, "questions": questions or len(results)}
    return Run.of(
        results,
        settings=RunSettings(passages=20),
        started_at="2026-01-01T00:00:00+00:00",
        about=About(gold=GoldRef(**(usual | gold))),
    )


def scores(values: Sequence[float], sources: int | None = None) -> list[QuestionResult]:
    return [result(n, v, None if sources is None else f"s{n % sources}") for n, v in enumerate(values)]


def test_the_same_run_shows_no_difference() -> None:
    run = run_of([result(n, n % 3 / 2, right=n % 2 == 0, confidence=n / 40) for n in range(40)])
    comparison = compare(run, run.model_copy(update={"started_at": "later"}), default_measures(20))
    assert comparison.identical
    for one in comparison.differences:
        assert one.verdict == ("not measured" if one.before is None else "no difference shown"), one.measure.name
        if one.change is not None:
            assert (one.change, one.p) == (0, 1) and one.interval is not None
            assert (one.interval.low, one.interval.high) == (0, 0)


def test_a_clear_difference_is_shown_in_its_direction() -> None:
    generator = np.random.default_rng(1)
    old = generator.random(200) < 0.5
    new = old | (generator.random(200) < 0.3)
    before, after = run_of(scores(old.astype(float))), run_of(scores(new.astype(float)))
    (better,) = compare(before, after, [F1]).differences
    (worse,) = compare(after, before, [F1]).differences
    assert (better.verdict, worse.verdict) == ("better", "worse")
    assert better.change == pytest.approx(new.mean() - old.mean()) == pytest.approx(-(worse.change or 0))
    assert better.p is not None and better.p <= 2 / 1001
    risky = [result(n, right=bool(r)) for n, r in enumerate(old)], [result(n, right=bool(r)) for n, r in enumerate(new)]
    assert difference(parse_measure("Risk"), *risky).verdict == "better"


def test_the_interval_is_that_of_paired_differences() -> None:
    generator = np.random.default_rng(2)
    old = generator.random(400)
    new = np.clip(old + generator.normal(0.02, 0.1, 400), 0, 1)
    measured = difference(F1, scores(old.tolist()), scores(new.tolist()))
    assert measured.interval is not None and measured.change is not None
    # The normal approximation of the mean of the pairs' differences; unpaired it would be three times as wide.
    half = 1.96 * (new - old).std(ddof=1) / np.sqrt(400)
    assert measured.interval.low == pytest.approx(measured.change - half, abs=half / 10)
    assert measured.interval.high == pytest.approx(measured.change + half, abs=half / 10)
    alone = interval(F1, scores(old.tolist()))
    assert alone is not None
    assert alone.high - alone.low == pytest.approx(2 * 1.96 * old.std(ddof=1) / np.sqrt(400), rel=0.1)


def test_p_agrees_with_all_swaps_of_a_small_set() -> None:
    old, new = [0.0, 0.2, 0.5, 1.0, 0.0, 0.4, 0.3], [1.0, 0.9, 0.4, 1.0, 0.5, 0.9, 0.2]
    gaps = [b - a for a, b in zip(old, new, strict=True)]
    observed = abs(sum(gaps))
    swaps = list(itertools.product((1, -1), repeat=len(gaps)))
    exact = sum(abs(sum(s * g for s, g in zip(signs, gaps, strict=True))) >= observed - 1e-9 for signs in swaps)
    measured = difference(F1, scores(old), scores(new))
    assert measured.p == pytest.approx(exact / len(swaps), abs=0.02)


def test_no_difference_is_rarely_taken_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eval.runs.compare, "RESAMPLES", 200)
    generator = np.random.default_rng(3)
    shown = 0
    for seed in range(80):
        noise = [scores((generator.random(60) < 0.6).astype(float).tolist()) for _ in range(2)]
        shown += difference(F1, noise[0], noise[1], seed=seed).verdict != "no difference shown"
    # Five of a hundred are to be expected; fourteen or more of eighty come once in ten thousand times.
    assert shown < 14


def test_questions_of_one_source_are_drawn_together() -> None:
    generator = np.random.default_rng(4)
    gaps = np.repeat(generator.normal(0, 0.2, 20), 30)
    order = generator.permutation(600)
    old, new = np.full(600, 0.5), np.clip(0.5 + gaps, 0, 1)

    def width(sourced: bool) -> float:
        runs = [
            [result(int(n), float(values[n]), f"s{n // 30}" if sourced else None) for n in order]
            for values in (old, new)
        ]
        bounds = difference(F1, *runs).interval
        assert bounds is not None
        return bounds.high - bounds.low

    # 20 documents, not 600 questions: wider by about the root of 30.
    assert width(True) == pytest.approx(width(False) * np.sqrt(30), rel=0.3)


def test_few_sources_leave_single_questions_to_draw() -> None:
    values = np.random.default_rng(5).random(40).tolist()
    assert compare(run_of(scores(values, 9)), run_of(scores(values, 9)), [F1]).sources is None
    assert compare(run_of(scores(values, 10)), run_of(scores(values, 10)), [F1]).sources == 10
    one_document, none = interval(F1, scores(values, 1)), interval(F1, scores(values))
    assert one_document == none and one_document is not None and one_document.low < one_document.high


def test_the_seed_decides() -> None:
    old, new = scores([0.1, 0.5, 0.9] * 9), scores([0.4, 0.2, 1.0] * 9)
    for name in ("F1", "AURC"):
        measure = parse_measure(name)
        assert difference(measure, old, new, seed=1) == difference(measure, old, new, seed=1)
    assert difference(F1, old, new, seed=1) != difference(F1, old, new, seed=2)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 12), st.integers(0, 3)), min_size=1, max_size=30))
def test_a_question_that_counts_twice_is_as_good_as_two(rows: list[tuple[bool, int, int]]) -> None:
    results = [
        result(
            n,
            float(f1),
            right=f1,
            confidence=None if sure == 12 else sure / 11,
            forced_f1=float(f1),
            elapsed_ms=float(sure),
            status="failed" if sure == 5 else "answered",
        )
        for n, (f1, sure, _) in enumerate(rows)
    ]
    weights = np.array([times for _, _, times in rows], dtype=np.float64)
    repeated = [one for one, (_, _, times) in zip(results, rows, strict=True) for _ in range(times)]
    for measure in default_measures(20):
        value = measure.reducer(measure.rows(results))(weights)
        assert value == (None if not repeated else pytest.approx(measure.value(repeated))), measure.name


def removed(run: Run, count: int) -> Run:
    return run.model_copy(update={"results": run.results[:-count]})


def test_a_hundred_removed_questions_count_as_wrong() -> None:
    run = run_of([result(n, 1.0, right=True, retrieval_judged=True, citation_valid=True) for n in range(400)])
    names = ["Right", "EM", "F1", "Coverage", "Risk", "CitationValidity"]
    comparison = compare(run, removed(run, 100), [parse_measure(name) for name in names])
    assert (comparison.questions, comparison.missing_before, comparison.missing_after, comparison.identical) == (
        400,
        0,
        100,
        False,
    )
    assert [one.before for one in comparison.differences] == [1, 1, 1, 1, 0, 1]
    assert [one.after for one in comparison.differences] == [0.75, 0.75, 0.75, 0.75, 0.25, 0.75]
    assert {one.verdict for one in comparison.differences} == {"worse"}
    back = compare(removed(run, 100), run, [F1])
    assert (back.missing_before, back.differences[0].verdict) == (100, "better")


def test_runs_that_cannot_be_compared_are_refused() -> None:
    run = run_of(scores([1.0] * 12))
    cases = {
        "different gold sets": run_of(scores([1.0] * 12), sha256="1" * 64),
        "asked different questions": run_of(scores([1.0] * 12), articles="0:6"),
        r"a draw of 12 \(seed 7\)": run_of(scores([1.0] * 12), sample=12, seed=7),
        "does not name its gold": run.model_copy(update={"about": About()}),
        "disagree about the question '0'": run_of([result(0, question="another"), *scores([1.0] * 12)[1:]]),
    }
    for said, other in cases.items():
        for pair in ((run, other), (other, run)):
            with pytest.raises(InputError, match=said):
                compare(*pair, [F1])
    with pytest.raises(InputError, match="7 of the 12 questions"):
        compare(removed(run, 5), removed(run, 5), [F1])
    # A renamed file is the same gold set.
    assert compare(run, run_of(scores([1.0] * 12), name="renamed"), [F1]).differences[0].change == 0


def test_what_only_one_side_measures_is_not_compared() -> None:
    judged = run_of([result(n, retrieval_judged=True) for n in range(12)])
    unjudged = run_of([result(n) for n in range(12)])
    (measured,) = compare(judged, unjudged, [parse_measure("HitRate@5")]).differences
    assert (measured.before, measured.after, measured.verdict) == (0.0, None, "not measured")
    deep = compare(judged, judged, [parse_measure("HitRate@50")]).differences[0]
    assert deep == Difference(parse_measure("HitRate@50"), None, None, None, None, None)


def test_a_single_question_has_no_interval() -> None:
    measured = difference(F1, scores([0.0]), scores([1.0]))
    assert (measured.change, measured.interval, measured.verdict) == (1.0, None, "no difference shown")
    assert interval(F1, []) is None
