"""The damage harness: nothing wrong is read of damaged files, and it notices what it is there to notice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli.main import app
from eval.bench.damage.harness import bench_damage
from index.errors import InputError

pytestmark = pytest.mark.slow


@contextmanager
def unwatched(_: str, __: int | None) -> Iterator[Callable[[int, int], None]]:
    yield lambda done, total: None


def test_nothing_wrong_is_read_of_damaged_files(tmp_path: Path) -> None:
    work, output = tmp_path / "work", tmp_path / "damages.json"
    options = ["-n", "20", "--seed", "3", "--work", str(work), "--output", str(output)]
    done = CliRunner().invoke(app, ["bench", "damage", *options])
    assert done.exit_code == 0, done.output
    figures = json.loads(output.read_text())
    assert figures["problems"] == [] and not work.exists()
    for kind in ("flips", "cuts"):
        met = figures[kind]
        assert met["refused"] + met["told"] + met["spared"] == met["files"] == 20
    assert figures["flips"]["told"] and figures["cuts"]["refused"] and figures["answers"]


@pytest.mark.parametrize(
    ("lost", "problem"),
    [
        ("index.catalogue.integrity.verified.is_sealed", "what was read is not what was written"),
        ("index.catalogue.integrity.audit.is_sealed", "a check calls it whole"),
    ],
)
def test_damage_that_nobody_is_told_of_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str, problem: str
) -> None:
    # Of a byte that is in a title.
    from eval.bench.damage import harness

    made = harness.make_store

    def only_titles(folder: Path, seed: int) -> Any:
        right = made(folder, seed)
        content = (folder / "catalogue.sqlite").read_bytes()
        place = content.index(b"text/plain")
        monkeypatch.setattr("random.Random.randrange", lambda self, stop: place if stop > 8 else 1)
        monkeypatch.setattr("index.catalogue.integrity.verified.is_sealed", lambda row: True)
        monkeypatch.setattr(lost, lambda row: True)
        return right

    monkeypatch.setattr(harness, "make_store", only_titles)
    damages = bench_damage(tmp_path / "work", flips=1, cuts=0, seed=1, watch=unwatched)
    assert not damages.holds and any(problem in line for line in damages.problems)
    assert (tmp_path / "work" / "flip0.sqlite").is_file()


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is there already"):
        bench_damage(tmp_path, flips=1, cuts=0, seed=1, watch=unwatched)
