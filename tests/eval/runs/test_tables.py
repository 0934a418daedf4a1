"""The printed report: the figures it shows and the words it must not interpret."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from rich.console import Console

from eval.gold.questions import GoldAnswer, GoldQuestion
from eval.measures.names import parse_measure
from eval.runs.compare import compare
from eval.runs.harness import evaluate
from eval.runs.run import About, GoldRef, Run
from eval.runs.tables import print_comparison, print_run
from index.errors import StoreError
from qa.types import Answer, Response

ABOUT = About(gold=GoldRef(name="g[1].jsonl", sha256="0" * 64, questions=4))


def gold(question: str, *texts: str) -> GoldQuestion:
    return GoldQuestion(id=question, question=question, answers=tuple(GoldAnswer(text=text) for text in texts))


def printed(run: Run, width: int = 120) -> str:
    stream = io.StringIO()
    print_run(run, Console(file=stream, width=width, color_system=None))
    return stream.getvalue()


def line(text: str, start: str) -> str:
    return next(row for row in text.splitlines() if start in row)


def test_figures(answer: Callable[..., Answer], response: Callable[..., Response], fake_asker: Any) -> None:
    script = {
        "right?": response(answer("1843", 1.0)),
        "short?": response(answer("1843", 1.0)),
        "none?": response(abstain="not_in_passages"),
        "down?": StoreError("the store is locked"),
    }
    questions = [gold("right?", "1843"), gold("short?", "in 1843"), gold("none?"), gold("down?", "x")]
    text = printed(evaluate(questions, fake_asker(script), about=ABOUT))
    assert "g[1].jsonl" in text
    assert "3 answerable, 1 not" in line(text, "Questions")
    assert "0 unsure, 1 not found, 1 failed" in line(text, "Answered")
    assert "50.0%" in line(text, " EM ") and "66.7%" in line(text, " F1 ")
    assert "33.3%" in line(text, "HasAnsEM") and "55.6%" in line(text, "HasAnsF1")
    assert "100.0%" in line(text, "NoAnsF1") and "1 question" in line(text, "NoAnsF1")
    assert "n/a" in line(text, "HitRate@1 ") and "n/a" in line(text, "CitationValidity")
    assert "50.0%" in line(text, "AbstentionPrecision") and "100.0%" in line(text, "AbstentionRecall")
    assert "Why 2 questions went wrong" in text
    assert line(text, "ended in an error").split()[1:6] == ["failed", "│", "1", "│", "50.0%"]
    assert "Went wrong: 2" in text
    # Failures come first.
    assert text.index("(failed: the store is locked)") < text.index("short?")


def test_an_empty_run_prints() -> None:
    text = printed(evaluate([], object()))  # type: ignore[arg-type]
    assert "n/a" in text and "Went wrong" not in text


def test_at_most_ten_errors(response: Callable[..., Response], fake_asker: Any) -> None:
    questions = [gold(f"wrong {number:02}", "x") for number in range(12)]
    script = {question.question: response(abstain="below_threshold") for question in questions}
    text = printed(evaluate(questions, fake_asker(script)))
    assert "the first 10 of 12" in text and "wrong 09" in text and "wrong 10" not in text
    assert "(unsure: below_threshold)" in text


def test_words_are_neither_markup_nor_terminal_control(fake_asker: Any) -> None:
    question = gold("is [red]this[/red] [/nonsense] \x1b[2J?", "[bold]x\n\x07y")
    text = printed(evaluate([question], fake_asker({question.question: StoreError("[/]")})))
    assert "[red]this[/red] [/nonsense]" in text and "[bold]x" in text and "(failed: [/])" in text
    assert "\x1b" not in text and "\x07" not in text


def test_a_narrow_terminal_loses_no_question(fake_asker: Any) -> None:
    question = gold("abcdefghijklmnopqrstuvwxyz" * 4, "gold")
    text = printed(evaluate([question], fake_asker({question.question: StoreError("no")})), width=40)
    assert text.count("z") == 4 and "n/a" in text


def test_a_change_of_store_is_said(response: Callable[..., Response], fake_asker: Any) -> None:
    script = {
        "a": response(abstain="empty_index", generation=1),
        "b": response(abstain="empty_index", generation=2),
    }
    assert "changed during the run" in printed(evaluate([gold("a"), gold("b")], fake_asker(script)))


def compared(before: Run, after: Run, width: int = 120) -> str:
    stream = io.StringIO()
    measured = [parse_measure(name) for name in ("F1", "HitRate@20")]
    print_comparison(compare(before, after, measured), "a[b].json", "c.json", Console(file=stream, width=width))
    return stream.getvalue()


def test_measures_by_group(answer: Callable[..., Answer], response: Callable[..., Response], fake_asker: Any) -> None:
    questions = [
        gold(name, *texts).model_copy(update={"document": f"dev/{folder}/{name}.md", "kind": folder[:1]})
        for name, folder, texts in (("q1", "laws", ["1843"]), ("q2", "laws", ["Ada"]), ("q3", "n[b]ews", []))
    ]
    asker = fake_asker({question.question: response(answer("1843")) for question in questions})
    run = evaluate(questions, asker)
    assert "By domain" not in printed(run)
    text = printed(run.grouped(["domain"]))
    assert line(text, "laws").split()[:5] == ["laws", "2", "2", "50.0", "n/a"]
    assert line(text, "n[b]ews").split()[:5] == ["n[b]ews", "1", "0", "n/a", "0.0"]
    assert line(text[text.index("By domain") :], "all ").split()[:5] == ["all", "3", "2", "50.0", "0.0"]
    assert "By kind" not in text and "Latency@50" not in text[text.index("By domain") : text.index("Why")]
    # Those that somebody chose are shown as they are.
    chosen = evaluate(questions, asker, measures=[parse_measure("EM")]).grouped(["kind"])
    assert line(printed(chosen), "l  ").split() == ["l", "2", "2", "50.0"]


def test_a_comparison_says_what_it_shows(
    answer: Callable[..., Answer], response: Callable[..., Response], fake_asker: Any
) -> None:
    questions = [gold(f"q{number}", "1843") for number in range(12)]
    about = About(gold=GoldRef(name="g", sha256="0" * 64, questions=12))
    good = evaluate(questions, fake_asker({q.question: response(answer("1843")) for q in questions}), about=about)
    bad = evaluate(questions, fake_asker({q.question: response(answer("Ada")) for q in questions}), about=about)
    text = compared(good, bad)
    assert "a[b].json -> c.json" in text and "12 questions; intervals" in text
    assert "-100.0 to -100.0" in line(text, "F1") and line(text, "F1").rstrip().endswith("worse")
    assert "n/a" in line(text, "HitRate@20") and "not measured" in line(text, "HitRate@20")
    same = compared(good, good, width=80)
    assert "none shown" in line(same, "F1") and "identical apart from times" in same
    short = bad.model_copy(update={"results": bad.results[:7]})
    assert "5 questions missing from c.json counted as wrong there." in compared(good, short)
    other = good.model_copy(update={"provenance": ()})
    assert "No difference shown." in compared(good, other) and "identical" not in compared(good, other)
