"""The kill harness: it runs, and it notices what it is there to notice."""

from __future__ import annotations

import itertools
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eval.kills.plan import Operation, State, open_made, operations, perform
from eval.kills.processes import check, write
from index.store import CATALOGUE_FILE, Store

STATE: State = {"lindal": (1, 0), "borby": (2, 0), "vikness": (3, 0)}
FIRST = Operation("add", STATE)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """A store with the documents of STATE."""
    write(str(tmp_path / "store"), iter([FIRST]), lambda value: None, create=True)
    return str(tmp_path / "store")


@pytest.fixture
def store(folder: str) -> Iterator[Store]:
    opened = open_made(folder)
    yield opened
    opened.close()


def found(folder: str, before: State, under_way: Operation) -> dict[str, Any]:
    said: list[Any] = []
    check(folder, before, under_way, "seed", said.append)
    return dict(said[0])


def test_writers_are_killed_and_nothing_is_lost(tmp_path: Path) -> None:
    work, output = tmp_path / "work", tmp_path / "kills.json"
    run = "import sys; from api.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", run, "bench", "kill", "-n", "3", "--seed", "3", "--work", str(work)]
    done = subprocess.run([*command, "--output", str(output)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(output.read_text())
    assert figures["kills"] == sum(met["kills"] for met in figures["under_way"].values()) == 3
    assert figures["problems"] == []
    assert not work.exists()


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    run = "import sys; from api.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", run, "bench", "kill", "-n", "1", "--work", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1
    assert "is there already" in done.stderr


def test_the_same_plan_for_the_same_seed_and_revisions_that_only_grow() -> None:
    plan = list(itertools.islice(operations(STATE, "7", 100, "compact", 2), 60))
    assert plan == list(itertools.islice(operations(STATE, "7", 100, "compact", 2), 60))
    assert plan != list(itertools.islice(operations(STATE, "8", 100, "compact", 2), 60))
    assert plan[2].kind == "compact"
    new = [own for operation in plan if operation.kind in ("add", "update") for own, _ in operation.puts.values()]
    assert new == sorted(set(new))
    assert {operation.kind for operation in plan} == {"add", "update", "describe", "remove", "compact", "re-embed"}


def test_every_operation_makes_what_it_says(folder: str, store: Store) -> None:
    state = STATE
    for operation in itertools.islice(operations(STATE, "5", 100, "remove", 1), 8):
        perform(store, operation)
        state = operation.after(state)
    assert found(folder, state, Operation("compact", {})) == {"problems": [], "landed": False}


def test_what_was_under_way_is_there_or_not(folder: str, store: Store) -> None:
    update = Operation("update", {"lindal": (9, 0), "borby": (10, 0)})
    assert found(folder, STATE, update) == {"problems": [], "landed": False}
    perform(store, update)
    assert found(folder, STATE, update) == {"problems": [], "landed": True}


def test_half_of_an_operation_is_noticed(folder: str, store: Store) -> None:
    perform(store, Operation("update", {"lindal": (9, 0)}))
    update = Operation("update", {"lindal": (9, 0), "borby": (10, 0)})
    problems = found(folder, STATE, update)["problems"]
    assert any("half there" in problem and "lindal (1, 0) -> (9, 0), is (9, 0)" in problem for problem in problems)


def test_a_lost_document_is_noticed(folder: str, store: Store) -> None:
    perform(store, Operation("remove", {}, "vikness"))
    assert found(folder, STATE, Operation("compact", {}))["problems"]


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM passages WHERE id = (SELECT max(id) FROM passages)",
        "UPDATE passages SET embedding = zeroblob(length(embedding)) WHERE id = (SELECT min(id) FROM passages)",
        "UPDATE documents SET text = replace(text, 'section0', 'section9')",
    ],
)
def test_a_changed_row_is_noticed(folder: str, damage: str) -> None:
    with sqlite3.connect(Path(folder) / CATALOGUE_FILE) as connection:
        connection.execute(damage)
    connection.close()
    assert found(folder, STATE, Operation("compact", {}))["problems"]
