"""What every vector index must do."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from index.search.protocol import VectorIndex

X, Y, Z = np.eye(3, dtype=np.float32)


def ids(*values: int) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


def ranked(index: VectorIndex, vector: NDArray[np.float32], k: int = 10, *allowed: int) -> list[int]:
    return [hit for hit, _ in index.search(vector, k, ids(*allowed) if allowed else None)]


class VectorIndexContract:
    """What every vector index must do. `index` is an empty one of three dimensions."""

    @pytest.fixture
    def index(self) -> Iterator[VectorIndex]:
        raise NotImplementedError

    def test_empty(self, index: VectorIndex) -> None:
        assert (len(index), index.generation) == (0, 0)
        assert index.search(X, 5) == []
        assert index.similarities(X, [1]) == [None]
        index.remove([])
        index.remove([1])

    def test_best_first_with_inner_products(self, index: VectorIndex) -> None:
        index.add(ids(30, 10, 20), np.stack([Z, X, 0.6 * X + 0.8 * Y]))
        hits = index.search(X, 2)
        assert [i for i, _ in hits] == [10, 20]
        assert [s for _, s in hits] == pytest.approx([1, 0.6])
        assert index.similarities(X, [20, 7, 10]) == [pytest.approx(0.6), None, pytest.approx(1)]

    def test_k_larger_than_the_index_and_none_at_all(self, index: VectorIndex) -> None:
        index.add(ids(1, 2), np.stack([X, Y]))
        assert sorted(ranked(index, X, 99)) == [1, 2]
        assert index.search(X, 0) == []

    def test_adding_replaces(self, index: VectorIndex) -> None:
        index.add(ids(1, 2), np.stack([X, Y]))
        index.add(ids(2, 1), np.stack([X, Z]))
        assert len(index) == 2
        assert ranked(index, X, 1) == [2]
        assert index.similarities(Z, [1, 2]) == [1, 0]

    def test_adding_none(self, index: VectorIndex) -> None:
        index.add(ids(), np.zeros((0, 3), dtype=np.float32))
        assert len(index) == 0

    def test_removed_is_not_found(self, index: VectorIndex) -> None:
        index.add(ids(1, 2), np.stack([X, Y]))
        index.remove([1, 77])
        assert ranked(index, X) == [2]
        assert index.similarities(X, [1]) == [None]
        index.add(ids(1), X[None])
        assert ranked(index, X, 1) == [1]

    def test_only_allowed_are_found(self, index: VectorIndex) -> None:
        index.add(ids(*range(100)), np.stack([X * (100 - n) / 100 for n in range(100)]))
        assert ranked(index, X, 2, 60, 50, 70, 999) == [50, 60]
        assert ranked(index, X, 9, 999) == []
        assert index.search(X, 9, ids()) == []

    def test_vectors_that_do_not_fit_are_refused(self, index: VectorIndex) -> None:
        for shape in ((1, 4), (2, 3)):
            with pytest.raises(ValueError, match="do not fit"):
                index.add(ids(1), np.zeros(shape, dtype=np.float32))

    def test_commit_sets_the_generation(self, index: VectorIndex) -> None:
        index.commit(4)
        assert index.generation == 4

    def test_64_bit_ids(self, index: VectorIndex) -> None:
        index.add(ids(2**40), X[None])
        assert ranked(index, X) == [2**40]
