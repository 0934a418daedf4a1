"""Dates of birth and death in brackets behind a name."""

from __future__ import annotations

import pytest
from drafted import proposed


@pytest.mark.parametrize(
    ("sentence", "question", "kind", "answer"),
    [
        (
            "Ada Lovelace (10 December 1815 – 27 November 1852) was a mathematician.",
            "When was Ada Lovelace born?",
            "born",
            "10 December 1815",
        ),
        (
            "Ada Lovelace (10 December 1815 – 27 November 1852) was a mathematician.",
            "When did Ada Lovelace die?",
            "died",
            "27 November 1852",
        ),
    ],
)
def test_what_is_asked(sentence: str, question: str, kind: str, answer: str) -> None:
    assert proposed(sentence)[question] == (kind, answer)


@pytest.mark.parametrize(
    "sentence",
    [
        "The Lindal Republic (1815 – 1852) was a small state by the sea.",
    ],
)
def test_what_does_not_fit_is_not_asked(sentence: str) -> None:
    assert {"born", "died"}.isdisjoint(kind for kind, _ in proposed(sentence).values())
