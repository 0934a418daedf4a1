"""BM25 in memory, against the formula written out and by properties."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.retrieval.bm25 import K1, B, Bm25

TEXTS = ["the harbour opened", "harbour harbour dues are paid at the harbour office", "snow", ""]


def test_the_formula() -> None:
    lengths = [2, 6, 1, 0]  # without stop words: harbour open; harbour harbour due paid harbour offic; snow
    mean = sum(lengths) / 4
    rarity = math.log(1 + (4 - 2 + 0.5) / (2 + 0.5))
    expected = [
        rarity * count * (K1 + 1) / (count + K1 * (1 - B + B * length / mean))
        for count, length in zip([1, 3, 0, 0], lengths, strict=True)
    ]
    assert Bm25(TEXTS).scores("Harbours?").tolist() == pytest.approx(expected)


def test_best_first_and_equal_ones_in_order() -> None:
    ranking = Bm25(TEXTS)
    assert ranking.best("Who pays the dues?") == [1, 0, 2, 3]
    assert ranking.best("snow", 1) == [2]
    assert ranking.best("nothing of it") == [0, 1, 2, 3]
    assert ranking.best("snow snow") == ranking.best("snow")


def test_nothing_to_rank() -> None:
    assert Bm25([]).best("snow") == []


@given(st.lists(st.text(max_size=30), max_size=6), st.text(max_size=30))
def test_every_text_is_ranked_once(texts: list[str], question: str) -> None:
    ranking = Bm25(texts)
    best = ranking.best(question)
    scores = ranking.scores(question)
    assert sorted(best) == list(range(len(texts)))
    assert [scores[number] for number in best] == sorted(scores, reverse=True)
    assert (scores >= 0).all()
