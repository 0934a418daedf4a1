"""Vectors in FAISS: the contract of every vector index, and what one on disk must survive."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from contracts.vectors import VectorIndexContract, X, Y, Z, ids, ranked
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from index.errors import StoreError
from index.search.faiss import FaissVectorIndex
from index.search.protocol import VectorIndex

Open = Callable[[], VectorIndex]


class TestInMemory(VectorIndexContract):
    @pytest.fixture
    def index(self) -> VectorIndex:
        return FaissVectorIndex(None, 3)


class TestInAFolder(VectorIndexContract):
    @pytest.fixture
    def index(self, tmp_path: Path) -> VectorIndex:
        return FaissVectorIndex(tmp_path / "a" / "v", 3)


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
        assert (again.generation, ranked(again, X)) == (7, [1, 2]), "the removal was not committed"
        again.remove([1])
        again.commit(8)
        assert (reopen().generation, ranked(reopen(), X)) == (8, [2])

    def test_old_files_go(self, reopen: Open, tmp_path: Path) -> None:
        index = filled(reopen)
        for generation in (8, 9, 9):
            index.commit(generation)
        assert len(list(tmp_path.glob("*.manifest"))) == 1
        for n in range(50):
            index.add(ids(n), X[None])
            index.commit(10 + n)
        assert len(list(tmp_path.iterdir())) < 30
        assert len(reopen()) == 50

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
            patch.setattr("index.search.faiss.os.replace", crash)
            index.commit(8)
        again = reopen()
        assert (again.generation, sorted(ranked(again, X))) == (7, [1, 2])

    def test_damage_anywhere_is_noticed(self, reopen: Open, tmp_path: Path) -> None:
        index = filled(reopen)
        index.add(ids(3, 4, 5), np.stack([Z, Z, Z]))
        index.commit(8)
        index.remove([5])
        index.commit(9)
        suffixes = set()
        for file in list(tmp_path.iterdir()):
            suffixes.add(file.suffix)
            sound = file.read_bytes()
            damaged = [sound[:cut] for cut in range(0, len(sound), 5)]
            damaged += [sound[:n] + bytes([sound[n] ^ 1]) + sound[n + 1 :] for n in range(len(sound))]
            for content in [*damaged, b"nonsense" * 100, sound + b"\0"]:
                file.write_bytes(content)
                index = reopen()
                assert (index.generation, len(index), index.search(X, 3)) == (0, 0, []), file
            file.unlink()
            assert reopen().generation == 0
            file.write_bytes(sound)
        assert suffixes == {".ids", ".vectors", ".dead", ".manifest"}
        assert (reopen().generation, len(reopen()), ranked(reopen(), X, 1)) == (9, 4, [1])

    def test_a_file_that_only_looks_unchanged_is_found_by_reading_it(self, reopen: Open, tmp_path: Path) -> None:
        filled(reopen)
        (file,) = tmp_path.glob("*.vectors")
        old = time.time() - 60
        os.utime(file, (old, old))
        index = FaissVectorIndex(tmp_path, 3)
        index.commit(8)
        assert index.damage() == []
        with file.open("r+b") as opened:
            opened.seek(-1, os.SEEK_END)
            opened.write(b"\xff")
        os.utime(file, (old, old))
        assert [path.name for path in FaissVectorIndex(tmp_path, 3).damage()] == [file.name]

    @pytest.mark.parametrize("name", ["nonsense.manifest", "000000000009.manifest", "000000000009-zzzzzzzz.manifest"])
    def test_foreign_files_are_not_taken(self, reopen: Open, tmp_path: Path, name: str) -> None:
        filled(reopen)
        (file,) = tmp_path.glob("*.manifest")
        (tmp_path / name).write_bytes(file.read_bytes())
        (tmp_path / "000000000010-00000000.manifest").mkdir()
        assert reopen().generation == 7

    def test_it_is_filled_again_after_damage(self, reopen: Open, tmp_path: Path) -> None:
        filled(reopen)
        for file in tmp_path.glob("*.vectors"):
            file.write_bytes(b"")
        filled(reopen)
        assert (reopen().generation, ranked(reopen(), X, 1)) == (7, [1])

    def test_an_open_index_keeps_its_view_while_another_writes(self, reopen: Open) -> None:
        reader = filled(reopen)
        writer = reopen()
        writer.remove([1])
        writer.add(ids(9), X[None])
        writer.commit(8)
        assert (ranked(reader, X), reader.similarities(X, [1, 9])) == ([1, 2], [1, None])

    def test_a_folder_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(StoreError, match="cannot be written"):
            FaissVectorIndex(tmp_path / "file" / "v", 3).commit(1)


D = 16


def unit(random: np.random.Generator, rows: int) -> NDArray[np.float32]:
    vectors = random.standard_normal((rows, D)).astype(np.float32)
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def exact(model: dict[int, NDArray[np.float32]], query: NDArray[np.float32], k: int) -> list[tuple[int, float]]:
    scored = [(i, float(vector @ query)) for i, vector in model.items()]
    return sorted(scored, key=lambda hit: (-hit[1], hit[0]))[:k]


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments become inverted files, and memory is spilled, at sizes that a test can make."""
    monkeypatch.setattr("index.search.segments.FLAT_ROWS", 40)
    monkeypatch.setattr("index.search.faiss.FLAT_ROWS", 40)
    monkeypatch.setattr("index.search.faiss.SPILLED_ROWS", 25)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(st.integers(0, 120), min_size=1, max_size=60)),
        st.tuples(st.just("remove"), st.lists(st.integers(0, 120), max_size=40)),
        st.tuples(st.sampled_from(["commit", "reopen", "search"]), st.just([])),
    ),
    max_size=25,
)


@pytest.mark.usefixtures("small_limits")
class TestSegments:
    @pytest.mark.slow
    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(steps=STEPS, seed=st.integers(0, 2**32 - 1))
    def test_any_history_is_as_an_exact_model(
        self, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, list[int]]], seed: int
    ) -> None:
        folder = tmp_path_factory.mktemp("v")
        random = np.random.default_rng(seed)
        index: VectorIndex = FaissVectorIndex(folder, D)
        model: dict[int, NDArray[np.float32]] = {}
        committed = dict(model)
        generation = 0
        for step, numbers in [*steps, ("search", []), ("commit", []), ("reopen", []), ("search", [])]:
            if step == "add":
                vectors = unit(random, len(numbers))
                index.add(ids(*numbers), vectors)
                model.update(zip(numbers, vectors, strict=True))
            elif step == "remove":
                index.remove(numbers)
                for number in numbers:
                    model.pop(number, None)
            elif step == "commit":
                generation += 1
                index.commit(generation)
                committed = dict(model)
            elif step == "reopen":
                index, model = FaissVectorIndex(folder, D), dict(committed)
                assert index.generation == generation
            query = unit(random, 1)[0]
            assert len(index) == len(model)
            for k in (1, 5, 200):
                hits = index.search(query, k)
                assert [s for _, s in hits] == pytest.approx([s for _, s in exact(model, query, k)], abs=1e-5)
                assert {i for i, _ in hits} <= model.keys()
            allowed = random.choice(121, 30, replace=False).astype(np.int64)
            among = {i: v for i, v in model.items() if i in allowed}
            hits = index.search(query, 10, allowed)
            assert [s for _, s in hits] == pytest.approx([s for _, s in exact(among, query, 10)], abs=1e-5)
            asked = list(range(0, 130, 3))
            expected = [float(model[i] @ query) if i in model else None for i in asked]
            for given_value, value in zip(index.similarities(query, asked), expected, strict=True):
                assert given_value == (None if value is None else pytest.approx(value, abs=1e-5))

    @pytest.mark.slow
    def test_large_segments_are_inverted_files_and_nearly_exact(self, tmp_path: Path) -> None:
        random = np.random.default_rng(3)
        centres = unit(random, 40)
        vectors = centres[random.integers(0, 40, 4000)] + 0.3 * unit(random, 4000)
        index = FaissVectorIndex(tmp_path, D)
        for begin in range(0, 4000, 500):
            index.add(np.arange(begin, begin + 500), vectors[begin : begin + 500])
        index.commit(1)
        assert len(list(tmp_path.glob("*.ivf"))) == 1
        index.remove(list(range(0, 4000, 7)))
        index.commit(2)
        again = FaissVectorIndex(tmp_path, D)
        model = {n: vectors[n] for n in range(4000) if n % 7}
        agreed = 0
        for query in unit(random, 50):
            hits = again.search(query, 10)
            agreed += len({i for i, _ in hits} & {i for i, _ in exact(model, query, 10)})
            assert all(score == pytest.approx(float(model[i] @ query), abs=1e-5) for i, score in hits)
        assert agreed >= 0.95 * 500

    def test_a_filter_is_exact_whatever_the_segments(self, tmp_path: Path) -> None:
        random = np.random.default_rng(4)
        vectors = unit(random, 3000)
        index = FaissVectorIndex(tmp_path, D)
        index.add(np.arange(3000), vectors)
        index.commit(1)
        for size in (5, 200, 2900):
            allowed = random.choice(3000, size, replace=False)
            model = {int(n): vectors[n] for n in allowed}
            for query in unit(random, 10):
                hits = index.search(query, 10, allowed)
                assert [i for i, _ in hits] == [i for i, _ in exact(model, query, 10)]

    def test_a_tight_memory_budget_takes_fewer_bits(self, tmp_path: Path) -> None:
        vectors = unit(np.random.default_rng(5), 3000)
        sizes = []
        for name, budget in (("plenty", 1 << 30), ("tight", 3000)):
            index = FaissVectorIndex(tmp_path / name, D, memory_budget=budget)
            index.add(np.arange(3000), vectors)
            index.commit(1)
            (file,) = (tmp_path / name).glob("*.ivf")
            sizes.append(file.stat().st_size)
            assert ranked(index, vectors[17], 1) == [17]
        assert sizes[0] - sizes[1] > 3000 * D / 3

    def test_a_new_passage_does_not_rewrite_the_rest(self, tmp_path: Path) -> None:
        vectors = unit(np.random.default_rng(6), 1001)
        index = FaissVectorIndex(tmp_path, D)
        index.add(np.arange(1000), vectors[:1000])
        index.commit(1)
        before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir() if path.suffix != ".manifest"}
        index.add(ids(1000), vectors[1000:])
        index.remove([3])
        index.commit(2)
        after = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
        assert before.items() <= after.items()
        assert sum(path.stat().st_size for path in tmp_path.iterdir() if path.name not in before) < 5000

    def test_dead_rows_are_cleared_away(self, tmp_path: Path) -> None:
        vectors = unit(np.random.default_rng(7), 1000)
        index = FaissVectorIndex(tmp_path, D)
        index.add(np.arange(1000), vectors)
        index.commit(1)
        index.remove(list(range(600)))
        index.commit(2)
        (file,) = tmp_path.glob("*.vectors")
        assert file.stat().st_size == 400 * 4 * D
        assert (len(reopened := FaissVectorIndex(tmp_path, D)), ranked(reopened, vectors[700], 1)) == (400, [700])

    def test_damage_to_an_inverted_file_is_noticed(self, tmp_path: Path) -> None:
        vectors = unit(np.random.default_rng(8), 300)
        index = FaissVectorIndex(tmp_path, D)
        index.add(np.arange(300), vectors)
        index.commit(1)
        (file,) = tmp_path.glob("*.ivf")
        sound = file.read_bytes()
        for at in range(0, len(sound), 97):
            file.write_bytes(sound[:at] + b"\xff\xfe\xfd" + sound[at + 3 :])
            assert FaissVectorIndex(tmp_path, D).generation == 0
        file.write_bytes(sound)
        assert ranked(FaissVectorIndex(tmp_path, D), vectors[7], 1) == [7]
