"""The catalogue in SQLite: the contract of every catalogue, and files that cannot be one."""

from __future__ import annotations

import sqlite3
import tempfile
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from contracts.catalogue import CatalogueContract, Open, put
from contracts.catalogue_model import MODEL_SETTINGS, CatalogueModel

from index.catalogue.sqlite import CATALOGUE_FILE, SqliteCatalogue, put_in_place
from index.documents import document_id
from index.errors import StoreError

pytestmark = pytest.mark.slow


class TestSqliteCatalogue(CatalogueContract):
    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Open:
        return lambda: SqliteCatalogue(tmp_path / "catalogue")


class SqliteModel(CatalogueModel):
    def opener(self) -> Open:
        folder = Path(self.resources.enter_context(tempfile.TemporaryDirectory()))
        return lambda: SqliteCatalogue(folder / "c")


TestSqliteModel = SqliteModel.TestCase
TestSqliteModel.settings = MODEL_SETTINGS


class TestSqliteFiles:
    def test_a_newer_format_is_refused_and_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "c.sqlite"
        newer = SqliteCatalogue(path)
        with newer._changing() as ledger:
            ledger.set("format_version", "99")
        newer.close()
        before = path.read_bytes()
        with pytest.raises(StoreError, match=r"newer version of spanqa \(format 99, .* up to \d+\); upgrade"):
            SqliteCatalogue(path)
        assert path.read_bytes() == before

    def test_what_is_no_database(self, tmp_path: Path) -> None:
        path = tmp_path / "c.sqlite"
        path.write_bytes(b"This is not a database, but it is long enough to be taken for one." * 50)
        with pytest.raises(StoreError, match="not a sound catalogue"):
            SqliteCatalogue(path)
        assert path.read_bytes().startswith(b"This is not")

    def test_a_damaged_database(self, tmp_path: Path) -> None:
        path = tmp_path / "c.sqlite"
        catalogue = SqliteCatalogue(path)
        put(catalogue, "a", "x" * 50_000, passages=50)
        catalogue.close()
        content = path.read_bytes()
        path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
        with pytest.raises(StoreError):
            SqliteCatalogue(path).records()

    @pytest.mark.parametrize("parts", [("file", "c.sqlite"), ("missing", "c.sqlite"), ("folder",)])
    def test_a_path_that_cannot_be_a_file(self, tmp_path: Path, parts: Sequence[str]) -> None:
        (tmp_path / "file").write_bytes(b"")
        (tmp_path / "folder").mkdir()
        with pytest.raises(StoreError, match=r"cannot be created|is not a file"):
            SqliteCatalogue(tmp_path.joinpath(*parts))

    @pytest.mark.parametrize("name", ["a?b=c", "a#b", "a%20b", "a b", "é😀", "file:x", "@:"])
    def test_any_folder_name(self, tmp_path: Path, name: str) -> None:
        folder = tmp_path / name
        folder.mkdir()
        put(SqliteCatalogue(folder / "c.sqlite"), "a")
        assert (folder / "c.sqlite").is_file()
        assert list(tmp_path.iterdir()) == [folder]

    def test_it_opens_while_another_writes(self, tmp_path: Path) -> None:
        path = tmp_path / "c.sqlite"
        put(SqliteCatalogue(path), "a")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert SqliteCatalogue(path).counts() == (1, 1)
            other.execute("ROLLBACK")

    def test_two_at_once_make_one_store(self, tmp_path: Path) -> None:
        ids: list[str | None] = []
        threads = [
            threading.Thread(target=lambda: ids.append(SqliteCatalogue(tmp_path / "c").setting("store_id")))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(ids) == 4
        assert len(set(ids)) == 1

    def test_a_removed_text_is_not_left_in_the_file(self, tmp_path: Path) -> None:
        catalogue = SqliteCatalogue(tmp_path / "c")
        put(catalogue, "a", "forget-this-secret " * 20)
        put(catalogue, "b")
        catalogue.remove(document_id("a"))
        catalogue.close()
        assert not any(b"forget-this-secret" in file.read_bytes() for file in tmp_path.iterdir())


def test_a_catalogue_whose_log_is_not_taken_in_is_not_put_in_place(tmp_path: Path) -> None:
    catalogue = SqliteCatalogue(tmp_path / "new.sqlite")
    # Its log stays as long as somebody has it open, as it does where the disk is full when it is closed.
    catalogue.set_settings({"promise": "x" * 10_000})
    with pytest.raises(OSError, match="log of changes"):
        put_in_place(tmp_path / "new.sqlite", tmp_path / CATALOGUE_FILE)
    assert not (tmp_path / CATALOGUE_FILE).exists()
    catalogue.close()
    put_in_place(tmp_path / "new.sqlite", tmp_path / CATALOGUE_FILE)
    assert SqliteCatalogue(tmp_path / CATALOGUE_FILE).problems() == []
