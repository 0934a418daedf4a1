"""What a question asks for, by its words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.gold.question_types import QUESTION_TYPES, question_type


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Who wrote the notes?", "who"),
        ("Whose engine was it?", "who"),
        ("In what year did it end?", "when"),
        ("which month was it", "when"),
        ("Until when will it go on?", "when"),
        ("Where is the harbour?", "where"),
        ("Why was it closed?", "why"),
        ("For what reason was it closed?", "why"),
        ("How many troops came?", "how many"),
        ("How long is the border?", "how many"),
        ("What percentage of it is water?", "how many"),
        ("How was it done?", "how"),
        ("Which port was closed?", "which"),
        ("What is the capital?", "what"),
        ("The capital is called what?", "what"),
        ("Was the lease renewed?", "yes or no"),
        ("Name the author.", "other"),
        ("WHO WROTE IT", "who"),
        ("Somewhere in the wholesale market", "other"),
    ],
)
def test_types(question: str, expected: str) -> None:
    assert question_type(question) == expected


@given(st.text())
def test_anything_has_a_type(text: str) -> None:
    assert question_type(text) in QUESTION_TYPES
