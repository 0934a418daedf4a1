"""A calibration from gold questions, end to end, with a reader that needs no weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harbours import YearReader, gold_set

from eval.calibration.from_gold import calibrate_end_to_end, require_both_kinds
from eval.gold.questions import GoldAnswer
from eval.runs.asker import StoreAsker
from eval.runs.harness import evaluate
from index.errors import InputError
from index.store.store import Store
from qa.engine import Engine
from qa.types import Question

pytestmark = pytest.mark.slow


@contextmanager
def unwatched(name: str, total: int | None) -> Iterator[Callable[[int, int], None]]:
    del name, total
    yield lambda _done, _of: None


def test_a_calibration_tells_right_from_wrong(harbour_store: Store, tmp_path: Path) -> None:
    gold = gold_set()
    shown: list[tuple[int, int]] = []

    @contextmanager
    def watch(name: str, total: int | None) -> Iterator[object]:
        del name, total
        yield lambda done, of: shown.append((done, of))

    outcome = calibrate_end_to_end(
        harbour_store,
        YearReader(),
        gold,
        tuning=gold,
        fitting=gold,
        passages=10,
        fitted_on="a test",
        watch=watch,  # type: ignore[arg-type]
    )
    engine = Engine(harbour_store, YearReader(), outcome.calibration)
    assert engine.calibrated
    asker = StoreAsker(engine, gold, tmp_path / "gold.jsonl")
    run = evaluate(gold, asker)
    assert run.values["Right"] == 1.0
    assert shown[-1] == (len(gold), len(gold))


def test_a_calibration_sees_the_sentences_that_yes_or_no_questions_get(harbour_store: Store) -> None:
    gold = []
    for question in gold_set():
        asked = question.question.replace("When did", "Did")
        answers = question.answers
        if question.context and answers:
            end = question.context.index(".") + 1
            answers = (GoldAnswer(text=question.context[:end], start=0, end=end),)
        gold.append(question.model_copy(update={"question": asked, "answers": answers}))
    outcome = calibrate_end_to_end(
        harbour_store, YearReader(), gold, tuning=gold, fitting=gold, passages=10, fitted_on="a test", watch=unwatched
    )
    assert outcome.first_f1 == 1.0
    engine = Engine(harbour_store, YearReader(), outcome.calibration)
    for question in gold[:6]:
        response = engine.ask(Question(question=question.question))
        assert [answer.text for answer in response.answers] == [answer.text for answer in question.answers]


def test_too_few_questions_of_a_kind_are_told_with_how_many_to_add() -> None:
    gold = gold_set()
    require_both_kinds(gold, "fitting")
    answerable = [question for question in gold if question.answerable]
    with pytest.raises(InputError, match=r"fitting: 32 answerable and 0 unanswerable .* add 10 more"):
        require_both_kinds(answerable, "fitting")
