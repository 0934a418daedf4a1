"""Numbers, and the things that they count."""

from __future__ import annotations

import pytest
from drafted import proposed


@pytest.mark.parametrize(
    ("sentence", "question", "kind", "answer"),
    [
        (
            "The drills in the Ningxia Region will involve some 10,000 troops with aircraft, artillery and tanks.",
            "How many troops will the drills in the Ningxia Region involve?",
            "how many",
            "10,000",
        ),
        (
            "McCadden Productions employed more than 300 people at its peak.",
            "How many people did McCadden Productions employ at its peak?",
            "how many",
            "300",
        ),
    ],
)
def test_what_is_asked(sentence: str, question: str, kind: str, answer: str) -> None:
    assert proposed(sentence)[question] == (kind, answer)


@pytest.mark.parametrize(
    "sentence",
    [
        "The Battle of Lindal was fought near the river and 1,200 soldiers died.",
        "The Lindal Bank employed many people at its peak.",
    ],
)
def test_what_does_not_fit_is_not_asked(sentence: str) -> None:
    assert {"how many"}.isdisjoint(kind for kind, _ in proposed(sentence).values())
