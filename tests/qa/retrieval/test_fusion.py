"""Reciprocal rank fusion, by hand."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.retrieval.fusion import Fused, FusionWeights, fuse


def test_both_lists_add_up() -> None:
    found = fuse([(7, 0.9), (3, 0.8)], [(3, 12.0), (5, 4.0)])
    assert found == [
        Fused(3, 1 / 62 + 1 / 61, 2, 0.8, 1, 12.0),
        Fused(7, 1 / 61, 1, 0.9, None, None),
        Fused(5, 1 / 62, None, None, 2, 4.0),
    ]


def test_ties_go_to_the_better_by_words_whatever_the_ids() -> None:
    assert [hit.passage_id for hit in fuse([(1, 1.0), (2, 0.5)], [(2, 1.0), (1, 0.5)])] == [2, 1]
    assert [hit.passage_id for hit in fuse([(2, 1.0), (1, 0.5)], [(1, 1.0), (2, 0.5)])] == [1, 2]
    assert [hit.passage_id for hit in fuse([(3, 1.0)], [(9, 1.0)])] == [9, 3]
    assert [hit.passage_id for hit in fuse([(9, 1.0), (2, 0.5)], [(4, 1.0), (1, 0.5)])] == [4, 9, 1, 2]


def test_absent_lists() -> None:
    assert fuse([], []) == []
    assert [hit.passage_id for hit in fuse([(8, 1.0), (1, 0.1)], [])] == [8, 1]
    assert fuse([], [(8, 3.0)]) == [Fused(8, 1 / 61, lexical_rank=1, lexical_score=3.0)]


def test_weights_and_constant() -> None:
    (only,) = fuse([(1, 0.5)], [(1, 2.0)], FusionWeights(dense=2.0, lexical=0.5, constant=10))
    assert only.score == pytest.approx(2.0 / 11 + 0.5 / 11)


def test_a_list_of_weight_zero_does_not_order() -> None:
    found = fuse([(1, 0.9), (2, 0.8)], [(2, 9.0), (3, 8.0)], FusionWeights(lexical=0.0))
    assert [hit.passage_id for hit in found] == [1, 2, 3]
    assert found[-1].score == 0.0


IDS = st.lists(st.integers(0, 30), unique=True, max_size=20)


@given(IDS, IDS)
def test_every_passage_once_best_first(dense: list[int], lexical: list[int]) -> None:
    found = fuse([(i, 0.0) for i in dense], [(i, 0.0) for i in lexical])
    assert sorted(hit.passage_id for hit in found) == sorted({*dense, *lexical})
    assert all(a.score >= b.score for a, b in itertools.pairwise(found))
    for hit in found:
        assert hit.dense_rank == (dense.index(hit.passage_id) + 1 if hit.passage_id in dense else None)
        assert hit.lexical_rank == (lexical.index(hit.passage_id) + 1 if hit.passage_id in lexical else None)
