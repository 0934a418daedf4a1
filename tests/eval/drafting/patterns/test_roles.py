"""Roles before and behind names."""

from __future__ import annotations

import pytest
from drafted import proposed


@pytest.mark.parametrize(
    ("sentence", "question", "kind", "answer"),
    [
        (
            "Russian Defense Minister Sergei Shoigu expressed alarm.",
            "Who is the Russian Defense Minister?",
            "role",
            "Sergei Shoigu",
        ),
        (
            "Beijing welcomed the Taliban’s deputy head, Abdul Ghani, on Wednesday.",
            "Who is the Taliban’s deputy head?",
            "role",
            "Abdul Ghani",
        ),
        (
            "A political expert, Stanislav Pritchin, cautioned against it.",
            "Who is Stanislav Pritchin?",
            "role",
            "A political expert",
        ),
        (
            "Jean Meda, the president of the Press Club of Lindal, agreed.",
            "Who is the president of the Press Club of Lindal?",
            "role",
            "Jean Meda",
        ),
    ],
)
def test_what_is_asked(sentence: str, question: str, kind: str, answer: str) -> None:
    assert proposed(sentence)[question] == (kind, answer)


@pytest.mark.parametrize(
    "sentence",
    [
        "Prime Minister Lord Salisbury travelled to London.",
    ],
)
def test_what_does_not_fit_is_not_asked(sentence: str) -> None:
    assert {"role"}.isdisjoint(kind for kind, _ in proposed(sentence).values())
