"""What every vector index must do, and what one on disk must survive."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from index.errors import StoreError
from index.vectors import FaissVectorIndex, VectorIndex

X, Y, Z = np.eye(3, dtype=np.float32)
Open = Callable[[], VectorIndex]


def ids(*values: int) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


def found(index: VectorIndex, vector: NDArray[np.float32], k: int = 10, *allowed: int) -> list[int]:
    return [hit for hit, _ in index.search(vector, k, ids(*allowed) if allowed else None)]


@pytest.fixture(params=["memory", "disk"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> VectorIndex:
    return FaissVectorIndex(tmp_path / "a" / "v" if request.param == "disk" else None, 3)


class TestEveryBackend:
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
        assert sorted(found(index, X, 99)) == [1, 2]
        assert index.search(X, 0) == []

    def test_adding_replaces(self, index: VectorIndex) -> None:
        index.add(ids(1, 2), np.stack([X, Y]))
        index.add(ids(2, 1), np.stack([X, Z]))
        assert len(index) == 2
        assert found(index, X, 1) == [2]
        assert index.similarities(Z, [1, 2]) == [1, 0]

    def test_adding_none(self, index: VectorIndex) -> None:
        index.add(ids(), np.zeros((0, 3), dtype=np.float32))
        assert len(index) == 0

    def test_removed_is_not_found(self, index: VectorIndex) -> None:
        index.add(ids(1, 2), np.stack([X, Y]))
        index.remove([1, 77])
        assert found(index, X) == [2]
        assert index.similarities(X, [1]) == [None]
        index.add(ids(1), X[None])
        assert found(index, X, 1) == [1]

    def test_only_allowed_are_found(self, index: VectorIndex) -> None:
        index.add(ids(*range(100)), np.stack([X * (100 - n) / 100 for n in range(100)]))
        assert found(index, X, 2, 60, 50, 70, 999) == [50, 60]
        assert found(index, X, 9, 999) == []
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
        assert found(index, X) == [2**40]


@pytest.fixture
def reopen(tmp_path: Path) -> Open:
    return lambda: FaissVectorIndex(tmp_path, 3)


def filled(reopen: Open) -> VectorIndex:
    index = reopen()
    index.add(ids(1, 2), np.stack([X, Y]))
    index.commit(7)
    return index


class TestOnDisk:
    def test_what_was_committed_is_there_again(self, reopen: Open) -> None:
        filled(reopen).remove([1])
        again = reopen()
        assert (again.generation, found(again, X)) == (7, [1, 2]), "the removal was not committed"
        again.remove([1])
        again.commit(8)
        assert (reopen().generation, found(reopen(), X)) == (8, [2])

    def test_one_file_is_kept(self, reopen: Open, tmp_path: Path) -> None:
        index = filled(reopen)
        for generation in (8, 9, 9):
            index.commit(generation)
        assert len(list(tmp_path.iterdir())) == 1

    def test_other_dimensions_are_not_taken(self, reopen: Open, tmp_path: Path) -> None:
        filled(reopen)
        other = FaissVectorIndex(tmp_path, 5)
        assert (other.generation, len(other)) == (0, 0)

    def test_an_interrupted_commit_leaves_the_one_before(
        self, reopen: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        index = filled(reopen)
        index.add(ids(3), Z[None])

        def crash(*_: object) -> None:
            raise OSError("disk full")

        with monkeypatch.context() as patch, pytest.raises(StoreError, match="disk full"):
            patch.setattr("index.vectors.os.replace", crash)
            index.commit(8)
        again = reopen()
        assert (again.generation, sorted(found(again, X))) == (7, [1, 2])

    def test_damage_anywhere_is_noticed(self, reopen: Open, tmp_path: Path) -> None:
        filled(reopen)
        (file,) = tmp_path.glob("*.faiss")
        sound = file.read_bytes()
        damaged = [sound[:cut] for cut in range(0, len(sound), 5)]
        damaged += [sound[:n] + bytes([sound[n] ^ 1]) + sound[n + 1 :] for n in range(len(sound))]
        for content in [*damaged, b"nonsense" * 100, sound + b"\0"]:
            file.write_bytes(content)
            index = reopen()
            assert (index.generation, len(index), index.search(X, 3)) == (0, 0, [])
        file.write_bytes(sound)
        assert reopen().generation == 7

    @pytest.mark.parametrize("name", ["nonsense.faiss", "000000000009.faiss", "000000000009-zzzzzzzz.faiss"])
    def test_foreign_files_are_not_taken(self, reopen: Open, tmp_path: Path, name: str) -> None:
        filled(reopen)
        (file,) = tmp_path.glob("*.faiss")
        (tmp_path / name).write_bytes(file.read_bytes())
        (tmp_path / "000000000010-00000000.faiss").mkdir()
        assert reopen().generation == 7

    def test_it_is_filled_again_after_damage(self, reopen: Open, tmp_path: Path) -> None:
        filled(reopen)
        for file in tmp_path.glob("*.faiss"):
            file.write_bytes(b"")
        filled(reopen)
        assert (reopen().generation, found(reopen(), X, 1)) == (7, [1])

    def test_a_folder_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(StoreError, match="cannot be written"):
            FaissVectorIndex(tmp_path / "file" / "v", 3).commit(1)
