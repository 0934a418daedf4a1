"""Which judged answers are given, which are only candidates, which may contradict the first, and why none is given."""

from __future__ import annotations

import numpy as np
import pytest

from index.documents import StoredPassage
from qa.asking.asked import Asked
from qa.judging.candidates import Candidate, Place
from qa.judging.choice import MAX_CANDIDATES, MAX_CONTENDERS, REQUESTED_CANDIDATES, choose, contenders, given_answers
from qa.judging.judge import Judged
from qa.retrieval.fusion import Fused
from qa.types import MAX_ANSWERS, Question

ONE, SEVERAL, POLAR = "Which ship is named?", "Which ships are named?", "Is the Vega named?"


def asked(text: str, answers: int | None = None) -> Asked:
    return Asked(Question(question=text, answers=answers))


def wanting_candidates(text: str, answers: int | None = None) -> Asked:
    return Asked(Question(question=text, answers=answers, candidates=True))


def judged(text: str, confidence: float = 0.9, margin: float = 2.0, at: int = 0) -> Judged:
    start = 100 + at
    passage = StoredPassage(id=1, document_id="d", start=start, end=start + len(text), context="", text=text)
    place = Place("d", start, start + len(text), text, margin, margin, passage, Fused(1, 0.1), 0.5)
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


def test_contenders_are_not_much_less_likely_and_few() -> None:
    near = [judged("a", 0.8), judged("b", 0.2), judged("c", 0.19)]
    assert texts(list(contenders(asked(ONE), near))) == ["a", "b"]
    assert list(contenders(asked(ONE), [judged("a", 0.1), judged("b", 0.04)])) == []
    assert len(contenders(asked(ONE), [judged(str(number)) for number in range(30)])) == MAX_CONTENDERS


@pytest.mark.parametrize("text", [SEVERAL, POLAR])
def test_where_answers_do_not_exclude_each_other_none_contends(text: str) -> None:
    assert list(contenders(asked(text), [judged("a"), judged("b")])) == []


def test_an_answer_alone_has_no_contender() -> None:
    assert list(contenders(asked(ONE), [judged("a")])) == list(contenders(asked(ONE), [])) == []


@pytest.mark.parametrize(
    ("confidences", "status", "reason"),
    [
        ([], "not_found", "not_in_passages"),
        ([0.0499], "not_found", "not_in_passages"),
        ([0.05, 0.01], "unsure", "below_threshold"),
        ([0.4999], "unsure", "below_threshold"),
        ([0.5], "answered", None),
    ],
)
@pytest.mark.parametrize("margin", [-9.0, 9.0])
def test_only_confidences_decide(confidences: list[float], margin: float, status: str, reason: str | None) -> None:
    entries = [judged("a", confidence, margin) for confidence in confidences]
    choice = choose(asked(ONE), entries, 0.5)
    assert (choice.status, choice.reason) == (status, reason)


def test_how_many_candidates_there_are() -> None:
    many = [judged(f"Ship{number}", 0.3, at=10 * number) for number in range(MAX_ANSWERS)]
    assert len(choose(asked(ONE), many, 0.5).candidates) == MAX_CANDIDATES
    assert len(choose(wanting_candidates(ONE), many, 0.5).candidates) == REQUESTED_CANDIDATES
    assert len(choose(wanting_candidates(ONE, MAX_ANSWERS), many, 0.5).candidates) == MAX_ANSWERS
    assert choose(asked(ONE), many, 0.3).candidates == []
    assert texts(list(choose(wanting_candidates(ONE, 2), many, 0.3).candidates)) == ["Ship2", "Ship3"]


def test_what_items_were_given_of_is_no_candidate() -> None:
    answers = [judged("Vega and Orion", at=0), judged("Orion", at=50), judged("Mira", 0.2, at=90)]
    choice = choose(wanting_candidates(SEVERAL), answers, 0.5)
    assert (texts(list(choice.answers)), texts(list(choice.candidates))) == (["Vega", "Orion"], ["Mira"])


def test_what_no_span_answers_is_never_given() -> None:
    choice = choose(asked("Summarise the log"), [judged("Vega", 0.99)], 0.0)
    assert (choice.status, choice.reason, choice.answers) == ("unsure", "not_a_span_question", ())
    assert choice.hint is not None and texts(list(choice.candidates)) == ["Vega"]
