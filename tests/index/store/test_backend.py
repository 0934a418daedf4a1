"""A store in a folder as its backend has it: what is opened, who waits for whom, and what is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.embedders import FakeEmbedder

from index.disk.marks import Mark, aside, mark_folder
from index.errors import NoStoreError, StoreError
from index.search.index_folders import DERIVED_FOLDER, own_folder
from index.store.backend import RESTORING, Backend, is_restoring_file, open_backend
from index.store.store import Store

ANOTHER_STORE = f"{'0' * 16}-{'1' * 16}"


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    backend = open_backend(tmp_path / "store", create=True)
    yield backend
    backend.close()


def test_a_folder_is_searched_and_backed_up_on_this_machine(backend: Backend) -> None:
    assert not backend.searched_by_server
    assert backend.file_catalogue() is backend.catalogue
    assert backend.catalogue.can_purge


def test_none_is_made_unless_that_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(NoStoreError, match="create it with"):
        open_backend(tmp_path / "store", create=False)
    assert list(tmp_path.iterdir()) == []


def test_indexes_of_another_store_are_told_of_and_discarded(backend: Backend) -> None:
    backend.open_indexes(3)
    (kept,) = (backend.folder / DERIVED_FOLDER).iterdir()
    other = own_folder(backend.folder / DERIVED_FOLDER, ANOTHER_STORE)
    assert backend.other_indexes() == [other]
    backend.discard_leftovers()
    assert backend.other_indexes() == []
    assert list((backend.folder / DERIVED_FOLDER).iterdir()) == [kept]


def test_what_a_killed_restoration_left_is_discarded(backend: Backend) -> None:
    with aside(backend.folder, RESTORING, is_restoring_file) as beside:
        backend.discard_leftovers()
        assert beside.is_dir(), "somebody is at it"
    left = backend.folder / f".spanqa-{RESTORING}-abcd1234"
    left.mkdir()
    mark_folder(left, Mark(RESTORING, ""))
    (left / "replaced.sqlite").write_bytes(b"half")
    backend.discard_leftovers()
    assert not left.exists()


def test_who_waits_too_long_for_the_lock_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.store.backend.LOCK_TIMEOUT_S", 0.01)
    store = Store(tmp_path, FakeEmbedder())
    other = open_backend(tmp_path, create=False)
    with other.lock_indexes(), pytest.raises(StoreError, match="another process has been updating the store"):
        store.sync()
    store.sync()
    store.close()
    other.close()
