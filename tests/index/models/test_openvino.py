"""Compiled models: batches, many threads at once, and the cache that may be damaged, missing or unwritable."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import ModelError
from index.models import bert_graph as bert
from index.models import openvino as compiled
from index.models.openvino import BATCH_TOKENS, KEPT, SUFFIX, TILE, CompiledModel, batches

pytestmark = pytest.mark.slow

MakeBert = Callable[..., Path]
SEQUENCES = [[101, *range(2000, 2000 + n), 102] for n in (3, 40, 1, 17, 3, 60, 9)]
STARTS = [2] * len(SEQUENCES)


@pytest.fixture(scope="module")
def folder(tiny_bert: MakeBert, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("model"), head=True)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(compiled.CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def load(folder: Path, *, exact: bool = True, sha256: str = "a" * 64, builds: list[int] | None = None) -> CompiledModel:
    def build() -> object:
        if builds is not None:
            builds.append(1)
        return bert.span_graph(folder)

    return compiled.load("span", sha256, build, pad=0, limit=64, exact=exact)


def logits(model: CompiledModel) -> list[tuple[np.ndarray, np.ndarray]]:
    found: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for numbers, (start, end) in model.run(SEQUENCES, STARTS):
        for row, number in enumerate(numbers):
            n = len(SEQUENCES[number])
            found[number] = (start[row, :n], end[row, :n])
    return [found[number] for number in range(len(SEQUENCES))]


def close(one: list[tuple[np.ndarray, np.ndarray]], other: list[tuple[np.ndarray, np.ndarray]]) -> bool:
    return all(np.allclose(a, b, atol=1e-4) for x, y in zip(one, other, strict=True) for a, b in zip(x, y, strict=True))


@pytest.mark.slow
@given(st.lists(st.integers(1, 300), max_size=60), st.sampled_from([64, 250, 512]))
def test_every_sequence_is_in_one_batch_of_bounded_size(lengths: list[int], limit: int) -> None:
    lengths = [min(length, limit) for length in lengths]
    cut = batches(lengths, limit)
    assert sorted(number for batch in cut for number in batch) == list(range(len(lengths)))
    for batch in cut:
        longest = max(lengths[number] for number in batch)
        assert len(batch) * longest <= BATCH_TOKENS or len(batch) == 1
        assert all(longest - lengths[number] < 2 * TILE for number in batch), "padding is waste"


def test_padding_and_company_change_nothing(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load(folder)
    together = logits(model)
    monkeypatch.setattr(compiled, "BATCH_TOKENS", 1)
    assert close(together, logits(model))


def test_token_types_count(folder: Path, cache: Path) -> None:
    model = load(folder)
    ((_, first),) = model.run([SEQUENCES[0]], [2])
    ((_, other),) = model.run([SEQUENCES[0]], [3])
    assert not np.allclose(first[0], other[0], atol=1e-3)


def test_threads_do_not_disturb_each_other(folder: Path, cache: Path) -> None:
    model = load(folder)
    expected = logits(model)
    wrong: list[object] = []

    def work() -> None:
        for _ in range(10):
            if not close(logits(model), expected):
                wrong.append(1)

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert not any(worker.is_alive() for worker in workers), "they wait for each other"
    assert wrong == []


def test_a_failed_pass_leaves_the_model_usable(folder: Path, cache: Path) -> None:
    model = load(folder)
    expected = logits(model)
    for _ in range(20):
        with pytest.raises(ModelError, match="OpenVINO failed while running a model"):
            # Beyond the model's positions.
            CompiledModel.run(_with_limit(model, 200), [[101] * 200, *SEQUENCES], [1, *STARTS])
    assert close(logits(model), expected)


def _with_limit(model: CompiledModel, limit: int) -> CompiledModel:
    wider = object.__new__(CompiledModel)
    wider.__dict__.update(model.__dict__ | {"_limit": limit})
    return wider


def test_compiled_once(folder: Path, cache: Path) -> None:
    builds: list[int] = []
    first = logits(load(folder, builds=builds))
    again = logits(load(folder, builds=builds))
    assert builds == [1]
    assert close(first, again)
    assert len(list(cache.glob(f"*{SUFFIX}"))) == len(list(cache.iterdir())) == 1


def test_other_weights_and_precisions_are_other_files(folder: Path, cache: Path) -> None:
    load(folder)
    load(folder, sha256="b" * 64)
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize("content", [b"", b"rubbish" * 1000, b"rubbish" + compiled._END])
def test_a_damaged_file_is_made_anew(folder: Path, cache: Path, content: bytes) -> None:
    expected = logits(load(folder))
    (file,) = cache.iterdir()
    file.write_bytes(content)
    builds: list[int] = []
    assert close(logits(load(folder, builds=builds)), expected)
    assert builds == [1]
    assert close(logits(load(folder, builds=builds)), expected)
    assert builds == [1], "it was mended"


def test_a_file_that_is_cut_short_is_made_anew(folder: Path, cache: Path) -> None:
    expected = logits(load(folder))
    (file,) = cache.iterdir()
    file.write_bytes(file.read_bytes()[:-1000])
    builds: list[int] = []
    assert close(logits(load(folder, builds=builds)), expected)
    assert builds == [1]


def test_an_unwritable_cache_is_done_without(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv(compiled.CACHE_VARIABLE, str(tmp_path / "file" / "cache"))
    assert len(logits(load(folder))) == len(SEQUENCES)


def test_the_cache_is_bounded(folder: Path, cache: Path) -> None:
    load(folder)
    (own,) = cache.iterdir()
    for number in range(KEPT + 3):
        old = cache / f"reader-f32-{number:032x}{SUFFIX}"
        old.write_bytes(b"")
        os.utime(old, (number, number))
    for name in (".spanqa-leftleft.part", ".spanqa-freshfre.part", "film.part", "program.compiled"):
        (cache / name).write_bytes(b"")
        os.utime(cache / name, (0, 0))
    (cache / ".spanqa-freshfre.part").touch()
    load(folder, sha256="b" * 64)
    left = {file.name for file in cache.iterdir()}
    # What others keep there is not ours to remove.
    assert len(left) == KEPT + 3 and {"film.part", "program.compiled"} < left
    assert own.name in left and ".spanqa-freshfre.part" in left and ".spanqa-leftleft.part" not in left
    assert f"reader-f32-{KEPT + 2:032x}{SUFFIX}" in left and f"reader-f32-{0:032x}{SUFFIX}" not in left


def test_processes_may_start_together(folder: Path, cache: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from index.models import bert_graph as bert, openvino as compiled;"
        "folder = Path(sys.argv[1]);"
        "model = compiled.load('span', 'a' * 64, lambda: bert.span_graph(folder), pad=0, limit=64, exact=True);"
        "((_, (start, _end)),) = model.run([[101, 2000, 102]], [1]); print(start[0, :3].round(3).tolist())"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    printed = [process.communicate(timeout=120)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0]
    assert len(set(printed)) == 1
    assert [file.suffix for file in cache.iterdir()] == [SUFFIX]


def test_weights_that_are_missing(tiny_bert: MakeBert, tmp_path: Path, cache: Path) -> None:
    plain = tiny_bert(tmp_path)
    with pytest.raises(ModelError, match=r"no tensor 'qa_outputs\.weight'"):
        compiled.load("span", "c" * 64, lambda: bert.span_graph(plain), pad=0, limit=64)
    (plain / "model.safetensors").write_bytes(b"not tensors")
    with pytest.raises(ModelError, match="cannot be read"):
        bert.sentence_graph(plain)
