"""The check after a kill notices what it is there to notice, and nothing where nothing is wrong."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.cli.bench.store_keys import StoreKeys
from eval.bench.kills.checks import check, held_by, traces
from eval.bench.kills.material import made_id
from eval.bench.kills.performing import Work, garble, open_made, perform
from eval.bench.kills.plan import KINDS, Held, Operation, State, operations
from eval.bench.kills.processes import write
from index.catalogue.copying import copy_catalogue
from index.catalogue.sqlite import CATALOGUE_FILE, SqliteCatalogue
from index.errors import StoreError
from index.store.store import Store

pytestmark = pytest.mark.slow

STATE = State(Held({"lindal": (1, 0), "borby": (2, 0), "vikness": (3, 0)}))
FIRST = Operation("add", STATE.held.documents)
NOTHING = Operation("purge")


@pytest.fixture
def work(tmp_path: Path) -> Work:
    """A store with the documents of STATE."""
    made = Work(tmp_path, StoreKeys())
    write(made, iter([FIRST]), lambda value: None, create=True)
    return made


@pytest.fixture
def store(work: Work) -> Iterator[Store]:
    opened = open_made(work.store)
    yield opened
    opened.close()


def checked(work: Work, before: State, under_way: Operation, **known: Any) -> dict[str, Any]:
    return check(work, before, under_way, "seed", **known)


def test_every_operation_makes_what_it_says(work: Work, store: Store) -> None:
    state, tokens, kinds = STATE, {}, set()
    for operation in itertools.islice(operations(STATE, "5", 100, "purge", 1), 60):
        kinds.add(operation.kind)
        token = perform(store, operation, work)
        if operation.key is not None and token is not None:
            tokens[operation.key] = token
        state = operation.after(state)
        if operation.kind in ("backup", "migrate"):
            opened = open_made(work.named(operation.folder))
            assert held_by(opened) == state.held
            opened.close()
    assert kinds == set(KINDS)
    assert checked(work, state, NOTHING, tokens=tokens) == {"problems": [], "landed": False}


def test_what_was_under_way_is_there_or_not(work: Work, store: Store) -> None:
    update = Operation("update", {"lindal": (9, 0), "borby": (10, 0)})
    assert checked(work, STATE, update) == {"problems": [], "landed": False}
    perform(store, update, work)
    assert checked(work, STATE, update) == {"problems": [], "landed": True}


def test_half_of_an_operation_is_noticed(work: Work, store: Store) -> None:
    perform(store, Operation("update", {"lindal": (9, 0)}), work)
    update = Operation("update", {"lindal": (9, 0), "borby": (10, 0)})
    problems = checked(work, STATE, update)["problems"]
    assert any("half there" in problem and "lindal (1, 0) -> (9, 0), is (9, 0)" in problem for problem in problems)


def test_a_lost_document_is_noticed(work: Work, store: Store) -> None:
    perform(store, Operation("remove", removed="vikness"), work)
    assert checked(work, STATE, NOTHING)["problems"]


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM passages WHERE id = (SELECT max(id) FROM passages)",
        "UPDATE passages SET embedding = zeroblob(length(embedding)) WHERE id = (SELECT min(id) FROM passages)",
        "UPDATE documents SET text = replace(text, 'section0', 'section9')",
    ],
)
def test_a_changed_row_is_noticed(work: Work, damage: str) -> None:
    with sqlite3.connect(work.store / CATALOGUE_FILE) as connection:
        connection.execute(damage)
    connection.close()
    assert checked(work, STATE, NOTHING)["problems"]


def test_a_store_of_two_embedders_is_noticed(work: Work, store: Store) -> None:
    half = store.catalogue.settings()
    perform(store, Operation("re-embed", embedder=1), work)
    after = Operation("re-embed", embedder=1)
    assert checked(work, STATE, after) == {"problems": [], "landed": True}
    store.catalogue.set_settings({name: half[name] for name in ("embedder", "embedder_sha256")})
    assert checked(work, STATE, after)["problems"]


def test_keys_that_open_the_door_too_much_or_too_little_are_noticed(work: Work, store: Store) -> None:
    added = Operation("key added", key="one")
    tokens = {"one": str(perform(store, added, work))}
    state = added.after(STATE)
    assert checked(work, STATE, added, tokens=tokens) == {"problems": [], "landed": True}
    assert checked(work, replace(state, keys={"one": False}), NOTHING)["problems"]
    perform(store, Operation("key revoked", key="one"), work)
    assert checked(work, state, NOTHING, tokens=tokens)["problems"]


def test_traces_after_a_purge_are_noticed(work: Work, store: Store) -> None:
    perform(store, Operation("update", {"lindal": (9, 0)}), work)
    now, gone = held_by(store), {"lindal": 1}
    assert any("words" in left for left in traces(store, now, gone))
    assert any("a vector" in left for left in traces(store, now, gone))
    store.purge()
    assert list(traces(store, now, gone)) == []


def test_an_interrupted_backup_can_be_made_in_the_same_folder(work: Work) -> None:
    backup = Operation("backup", folder="backup-1")
    assert checked(work, STATE, backup) == {"problems": [], "landed": False}
    (work.named("backup-1") / "something").mkdir(parents=True)
    assert any("cannot be made" in problem for problem in checked(work, STATE, backup)["problems"])
    shutil.rmtree(work.named("backup-1"))
    write(work, iter([backup]), lambda value: None)
    assert checked(work, STATE, backup) == {"problems": [], "landed": True}
    made = open_made(work.named("backup-1"))
    made.remove(made_id("vikness"))
    made.close()
    assert any("the backup: it does not hold" in problem for problem in checked(work, STATE, backup)["problems"])


def test_half_of_a_copy_is_not_believed(work: Work, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate = Operation("migrate", folder="copy-1")
    target = Store(work.named("copy-1"), store.embedder)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("index.catalogue.copying.DOCUMENTS_TOGETHER", 1)
        copy_catalogue(store.catalogue, target.catalogue, _stop_after_one)
    assert target.catalogue.counts()[0] == 1
    assert checked(work, STATE, migrate) == {"problems": [], "landed": False}
    with pytest.raises(StoreError, match=r"unfinished copy.*qa migrate-store FROM"):
        target.check_embedder()
    target.close()
    believed = SqliteCatalogue(work.named("copy-1") / CATALOGUE_FILE)
    believed.set_settings({"unfinished_copy": ""})
    believed.close()
    assert any("half of a copy" in problem for problem in checked(work, STATE, migrate)["problems"])


def test_damage_that_repairing_mends(work: Work, store: Store) -> None:
    def vectors() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in store.folder.rglob("*.vectors")}

    sound = vectors()
    garble(store)
    damaged = vectors()
    assert damaged.keys() == sound.keys() and damaged != sound
    assert checked(work, STATE, Operation("repair")) == {"problems": [], "landed": False}
    assert damaged.items().isdisjoint(vectors().items())


def _stop_after_one(done: int, total: int) -> None:
    if done:
        raise KeyboardInterrupt
