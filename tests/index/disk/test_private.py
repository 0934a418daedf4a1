"""A store is for its account alone: its folders, its files, and its copies, whatever the umask."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from index.catalogue.sqlite import CATALOGUE_FILE
from index.documents import Document
from index.errors import InputError
from index.store.backend import is_restoring_file
from index.store.backups import back_up, restore, restore_folder
from index.store.store import Store
from index.text.passages import CutSettings

Make = Callable[..., Document]


@pytest.fixture(autouse=True)
def _open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(*folders: Path) -> list[str]:
    paths = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    return [str(path) for path in paths if stat.S_IMODE(path.stat().st_mode) & 0o077]


def test_what_is_made_is_private(tmp_path: Path, make_embedder: Any, make_document: Make) -> None:
    new = tmp_path / "new"
    store = Store(new / "deep" / "store", make_embedder(), cut=CutSettings(minimum=2, maximum=8, overlap=0))
    list(store.put_all(make_document(f"d{n}", f"Word{n} stands. Cats chase mice.") for n in range(5)))
    store.sync()
    store.remove(make_document("d1", "").id)
    # While it is open: the log and its index are there.
    assert (store.folder / f"{CATALOGUE_FILE}-wal").exists()
    back_up(store, new / "backup")
    store.purge()
    store.rebuild_derived()
    assert open_to_others(new) == []
    restore(store, new / "backup")
    restore_folder(new / "other", new / "backup", replace=False)
    assert open_to_others(new) == []
    store.close()


def test_a_folder_that_was_there_keeps_its_mode(tmp_path: Path, make_embedder: Any, make_document: Make) -> None:
    for name in ("store", "backup"):
        (tmp_path / name).mkdir(mode=0o755)
    store = Store(tmp_path / "store", make_embedder())
    store.put(make_document("a", "Cats chase mice."))
    back_up(store, tmp_path / "backup")
    assert open_to_others(tmp_path / "store", tmp_path / "backup") == [
        str(tmp_path / "store"),
        str(tmp_path / "backup"),
    ]
    store.close()


def test_a_store_of_before_is_closed_to_others_once(tmp_path: Path, make_embedder: Any, make_document: Make) -> None:
    import sqlite3

    store = Store(tmp_path / "store", make_embedder())
    store.put(make_document("a", "Cats chase mice."))
    store.close()
    file = store.folder / CATALOGUE_FILE
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA application_id = 0")
    connection.close()
    file.chmod(0o644)
    store = Store(tmp_path / "store", make_embedder())
    store.put(make_document("b", "Dogs bury bones."))
    assert open_to_others(store.folder) == []
    store.close()
    # Whoever opens it to a group afterwards has decided that.
    file.chmod(0o640)
    store = Store(tmp_path / "store", make_embedder())
    store.put(make_document("c", "Fish swim."))
    store.close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.parametrize("links", [True, False])
def test_a_catalogue_is_whole_or_not_there(
    tmp_path: Path, make_embedder: Any, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("no links here")

    if not links:
        monkeypatch.setattr("os.link", refuse)
    with monkeypatch.context() as patch:
        patch.setattr("index.catalogue.sqlite.write_first_settings", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            Store(tmp_path / "store", make_embedder())
    assert list((tmp_path / "store").iterdir()) == []
    Store(tmp_path / "store", make_embedder()).close()
    assert Store(tmp_path / "store", make_embedder(), create=False).catalogue.is_empty()


def test_a_backup_goes_on_after_one_that_was_killed(tmp_path: Path, make_embedder: Any, make_document: Make) -> None:
    from index.disk.marks import aside

    store = Store(tmp_path / "store", make_embedder())
    store.put(make_document("a", "Cats chase mice."))
    backup = tmp_path / "backup"
    backup.mkdir()
    child = os.fork()
    if not child:
        with aside(backup, "backup", is_restoring_file) as beside:
            (beside / CATALOGUE_FILE).write_bytes(b"half")
            os._exit(0)
    os.waitpid(child, 0)
    assert len(list(backup.iterdir())) == 1
    # One that is at work is not disturbed.
    with aside(backup, "backup", is_restoring_file), pytest.raises(InputError, match="another backup is being written"):
        back_up(store, backup)
    assert back_up(store, backup) == backup / CATALOGUE_FILE
    assert [path.name for path in backup.iterdir()] == [CATALOGUE_FILE]
    store.close()
