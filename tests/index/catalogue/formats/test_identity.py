"""What a file is, is found out without touching it, its log or its folder; what was committed to the log counts."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from index.catalogue.formats.identity import APPLICATION_ID, require_catalogue
from index.catalogue.sqlite import CATALOGUE_FILE, SqliteCatalogue
from index.errors import StoreError


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def copied_with_log(file: Path, folder: Path, *, index: bool) -> Path:
    """A copy of a database that is in use, as a process that was killed leaves it, or as a copy of its two files."""
    folder.mkdir()
    for end in ("", "-wal", *(["-shm"] if index else [])):
        shutil.copyfile(f"{file}{end}", folder / f"{CATALOGUE_FILE}{end}")
    assert (folder / f"{CATALOGUE_FILE}-wal").stat().st_size
    return folder / CATALOGUE_FILE


@pytest.mark.parametrize("index", [True, False])
def test_a_foreign_database_in_use(tmp_path: Path, index: bool) -> None:
    with closing(sqlite3.connect(tmp_path / "app.db")) as app:
        app.execute("PRAGMA journal_mode=WAL")
        app.execute("CREATE TABLE settings (name, value)")
        app.commit()
        copy = copied_with_log(tmp_path / "app.db", tmp_path / "store", index=index)
    before = state(copy.parent)
    with pytest.raises(StoreError, match="a database of something else"):
        SqliteCatalogue(copy)
    # Its index of the log is for whoever reads it.
    assert {name: entry for name, entry in state(copy.parent).items() if not name.endswith("-shm")} == {
        name: entry for name, entry in before.items() if not name.endswith("-shm")
    }
    assert state(copy.parent).keys() == before.keys()


@pytest.mark.parametrize("index", [True, False])
def test_a_catalogue_of_before_whose_tables_are_in_its_log(tmp_path: Path, index: bool) -> None:
    made = tmp_path / CATALOGUE_FILE
    SqliteCatalogue(made).close()
    with closing(sqlite3.connect(made)) as connection:
        statements = [line for line in connection.iterdump() if "sqlite_sequence" not in line]
    with closing(sqlite3.connect(tmp_path / "old.db")) as old:
        old.execute("PRAGMA journal_mode=WAL")
        old.executescript("\n".join(statements))
        copy = copied_with_log(tmp_path / "old.db", tmp_path / "store", index=index)
    assert require_catalogue(copy) == "unmarked"
    catalogue = SqliteCatalogue(copy, create=False)
    catalogue.set_settings({"a": "b"})
    catalogue.close()
    assert require_catalogue(copy) == "marked"
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)


def test_a_catalogue_that_goes_while_it_is_open_is_not_made_anew(tmp_path: Path) -> None:
    catalogue = SqliteCatalogue(tmp_path / CATALOGUE_FILE)
    catalogue.close()
    (tmp_path / CATALOGUE_FILE).unlink()
    with pytest.raises(StoreError):
        catalogue.counts()
    assert not (tmp_path / CATALOGUE_FILE).exists()
    (tmp_path / CATALOGUE_FILE).touch()
    with pytest.raises(StoreError, match="it is empty"):
        catalogue.counts()
    assert (tmp_path / CATALOGUE_FILE).stat().st_size == 0
