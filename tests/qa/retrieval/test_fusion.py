"""Fusing scores of two lists, by hand."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.retrieval.fusion import Fused, FusionWeights, fuse


def test_shares_of_the_best_scores_add_up() -> None:
    hits = fuse([(7, 0.5), (3, 0.375)], [(3, 12.0), (5, 3.0)])
    assert hits == [
        Fused(3, 0.75 + 1.0, 2, 0.375, 1, 12.0),
        Fused(7, 1.0 + 0.25, 1, 0.5, None, None),
        Fused(5, 0.75 + 0.25, None, None, 2, 3.0),
    ]


def test_how_much_better_a_hit_is_counts() -> None:
    """By ranks, 1 and 2 would be equal in both."""
    assert [hit.passage_id for hit in fuse([(1, 0.9), (2, 0.85)], [(2, 30.0), (1, 9.0)])] == [2, 1]
    assert [hit.passage_id for hit in fuse([(1, 0.9), (2, 0.3)], [(2, 30.0), (1, 29.0)])] == [1, 2]


def test_the_unit_of_either_score_does_not_count() -> None:
    dense, lexical = [(1, 0.9), (2, 0.5), (3, 0.4)], [(3, 20.0), (2, 15.0), (4, 1.0)]
    once = fuse(dense, lexical)
    again = fuse([(number, score / 4) for number, score in dense], [(number, score * 8) for number, score in lexical])
    assert [(hit.passage_id, hit.score) for hit in again] == [(hit.passage_id, hit.score) for hit in once]


def test_a_passage_without_a_word_of_the_question_gets_nothing_for_words() -> None:
    """The lexical list is the shorter one: it ended by itself and was not cut off."""
    hits = fuse([(1, 0.8), (2, 0.6), (3, 0.4)], [(3, 12.0), (2, 6.0)])
    assert [(hit.passage_id, hit.score) for hit in hits] == [(3, 1.5), (2, 1.25), (1, 1.0)]


def test_ties_go_to_the_better_by_words_whatever_the_ids() -> None:
    assert [hit.passage_id for hit in fuse([(1, 1.0), (2, 0.5)], [(2, 1.0), (1, 0.5)])] == [2, 1]
    assert [hit.passage_id for hit in fuse([(2, 1.0), (1, 0.5)], [(1, 1.0), (2, 0.5)])] == [1, 2]
    assert [hit.passage_id for hit in fuse([(3, 1.0)], [(9, 1.0)])] == [9, 3]
    assert [hit.passage_id for hit in fuse([(9, 1.0), (2, 0.5)], [(4, 1.0), (1, 0.5)])] == [4, 9, 1, 2]


def test_absent_lists() -> None:
    assert fuse([], []) == []
    assert [hit.passage_id for hit in fuse([(8, 1.0), (1, 0.1)], [])] == [8, 1]
    assert fuse([], [(8, 3.0)]) == [Fused(8, 1.0, lexical_rank=1, lexical_score=3.0)]


@pytest.mark.parametrize("best", [0.0, -0.25])
def test_vectors_of_which_none_is_near_keep_their_order(best: float) -> None:
    hits = fuse([(1, best), (2, best - 0.5), (3, best - 0.625)], [])
    assert [(hit.passage_id, hit.score) for hit in hits] == [(1, best), (2, best - 0.5), (3, best - 0.625)]


def test_weights() -> None:
    (only,) = fuse([(1, 0.5)], [(1, 2.0)], FusionWeights(dense=2.0, lexical=0.5))
    assert only.score == pytest.approx(2.5)


def test_a_list_of_weight_zero_does_not_order() -> None:
    hits = fuse([(1, 0.9), (2, 0.8)], [(3, 9.0)], FusionWeights(lexical=0.0))
    assert [hit.passage_id for hit in hits] == [1, 3, 2]
    assert hits[0].score == 1.0


SCORES = st.dictionaries(st.integers(0, 30), st.floats(-1, 40, allow_subnormal=False), max_size=20)


def _list(scores: dict[int, float]) -> list[tuple[int, float]]:
    return sorted(scores.items(), key=lambda hit: (-hit[1], hit[0]))


@given(SCORES, SCORES)
def test_every_passage_once_best_first(of_dense: dict[int, float], of_lexical: dict[int, float]) -> None:
    dense, lexical = _list(of_dense), _list({number: abs(score) for number, score in of_lexical.items()})
    hits = fuse(dense, lexical)
    assert sorted(hit.passage_id for hit in hits) == sorted({*of_dense, *of_lexical})
    assert all(a.score >= b.score for a, b in itertools.pairwise(hits))
    for hit in hits:
        place = [number for number, _ in dense].index(hit.passage_id) + 1 if hit.passage_id in of_dense else None
        assert (hit.dense_rank, hit.dense_score) == (place, of_dense.get(hit.passage_id))
    # Whoever is better in both lists comes first.
    better = {hit.passage_id: (hit.dense_score, hit.lexical_score) for hit in hits}
    order = [hit.passage_id for hit in hits]
    for one, two in itertools.combinations(order, 2):
        (a, b), (c, d) = better[one], better[two]
        if None not in (a, b, c, d):
            assert not (c > a and d > b)  # type: ignore[operator]
