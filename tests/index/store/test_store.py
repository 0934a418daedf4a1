"""A store in a folder: the contract of every store, and whatever happens to its files and whoever else is there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from contracts.store import CATS, DOGS, FISH, CrashError, Open, StoreContract, best, both, hits, make_document
from fakes.embedders import FakeEmbedder

from index.catalogue.sqlite import CATALOGUE_FILE, SqliteCatalogue
from index.errors import StoreError
from index.search.index_folders import DERIVED_FOLDER
from index.store.store import Store

pytestmark = pytest.mark.slow


def files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / DERIVED_FOLDER).rglob("*") if path.is_file())


def delete_all(folder: Path) -> None:
    shutil.rmtree(folder / DERIVED_FOLDER)


def truncate_all(folder: Path) -> None:
    for path in files(folder):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def garble_all(folder: Path) -> None:
    for path in files(folder):
        path.write_bytes(b"\xff" * path.stat().st_size)


def delete_half(folder: Path) -> None:
    for path in files(folder)[::2]:
        path.unlink()


def delete_vectors(folder: Path) -> None:
    for path in (folder / DERIVED_FOLDER).glob("*/vectors"):
        shutil.rmtree(path)


def delete_lexical(folder: Path) -> None:
    for path in (folder / DERIVED_FOLDER).glob("*/lexical"):
        shutil.rmtree(path)


DAMAGE = [delete_all, truncate_all, garble_all, delete_half, delete_vectors, delete_lexical]


def keep(folder: Path, to: Path) -> None:
    shutil.copytree(folder, to, ignore=shutil.ignore_patterns(DERIVED_FOLDER))


def restore(folder: Path, kept: Path) -> None:
    for path in folder.glob(f"{CATALOGUE_FILE}*"):
        path.unlink()
    for path in kept.glob(f"{CATALOGUE_FILE}*"):
        shutil.copy(path, folder)


class TestStoreInAFolder(StoreContract):
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path / "store"

    @pytest.fixture
    def location(self, folder: Path) -> Path:
        return folder

    @pytest.mark.parametrize("damage", DAMAGE)
    @pytest.mark.parametrize("still_open", [False, True])
    def test_derived_files_may_be_lost_at_any_time(
        self, reopen: Open, folder: Path, damage: Callable[[Path], None], still_open: bool
    ) -> None:
        store = reopen()
        list(store.put_all([make_document("a", CATS), make_document("b", DOGS)]))
        assert best(store, "cats chase mice") == both(CATS)
        if still_open and damage in (truncate_all, garble_all):
            # Files written over in place are mapped memory; a new file is what deleting or copying makes.
            shutil.copytree(folder / DERIVED_FOLDER, folder / "copy")
            delete_all(folder)
            (folder / "copy").rename(folder / DERIVED_FOLDER)
        assert files(folder)
        damage(folder)
        store = store if still_open else reopen()
        assert best(store, "cats chase mice") == both(CATS)
        store.put(make_document("c", FISH))
        for opened in (store, reopen()):
            assert best(opened, "fish swim upstream") == both(FISH)
            assert best(opened, "dogs bury bones") == both(DOGS)
            assert len(hits(opened, "cats")["dense"]) == 3

    @pytest.mark.parametrize("more", [0, 1, 2, 5])
    def test_an_older_catalogue_put_back_is_noticed(
        self, reopen: Open, folder: Path, tmp_path: Path, more: int
    ) -> None:
        store = reopen()
        store.put(make_document("a", CATS))
        store.close()
        keep(folder, tmp_path / "kept")
        store = reopen()
        store.put(make_document("lost", "Lost words here."))
        store.put(make_document("gone", "Gone words here."))
        store.close()
        restore(folder, tmp_path / "kept")
        # Its generation may pass that of the derived files before anyone searches.
        store = reopen()
        texts = [f"Number{n} stands alone." for n in range(more)]
        assert len(list(store.put_all(make_document(f"n{n}", text) for n, text in enumerate(texts)))) == more
        for opened in (store, reopen()):
            for text in [CATS, *texts]:
                assert best(opened, text) == both(text)
            assert hits(opened, "lost gone")["lexical"] == []
            assert len(hits(opened, "cats", k=99)["dense"]) == 1 + more

    def test_a_catalogue_made_anew_does_not_meet_old_indexes(self, reopen: Open, folder: Path) -> None:
        store = reopen()
        store.put(make_document("a", CATS))
        store.close()
        for path in folder.glob(f"{CATALOGUE_FILE}*"):
            path.unlink()
        # One that was lost is not taken for one that was never there.
        for create in (False, True):
            with pytest.raises(StoreError, match=r"its catalogue catalogue.sqlite is\s+gone"):
                reopen(create=create)
        assert not list(folder.glob(f"{CATALOGUE_FILE}*"))
        SqliteCatalogue(folder / CATALOGUE_FILE).close()
        store = reopen()
        store.put(make_document("b", DOGS))
        ranked = store.search(CATS, store.embedder.embed([CATS])[0], 5)
        assert len(ranked.dense) == 1
        assert best(store, "dogs bury bones") == both(DOGS)
        assert hits(store, "cats")["lexical"] == []

    @pytest.mark.parametrize(
        "where", ["index.search.faiss.FaissVectorIndex.commit", "index.search.tantivy.TantivyLexicalIndex.commit"]
    )
    def test_a_crash_while_catching_up_is_made_good(
        self, reopen: Open, monkeypatch: pytest.MonkeyPatch, where: str
    ) -> None:
        store = reopen()
        store.put(make_document("a", CATS))

        def crash(*_: object) -> None:
            raise CrashError

        with monkeypatch.context() as patch, pytest.raises(CrashError):
            patch.setattr(where, crash)
            store.put(make_document("b", DOGS))
        for opened in (store, reopen()):
            assert best(opened, "dogs bury bones") == both(DOGS)
            assert best(opened, "cats chase mice") == both(CATS)

    def test_a_store_that_is_not_there(self, reopen: Open, folder: Path) -> None:
        with pytest.raises(StoreError, match="create it with: qa index PATH"):
            reopen(create=False)
        assert not folder.exists()

    def test_a_store_under_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        for path in (tmp_path / "file", tmp_path / "file" / "store"):
            with pytest.raises(StoreError, match="cannot be created"):
                Store(path, FakeEmbedder())
