"""Stores on disks that cannot be written: read-only ones are asked all the same, full ones lose nothing."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from index.documents import Document
from index.errors import StoreError
from index.ingest.sync import index_paths
from index.search.index_folders import DERIVED_FOLDER
from index.store.health import check_store
from index.store.store import Store
from index.text.passages import CutSettings

Make = Callable[..., Document]
Open = Callable[..., Store]
SMALL = CutSettings(minimum=2, maximum=8, overlap=0)


@pytest.fixture
def reopen(tmp_path: Path, make_embedder: Any) -> Iterator[Open]:
    opened: list[Store] = []

    def open_store() -> Store:
        opened.append(Store(tmp_path / "store", make_embedder(), cut=SMALL))
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@pytest.mark.parametrize("derived", ["there", "gone"])
def test_a_store_on_a_read_only_disk_is_asked_and_left_as_it_is(
    reopen: Open, make_document: Make, monkeypatch: pytest.MonkeyPatch, derived: str
) -> None:
    store = reopen()
    list(store.put_all(make_document(f"d{n}", f"Word{n} stands. Cats chase mice.") for n in range(5)))
    store.sync()
    store.close()
    if derived == "gone":
        shutil.rmtree(store.folder / DERIVED_FOLDER)
    (store.folder / "derived.lock").unlink()
    before = state(store.folder)
    for module in ("index.store.backend", "index.catalogue.sqlite"):
        monkeypatch.setattr(f"{module}.on_frozen_disk", lambda _: True)
    frozen = reopen()
    vector = frozen.embedder.embed(["Word3 stands."])[0]
    ranked = frozen.search("word3", vector, 2)
    assert len(ranked.lexical) == 1 and ranked.dense[0][0] == ranked.lexical[0][0]
    assert check_store(frozen).sound
    for change in (
        lambda: frozen.put(make_document("new", "Fish swim.")),
        lambda: frozen.remove(make_document("d1", "").id),
        frozen.purge,
    ):
        with pytest.raises(StoreError, match="read-only disk"):
            change()
    assert state(store.folder) == before


def test_a_store_that_was_open_when_its_disk_was_frozen_says_so(
    reopen: Open, make_document: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = reopen()
    store.put(make_document("a", "Cats chase mice."))
    assert (store.folder / "catalogue.sqlite-wal").stat().st_size
    for module in ("index.store.backend", "index.catalogue.sqlite"):
        monkeypatch.setattr(f"{module}.on_frozen_disk", lambda _: True)
    with pytest.raises(StoreError, match="copy the folder"):
        reopen()


def test_words_that_cannot_be_written_are_made_good_later(
    reopen: Open, make_document: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = reopen()
    store.put(make_document("a", "Cats chase mice."))

    class Full:
        def add_document(self, _: object) -> None:
            raise ValueError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("index.search.tantivy.TantivyLexicalIndex._writing", lambda *_, **__: Full())
        with pytest.raises(StoreError, match=r"MB are free on its disk.*No space left"):
            store.put(make_document("b", "Dogs bury bones."))
    # It was committed, and is found by whoever asks next.
    assert len(store.search("dogs", store.embedder.embed(["Dogs bury bones."])[0], 1).lexical) == 1
    assert check_store(reopen()).sound


def test_an_archive_of_which_nothing_could_be_read_is_not_called_added(reopen: Open, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for name, parts in (("bad.zip", ["a.pdf", "b.docx"]), ("half.zip", ["a.pdf", "good.txt"])):
        with zipfile.ZipFile(folder / name, "w") as archive:
            for part in parts:
                archive.writestr(part, "The keeper is Olaf." if part == "good.txt" else "no such format")
    report = index_paths(reopen(), [folder])
    assert (report.added, len(report.failed)) == (1, 3)


def test_a_word_index_that_cannot_be_made_says_what_is_free(
    reopen: Open, make_document: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = reopen()
    store.put(make_document("d", "Cats chase mice."))
    shutil.rmtree(store.folder / DERIVED_FOLDER)

    def full(*_: Any, **__: Any) -> None:
        # As tantivy says it.
        raise ValueError("An IO error occurred: 'No space left on device (os error 28)'")

    with monkeypatch.context() as patch:
        patch.setattr("index.search.tantivy.tantivy.Index", full)
        with pytest.raises(StoreError, match=r"MB are free on its disk.*No space left"):
            reopen().sync()
    again = reopen()
    again.sync()
    assert check_store(again).sound
