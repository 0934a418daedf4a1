"""Questions are validated at the door."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from qa.types import MAX_ANSWERS, MAX_PASSAGES, MAX_QUESTION_LENGTH, Filters, Question


def test_defaults() -> None:
    question = Question(question="Who?")
    assert (question.answers, question.passages, question.threshold, question.candidates) == (None, 20, None, False)
    assert question.filters == Filters(document_ids=(), uri_prefix="")


def test_the_words_are_kept_as_they_are() -> None:
    asked = "  Où est\u00a0l’École ?\r\n"
    assert Question(question=asked).question == asked


@pytest.mark.parametrize("question", ["", " ", "\r\n\t", "\u00a0\u2003"])
def test_an_empty_question(question: str) -> None:
    with pytest.raises(ValidationError, match="the question is empty"):
        Question(question=question)


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("question", "x" * MAX_QUESTION_LENGTH, "x" * (MAX_QUESTION_LENGTH + 1)),
        ("question", "x", "x\ud800"),
        ("question", "x", None),
        ("question", "x", 5),
        ("answers", 1, 0),
        ("answers", MAX_ANSWERS, MAX_ANSWERS + 1),
        ("answers", 2, 2.5),
        ("answers", 2.0, "2"),
        ("passages", 20.0, True),
        ("threshold", 1, True),
        ("passages", 1, 0),
        ("passages", MAX_PASSAGES, MAX_PASSAGES + 1),
        ("threshold", 0.0, -0.01),
        ("threshold", 1.0, 1.01),
        ("threshold", None, math.nan),
        ("candidates", True, "perhaps"),
        ("candidates", False, 0),
        ("explain", True, "yes"),
        ("filters", {"uri_prefix": "file:///a"}, {"uri": "file:///a"}),
        ("filters", {"uri_prefix": "x" * 2000}, {"uri_prefix": "x" * 2001}),
        ("filters", {"document_ids": ["a"] * 1000}, {"document_ids": ["a"] * 1001}),
        ("filters", {"document_ids": ["a"]}, {"document_ids": "a"}),
    ],
)
def test_the_limits(field: str, good: object, bad: object) -> None:
    base: dict[str, object] = {"question": "Who?"}
    Question.model_validate(base | {field: good})
    with pytest.raises(ValidationError) as raised:
        Question.model_validate(base | {field: bad})
    assert raised.value.errors()[0]["loc"][0] == field


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(ValidationError, match="treshold"):
        Question.model_validate({"question": "Who?", "treshold": 0.5})


def test_a_question_cannot_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Question(question="Who?").answers = 2  # type: ignore[misc]
