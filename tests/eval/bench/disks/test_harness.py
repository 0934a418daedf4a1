"""The harness that fills a disk: it runs, and it notices what it is there to notice."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import typer.main

from api.cli.bench.made_models import run_made
from api.cli.bench.store_keys import StoreKeys
from api.cli.main import app
from eval.bench.disks.harness import Ran, look, refusal_problem
from eval.bench.disks.mounting import on_small_disk
from eval.bench.disks.plan import Places, State, prepare
from eval.bench.kills.processes import Child
from index.errors import InputError

pytestmark = pytest.mark.slow

COMMAND = typer.main.get_command(app)
QA = [sys.executable, "-c", "import sys; from api.cli.main import main; sys.exit(main())"]


def qa(arguments: Sequence[str], folder: Path) -> Ran:
    """What a command comes to, with models that need no weights."""
    child = Child(lambda _: run_made(COMMAND, arguments, folder / "out", folder / "err"))
    list(child.said(60.0))
    code = child.kill()
    child.close()
    return Ran(code, (folder / "out").read_text(), (folder / "err").read_text())


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A store of one document, and its file."""
    made = Places(tmp_path / "disk", tmp_path / "work")
    for folder in (made.disk, made.documents):
        folder.mkdir(parents=True)
    made.write("lindal", 1)
    assert qa(("index", str(made.documents), "--store", str(made.store)), tmp_path).code == 0
    return made


def test_disks_become_full_and_nothing_is_lost(tmp_path: Path) -> None:
    work, output = tmp_path / "work", tmp_path / "full.json"
    try:
        on_small_disk(tmp_path, ["true"])
    except InputError as error:
        pytest.skip(str(error))
    command = [*QA, "bench", "full", "-n", "3", "--seed", "3", "--work", str(work), "--output", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(output.read_text())
    assert figures["points"] == sum(kind["points"] for kind in figures["kinds"].values()) == 3
    assert figures["problems"] == []
    assert not work.exists()


def test_every_kind_of_command_does_what_is_expected_of_it(places: Places, tmp_path: Path) -> None:
    draw = random.Random(5)
    state = State({"lindal": 1})
    assert qa(("store", "backup", str(places.backup), "--store", str(places.store)), tmp_path).code == 0
    state = replace(state, backup=(state.documents, state.embedder))
    for number, kind in enumerate(
        ["add", "key added", "re-embed", "update", "remove, purge later", "prune", "migrate"]
    ):
        command = prepare(places, state, kind, 1000 + number, draw)
        ran = qa(command.arguments, tmp_path)
        assert ran.code == 0, ran.err
        state = command.after
    seen = look(places, StoreKeys(), {})
    assert seen == {
        "documents": state.documents,
        "embedder": state.embedder,
        "keys": sorted(state.keys),
        "problems": [],
    }


@pytest.mark.parametrize(
    ("code", "err", "problem"),
    [
        (1, "error: the store cannot be used: disk is full; 0.0 MB are free on its disk\n", None),
        (1, "error: the store cannot be used: disk is full\n", "what is free"),
        (1, "Traceback (most recent call last):\nOSError: full\n", "exit 1"),
        (2, "error: 0.0 MB are free\n", "exit 2"),
        (1, "copying\nerror: 0.0 MB are free\n", None),
        (1, "error: full\nerror: 0.0 MB are free\n", "not one line"),
        (1, "error: 0.0 MB are free\nsomewhere\n", "not one line"),
        (1, "", "not one line"),
    ],
)
def test_a_refusal_that_does_not_say_what_it_must_is_noticed(code: int, err: str, problem: str | None) -> None:
    told = refusal_problem(Ran(code, "", err))
    assert told is None if problem is None else problem in str(told)


def test_a_changed_document_is_noticed(places: Places, tmp_path: Path) -> None:
    places.file("lindal").write_text("This is revision 1 of lindal.\n", encoding="utf-8")
    assert qa(("index", str(places.documents), "--store", str(places.store)), tmp_path).code == 0
    assert any("not as it was written" in problem for problem in look(places, StoreKeys(), {})["problems"])
