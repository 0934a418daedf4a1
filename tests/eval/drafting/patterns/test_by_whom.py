"""Agents of passive sentences."""

from __future__ import annotations

import pytest
from drafted import proposed


@pytest.mark.parametrize(
    ("sentence", "question", "kind", "answer"),
    [
        (
            "The novel Moby-Dick was written by Herman Melville in 1851.",
            "Who wrote the novel Moby-Dick?",
            "by whom",
            "Herman Melville",
        ),
    ],
)
def test_what_is_asked(sentence: str, question: str, kind: str, answer: str) -> None:
    assert proposed(sentence)[question] == (kind, answer)


@pytest.mark.parametrize(
    "sentence",
    [
        "The novel Moby-Dick was written by the sea in a summer.",
    ],
)
def test_what_does_not_fit_is_not_asked(sentence: str) -> None:
    assert {"by whom"}.isdisjoint(kind for kind, _ in proposed(sentence).values())
