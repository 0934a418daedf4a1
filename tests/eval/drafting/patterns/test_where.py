"""Places of what was born, held, founded or built."""

from __future__ import annotations

import pytest
from drafted import proposed


@pytest.mark.parametrize(
    ("sentence", "question", "kind", "answer"),
    [
        ("Frederic Chopin was born in Warsaw, and played early.", "Where was Frederic Chopin born?", "where", "Warsaw"),
    ],
)
def test_what_is_asked(sentence: str, question: str, kind: str, answer: str) -> None:
    assert proposed(sentence)[question] == (kind, answer)


@pytest.mark.parametrize(
    "sentence",
    [
        "Chopin was born in Żelazowa Wola, Poland, to a French father.",
        "Frederic Chopin was admired in Warsaw by many people.",
    ],
)
def test_what_does_not_fit_is_not_asked(sentence: str) -> None:
    assert {"where"}.isdisjoint(kind for kind, _ in proposed(sentence).values())
