"""What is known of a question, for the stages that it is passed to."""

from __future__ import annotations

import pytest

from index.selection import Selection
from qa.asking.asked import Asked
from qa.types import Filters, Question


def asked(text: str = "When did it open?", **fields: object) -> Asked:
    return Asked(Question.model_validate({"question": text} | fields))


@pytest.mark.parametrize(
    ("text", "answers", "polar", "wants_list"),
    [
        ("When did it open?", None, False, False),
        ("Did it open?", None, True, False),
        ("Did it open?", 5, True, False),
        ("Which ships are named?", None, False, True),
        ("Which ships are named?", 5, False, True),
        # Whoever wants one answer alone gets the whole enumeration, not its first item.
        ("Which ships are named?", 1, False, False),
    ],
)
def test_the_form_of_the_answer(text: str, answers: int | None, polar: bool, wants_list: bool) -> None:
    question = asked(text, answers=answers)
    assert (question.is_polar, question.wants_list) == (polar, wants_list)


def test_filters_as_the_catalogue_takes_them() -> None:
    assert asked().selection == Selection() and not asked().is_filtered
    filtered = asked(filters={"tags": ["a"], "date_from": "2026-08"})
    assert filtered.is_filtered
    assert filtered.selection == Filters(tags=("a",), date_from="2026-08").selection()
