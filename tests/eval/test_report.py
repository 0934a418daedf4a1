"""The printed report: the figures it shows and the words it must not interpret."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from rich.console import Console

from eval.gold import GoldAnswer, GoldQuestion
from eval.harness import Run, evaluate
from eval.report import print_run
from index.errors import StoreError
from qa.types import Answer, Response


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
    text = printed(evaluate(questions, fake_asker(script), gold_name="g[1].jsonl"))
    assert "g[1].jsonl" in text
    assert "3 answerable, 1 not" in line(text, "Questions")
    assert "1 abstained, 1 failed" in line(text, "Answered")
    assert "50.0% / 66.7%" in line(text, "EM / F1, all")
    assert "33.3% / 55.6%" in line(text, "EM / F1, answerable ")
    assert "100.0% / 100.0%" in line(text, "EM / F1, unanswerable")
    assert "n/a" in line(text, "Hit rate@1 ") and "n/a" in line(text, "Citation validity")
    assert "100.0%" in line(text, "Abstention precision")
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
    assert "(abstained: below_threshold)" in text


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
