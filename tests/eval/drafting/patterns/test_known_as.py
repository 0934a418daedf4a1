"""Names that a sentence gives."""

from __future__ import annotations

import pytest
from drafted import proposed


@pytest.mark.parametrize(
    ("sentence", "question", "kind", "answer"),
    [
        (
            "The mountain near Lindal is known as the Giant’s Chair.",
            "What is the mountain near Lindal known as?",
            "name",
            "Giant’s Chair",
        ),
    ],
)
def test_what_is_asked(sentence: str, question: str, kind: str, answer: str) -> None:
    assert proposed(sentence)[question] == (kind, answer)


@pytest.mark.parametrize(
    "sentence",
    [
        "Nobody knew the mountain near Lindal by any other name.",
    ],
)
def test_what_does_not_fit_is_not_asked(sentence: str) -> None:
    assert {"name"}.isdisjoint(kind for kind, _ in proposed(sentence).values())
