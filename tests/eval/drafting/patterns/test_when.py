"""Dates: which word is asked with, and what is no date of the sentence."""

from __future__ import annotations

import pytest
from drafted import proposed


@pytest.mark.parametrize(
    ("sentence", "question", "kind", "answer"),
    [
        (
            "The Sanborn Bridge in Lindal was opened on 4 May 1912 by King Erik, after long delays.",
            "When was the Sanborn Bridge in Lindal opened by King Erik?",
            "when",
            "4 May 1912",
        ),
        (
            "In 1947, Lindal University founded its school of medicine.",
            "In what year did Lindal University found its school of medicine?",
            "when",
            "1947",
        ),
        (
            "On July 22, Tajikistan held its largest drills since the war, involving around 100,000 servicemen.",
            "When did Tajikistan hold its largest drills since the war?",
            "when",
            "July 22",
        ),
        (
            "From August 9-14, Russia will also conduct its first joint drills with China.",
            "When will Russia conduct its first joint drills with China?",
            "when",
            "August 9-14",
        ),
        (
            "Blaise Compaoré ruled Burkina Faso until 2014 and then fled the country.",
            "Until when did Blaise Compaoré rule Burkina Faso?",
            "when",
            "2014",
        ),
    ],
)
def test_what_is_asked(sentence: str, question: str, kind: str, answer: str) -> None:
    assert proposed(sentence)[question] == (kind, answer)


@pytest.mark.parametrize(
    "sentence",
    [
        "Erik Moe said that the Lindal Bank was founded in 1912.",
        "The Lindal Bank was not founded in 1912.",
        "The Lindal Bank closed in 1912 cases out of 2000.",
    ],
)
def test_what_does_not_fit_is_not_asked(sentence: str) -> None:
    assert {"when"}.isdisjoint(kind for kind, _ in proposed(sentence).values())
