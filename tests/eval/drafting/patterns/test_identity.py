"""What a named subject is said to be."""

from __future__ import annotations

import pytest
from drafted import proposed


@pytest.mark.parametrize(
    ("sentence", "question", "kind", "answer"),
    [
        ("Harare is the capital of Zimbabwe.", "What is the capital of Zimbabwe?", "identity", "Harare"),
        (
            "Mary Hill was the first president of the Lindal Bank.",
            "Who was the first president of the Lindal Bank?",
            "identity",
            "Mary Hill",
        ),
    ],
)
def test_what_is_asked(sentence: str, question: str, kind: str, answer: str) -> None:
    assert proposed(sentence)[question] == (kind, answer)


@pytest.mark.parametrize(
    "sentence",
    [
        "Harare is the capital, and has many quiet streets.",
    ],
)
def test_what_does_not_fit_is_not_asked(sentence: str) -> None:
    assert {"identity"}.isdisjoint(kind for kind, _ in proposed(sentence).values())
