"""How answers fit the words of questions."""

from __future__ import annotations

import pytest

from qa.judging.question_fit import AskedKind, asked_kind, kind_of, type_fit


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("3 May 2024", "date"),
        ("Tuesday", "date"),
        ("9:30", "date"),
        ("in 1911", "date"),
        ("forty tonnes", "number"),
        ("12 %", "number"),
        ("Anna Moe", "name"),
        ("École normale", "name"),
        ("the data controller", "phrase"),
        ("because the harbour was frozen in winter", "clause"),
        ("", "phrase"),
    ],
)
def test_what_answers_look_like(text: str, kind: str) -> None:
    assert kind_of(text) == kind


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("When did it open?", "when"),
        ("In which year did it open?", "when"),
        ("How many boats came?", "how many"),
        ("What percentage is paid?", "how many"),
        ("Who opened it?", "who"),
        ("Why was it closed?", "why or how"),
        ("How is it closed?", "why or how"),
        ("What is it?", "anything"),
        ("Did it open when the king came?", "anything"),
    ],
)
def test_what_questions_ask_for(question: str, kind: AskedKind) -> None:
    assert asked_kind(question) == kind


@pytest.mark.parametrize(
    ("asked", "fits", "unknown", "not_it"),
    [
        ("when", ["3 May 2024", "within 14 days"], ["on receipt of the notice by post"], ["Anna Moe"]),
        ("how many", ["forty", "12 %", "up to 30 days after the end of it"], [], ["Anna Moe", "every boat"]),
        ("who", ["Anna Moe"], ["the controller", "the mayor, who is chosen by Parliament"], ["3 May 2024", "12"]),
        ("why or how", ["because the harbour was frozen in winter"], ["by registered post"], ["Anna", "12"]),
        ("anything", [], ["Anna Moe", "12", "because the harbour was frozen in winter"], []),
    ],
)
def test_whether_an_answer_is_of_the_kind_asked_for(
    asked: AskedKind, fits: list[str], unknown: list[str], not_it: list[str]
) -> None:
    for texts, value in ((fits, 1.0), (unknown, 0.5), (not_it, 0.0)):
        assert [type_fit(asked, text) for text in texts] == [value] * len(texts)
