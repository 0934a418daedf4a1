"""Copies of a store: whole ones, while it is written, and put back as one change."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from index.catalogue.sqlite import CATALOGUE_FILE
from index.documents import Document
from index.errors import DamageError, InputError, StoreError
from index.store.backups import back_up, restore, restore_folder
from index.store.health import check_store
from index.store.store import Store
from index.text.passages import CutSettings

Make = Callable[..., Document]
Open = Callable[..., Store]
SMALL = CutSettings(minimum=2, maximum=8, overlap=0)


@pytest.fixture
def open_at(tmp_path: Path, make_embedder: Any) -> Iterator[Open]:
    opened: list[Store] = []

    def open_store(name: str = "store") -> Store:
        opened.append(Store(tmp_path / name, make_embedder(), cut=SMALL))
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


def uris(store: Store) -> list[str]:
    return [record.uri for record in store.catalogue.records()]


def test_a_backup_is_a_store(open_at: Open, tmp_path: Path, make_document: Make) -> None:
    store = open_at()
    store.put(make_document("a", "Cats chase mice."))
    back_up(store, tmp_path / "backup")
    assert [path.name for path in (tmp_path / "backup").iterdir()] == [CATALOGUE_FILE]
    copy = open_at("backup")
    assert uris(copy) == uris(store)
    assert check_store(copy).sound
    with pytest.raises(InputError, match="is not empty"):
        back_up(store, tmp_path / "backup")


def test_a_backup_while_documents_come(open_at: Open, tmp_path: Path, make_document: Make) -> None:
    store = open_at()
    store.put(make_document("first", "Cats chase mice."))
    stop = threading.Event()

    def write() -> None:
        writer, number = open_at(), 0
        while not stop.is_set():
            # Both or none of a pair are in every moment of the store.
            pair = [make_document(f"{side}{number}", f"Word{number} stands.") for side in ("left", "right")]
            writer.catalogue.put_all([(document, [], writer.embedder.embed([])) for document in pair])
            number += 1

    thread = threading.Thread(target=write)
    thread.start()
    for number in range(5):
        back_up(store, tmp_path / f"backup{number}")
    stop.set()
    thread.join()
    for number in range(5):
        copy = open_at(f"backup{number}")
        assert check_store(copy).sound
        names = uris(copy)
        assert sorted(n.removeprefix("left") for n in names if n.startswith("left")) == sorted(
            n.removeprefix("right") for n in names if n.startswith("right")
        )


def test_what_is_restored_is_seen_by_all_who_have_the_store_open(
    open_at: Open, tmp_path: Path, make_document: Make
) -> None:
    store, other = open_at(), open_at()
    store.put(make_document("a", "Cats chase mice."))
    back_up(store, tmp_path / "backup")
    store.put(make_document("b", "Dogs bury bones."))
    store.remove(make_document("a", "").id)
    vector = store.embedder.embed(["Cats chase mice."])[0]
    assert len(other.search("cats dogs", vector, 5).dense) == 1
    before = store.catalogue.generation()
    restore(store, tmp_path / "backup")
    for opened in (store, other, open_at()):
        assert uris(opened) == [make_document("a", "").uri]
        assert opened.catalogue.generation() > before
        (hit,) = opened.search("cats dogs", vector, 5).lexical
        assert opened.catalogue.snapshot([hit[0]]).passages[hit[0]].text == "Cats chase mice."
        assert check_store(opened).sound
    # The backup stays as it was, and what is put now is found by all.
    assert uris(open_at("backup")) == [make_document("a", "").uri]
    store.put(make_document("c", "Fish swim upstream."))
    assert len(other.search("fish", vector, 5).lexical) == 1


def test_what_is_no_backup_changes_nothing(open_at: Open, tmp_path: Path, make_document: Make) -> None:
    store = open_at()
    store.put(make_document("a", "Cats chase mice."))
    (tmp_path / "noise").write_bytes(b"SQLite format 3\x00" + b"\xff" * 5_000)
    damaged = back_up(store, tmp_path / "damaged")
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2 :] = b"\x00" * (len(content) - len(content) // 2)
    damaged.write_bytes(content)
    for source, error in (
        (tmp_path / "nowhere", InputError),
        (store.folder, InputError),
        (tmp_path / "noise", StoreError),
        (damaged, StoreError),
    ):
        with pytest.raises(error):
            restore(store, source)
        assert uris(store) == [make_document("a", "").uri]
        assert check_store(store).sound
    assert not list(store.folder.glob(".restore-*"))


def test_what_is_damaged_is_not_backed_up(open_at: Open, tmp_path: Path, make_document: Make) -> None:
    store = open_at()
    store.put(make_document("a", "Cats chase mice."))
    with closing(sqlite3.connect(store.folder / CATALOGUE_FILE)) as connection:
        connection.execute("UPDATE documents SET author = 'x'")
        connection.commit()
    with pytest.raises(DamageError, match="its backup would be, which is not kept: what is stored of the document"):
        back_up(store, tmp_path / "backup")
    assert list((tmp_path / "backup").iterdir()) == []


def test_a_killed_backup_is_made_by_the_same_command_again(
    open_at: Open, tmp_path: Path, make_document: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_at()
    store.put(make_document("a", "Cats chase mice."))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("index.store.backups.put_in_place", killed)
        # As after SIGKILL, when nobody tidies up.
        patch.setattr("index.disk.marks.remove_marked", lambda *_: None)
        back_up(store, tmp_path / "backup")
    assert [path.name[:15] for path in (tmp_path / "backup").iterdir()] == [".spanqa-backup-"]
    back_up(store, tmp_path / "backup")
    assert [path.name for path in (tmp_path / "backup").iterdir()] == [CATALOGUE_FILE]


def test_a_restoration_that_was_killed_leaves_nothing_to_mend(
    open_at: Open, tmp_path: Path, make_document: Make
) -> None:
    store = open_at()
    store.put(make_document("a", "Cats chase mice."))
    back_up(store, tmp_path / "backup")
    # What comes after it, bringing up the search indexes and removing those of before, is what a kill keeps from it.
    restore_folder(tmp_path / "store", tmp_path / "backup", replace=True)
    assert len(store.other_indexes()) == 1
    assert check_store(store).sound
    # And again: those of the first one are still there.
    restore_folder(tmp_path / "store", tmp_path / "backup", replace=True)
    assert len(store.other_indexes()) == 2
    assert check_store(store).sound
    store.purge()
    assert store.other_indexes() == []


def test_a_restoration_while_search_indexes_are_brought_up_leaves_none_of_both(
    open_at: Open, tmp_path: Path, make_document: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_at()
    store.put(make_document("a", "Cats chase mice."))
    back_up(store, tmp_path / "backup")
    store.put(make_document("b", "Dogs bark at cats."))
    reader = open_at()
    open_derived = Store._open_derived
    left = ["restore"]

    def late(opened: Store) -> Any:
        derived = open_derived(opened)
        if left:
            left.clear()
            restore_folder(tmp_path / "store", tmp_path / "backup", replace=True)
        return derived

    monkeypatch.setattr(Store, "_open_derived", late)
    ranked = reader.search("dogs bark at cats", reader.embedder.embed(["dogs bark at cats"])[0], 9)
    hits = {passage_id for passage_id, _ in (*ranked.dense, *ranked.lexical)}
    assert not left and hits and set(reader.catalogue.snapshot(sorted(hits)).passages) == hits
    assert reader.check_derived() == []
