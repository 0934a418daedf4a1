"""Which judged answers are given, which may be rivals, and why none is given."""

from __future__ import annotations

import numpy as np
import pytest

from index.documents import StoredPassage
from qa.asking.asked import Asked
from qa.judging.candidates import Candidate, Place
from qa.judging.choice import MAX_CONTENDERS, contenders, given_answers, why_withheld
from qa.judging.judge import Judged
from qa.retrieval.fusion import Fused
from qa.types import MAX_ANSWERS, Question

ONE, SEVERAL, POLAR = "Which ship is named?", "Which ships are named?", "Is the Vega named?"


def asked(text: str, answers: int | None = None) -> Asked:
    return Asked(Question(question=text, answers=answers))


def judged(text: str, confidence: float = 0.9, margin: float = 2.0) -> Judged:
    passage = StoredPassage(id=1, document_id="d", start=100, end=100 + len(text), context="", text=text)
    place = Place("d", 100, 100 + len(text), text, margin, margin, passage, Fused(1, 0.1), 0.5)
    return Judged(Candidate(place, (place,)), np.zeros(1), confidence)


def texts(answers: list[Judged]) -> list[str]:
    return [answer.candidate.best.text for answer in answers]


def test_one_answer_or_as_many_as_asked_for() -> None:
    answers = [judged(name) for name in ("Vega", "Orion", "Lyra")]
    assert texts(list(given_answers(asked(ONE), answers))) == ["Vega"]
    assert texts(list(given_answers(asked(ONE, 2), answers))) == ["Vega", "Orion"]
    assert list(given_answers(asked(ONE), [])) == []


def test_the_items_of_a_list_stand_where_the_text_has_them() -> None:
    given = given_answers(asked(SEVERAL), [judged("Vega, Orion and Lyra"), judged("Orion"), judged("Mira")])
    assert texts(list(given)) == ["Vega", "Orion", "Lyra", "Mira"]
    starts = [answer.candidate.best.start for answer in given]
    assert starts == [100, 106, 116, 100]
    # What supports the enumeration supports none of its items alone.
    assert [len(answer.candidate.others) for answer in given] == [0, 0, 0, 1]


def test_the_items_of_a_list_are_bounded() -> None:
    many = [judged(f"Ship{number}") for number in range(MAX_ANSWERS + 5)]
    assert len(given_answers(asked(SEVERAL), many)) == MAX_ANSWERS
    assert len(given_answers(asked(SEVERAL, 3), many)) == 3


def test_contenders_are_about_as_likely_and_few() -> None:
    assert texts(list(contenders(asked(ONE), [judged("a", 0.9), judged("b", 0.8), judged("c", 0.2)]))) == ["a", "b"]
    assert len(contenders(asked(ONE), [judged(str(number)) for number in range(30)])) == MAX_CONTENDERS


@pytest.mark.parametrize("text", [SEVERAL, POLAR])
def test_where_answers_do_not_exclude_each_other_none_contends(text: str) -> None:
    assert list(contenders(asked(text), [judged("a"), judged("b")])) == []


def test_an_answer_alone_has_no_contender() -> None:
    assert list(contenders(asked(ONE), [judged("a")])) == list(contenders(asked(ONE), [])) == []


@pytest.mark.parametrize(
    ("margins", "reason"),
    [([], "not_in_passages"), ([0.0], "not_in_passages"), ([-3.0, 0.1], "below_threshold")],
)
def test_not_sure_is_told_from_not_there(margins: list[float], reason: str) -> None:
    assert why_withheld([judged("a", margin=margin) for margin in margins]) == reason
