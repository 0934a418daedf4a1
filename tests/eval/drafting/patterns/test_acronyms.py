"""Acronyms in brackets behind their words."""

from __future__ import annotations

import pytest
from drafted import proposed


@pytest.mark.parametrize(
    ("sentence", "question", "kind", "answer"),
    [
        (
            "The International Monetary Fund (IMF) gave a loan.",
            "What does IMF stand for?",
            "acronym",
            "International Monetary Fund",
        ),
    ],
)
def test_what_is_asked(sentence: str, question: str, kind: str, answer: str) -> None:
    assert proposed(sentence)[question] == (kind, answer)


@pytest.mark.parametrize(
    "sentence",
    [
        "The International Monetary Fund (ABC) gave a loan to the bank.",
    ],
)
def test_what_does_not_fit_is_not_asked(sentence: str) -> None:
    assert {"acronym"}.isdisjoint(kind for kind, _ in proposed(sentence).values())
