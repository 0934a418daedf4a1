"""Folders that change: what is added, replaced and removed, and what is never taken for gone."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.disk.paths import path_of
from index.documents import Document
from index.errors import InputError
from index.ingest import plan as folders
from index.ingest.plan import NothingKnown, kept_messages, moved_message, plan, stamp_of
from index.ingest.sync import follow, index_paths
from index.loading.files import NotRead, read_documents
from index.store.store import Store


@pytest.fixture
def store(tmp_path: Path, make_embedder: Any) -> Iterator[Store]:
    opened = Store(tmp_path / "store", make_embedder())
    yield opened
    opened.close()


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    write(folder / "a.txt", "Cats chase mice.")
    write(folder / "b.txt", "Dogs bury bones.")
    write(folder / "sub" / "c.txt", "Fish swim upstream.")
    return folder


def write(path: Path, text: str, age_s: float = 100) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    then = time.time() - age_s
    os.utime(path, (then, then))


def texts(store: Store, collection: str = "default") -> dict[str, str]:
    found = {}
    for record in store.catalogue.records():
        if record.collection == collection:
            document = store.catalogue.document(record.id)
            assert document is not None
            found[record.uri.rpartition("/")[2]] = document.text
    return found


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    loaded: list[str] = []

    def read(path: Path) -> Iterator[Document | NotRead]:
        loaded.append(path.name)
        return read_documents(path)

    monkeypatch.setattr("index.ingest.sync.read_documents", read)
    return loaded


def test_it_follows_a_folder(store: Store, docs: Path) -> None:
    index_paths(store, [docs])
    write(docs / "a.txt", "Birds sing songs.")
    write(docs / "new.txt", "Bees make honey.")
    (docs / "b.txt").unlink()
    report = index_paths(store, [docs])
    assert (report.added, report.changed, report.removed, report.unchanged) == (1, 1, 1, 1)
    assert texts(store) == {"a.txt": "Birds sing songs.", "new.txt": "Bees make honey.", "c.txt": "Fish swim upstream."}
    assert store.search("bones", store.embedder.embed(["bones"])[0], 9).lexical == []


def test_an_unchanged_file_is_neither_read_nor_parsed(
    store: Store, docs: Path, loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "TICK_NS", 0)
    index_paths(store, [docs])
    assert loads == ["a.txt", "b.txt", "c.txt"]
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", None)
        report = index_paths(store, [docs])
    assert (report.unchanged, len(loads)) == (3, 3)


def test_the_same_bytes_under_another_stamp_are_read_but_not_parsed(
    store: Store, docs: Path, loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    index_paths(store, [docs])
    write(docs / "a.txt", "Cats chase mice.", age_s=5)
    report = index_paths(store, [docs])
    assert (report.unchanged, report.changed, loads) == (3, 0, ["a.txt", "b.txt", "c.txt"])
    monkeypatch.setattr(folders, "TICK_NS", 0)
    assert {file.state for file in plan([docs], store.catalogue, "default").files} == {"touched"}
    index_paths(store, [docs])
    assert {file.state for file in plan([docs], store.catalogue, "default").files} == {"unchanged"}


def test_a_change_is_found_whatever_the_clock_says(store: Store, docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "TICK_NS", 0)
    path = docs / "a.txt"
    index_paths(store, [docs])
    before = path.stat()
    time.sleep(0.02)
    path.write_text("Cats chase rats.")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert index_paths(store, [docs]).changed == 1
    assert texts(store)["a.txt"] == "Cats chase rats."


def test_a_fresh_file_is_not_trusted(docs: Path) -> None:
    path = docs / "a.txt"
    path.write_text("Cats")
    assert stamp_of(path) == ""
    assert stamp_of(docs) is None
    assert stamp_of(docs / "missing") is None


def test_files_are_read_again_by_newer_loaders(
    store: Store, docs: Path, loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    index_paths(store, [docs])
    monkeypatch.setattr(folders, "LOADERS", "next")
    assert index_paths(store, [docs]).unchanged == 3
    assert len(loads) == 6
    index_paths(store, [docs])
    assert len(loads) == 6


def test_a_file_that_changes_while_it_is_read_is_read_again(
    store: Store, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(path: Path) -> Iterator[Document | NotRead]:
        if path.name == "a.txt":
            path.write_text("Written in between.")
        yield from read_documents(path)
        if path.name == "a.txt":
            path.write_text("Cats chase mice.")

    with monkeypatch.context() as patch:
        patch.setattr("index.ingest.sync.read_documents", read)
        index_paths(store, [docs])
    assert texts(store)["a.txt"] == "Written in between."
    index_paths(store, [docs])
    assert texts(store)["a.txt"] == "Cats chase mice."


def test_an_archive_is_followed_like_a_folder(
    store: Store, docs: Path, loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def pack(**members: str) -> None:
        with zipfile.ZipFile(docs / "z.zip", "w") as archive:
            for name, text in members.items():
                archive.writestr(f"{name}.txt", text)

    def inside() -> dict[str, str]:
        return {name: text for name, text in texts(store).items() if name not in ("a.txt", "b.txt", "c.txt")}

    monkeypatch.setattr(folders, "TICK_NS", 0)
    pack(one="First words.", two="Second words.")
    index_paths(store, [docs])
    assert inside() == {"one.txt": "First words.", "two.txt": "Second words."}
    index_paths(store, [docs])
    assert loads.count("z.zip") == 1
    pack(one="First words.", three="Third words.")
    assert index_paths(store, [docs]).changed == 1
    assert inside() == {"one.txt": "First words.", "three.txt": "Third words."}
    pack(one="Other words.", three="")
    report = index_paths(store, [docs])
    assert [path.name for path, _ in report.failed] == ["z.zip"]
    assert inside() == {"one.txt": "Other words.", "three.txt": "Third words."}, "a part keeps its last good version"
    (docs / "z.zip").unlink()
    assert index_paths(store, [docs]).removed == 1
    assert inside() == {}


def test_a_document_removed_by_hand_comes_back_with_its_file(store: Store, docs: Path) -> None:
    index_paths(store, [docs])
    record = next(r for r in store.catalogue.records() if r.uri.endswith("a.txt"))
    store.remove(record.id)
    assert index_paths(store, [docs]).added == 1
    assert "a.txt" in texts(store)


class TestNotGone:
    """Reasons not to take for gone what is not there."""

    def test_an_empty_folder(self, store: Store, docs: Path) -> None:
        index_paths(store, [docs])
        shutil.rmtree(docs)
        docs.mkdir()
        report = index_paths(store, [docs])
        assert (report.removed, len(texts(store))) == (0, 3)
        assert kept_messages(report.plan) == [
            f"{docs} is empty, as a folder is whose disk is not mounted: 3 files indexed from there before stay in the "
            "store; remove what is gone for good with --prune"
        ]
        assert index_paths(store, [docs], prune=True).removed == 3
        assert texts(store) == {}

    def test_an_empty_folder_within(self, store: Store, docs: Path) -> None:
        index_paths(store, [docs])
        (docs / "sub" / "c.txt").unlink()
        (docs / "a.txt").unlink()
        report = index_paths(store, [docs])
        assert set(texts(store)) == {"b.txt", "c.txt"}
        assert list(report.plan.kept) == [docs / "sub"]

    def test_a_folder_within_that_is_gone_as_well(self, store: Store, docs: Path) -> None:
        index_paths(store, [docs])
        shutil.rmtree(docs / "sub")
        assert index_paths(store, [docs]).removed == 1
        assert set(texts(store)) == {"a.txt", "b.txt"}

    def test_a_folder_of_other_files_only(self, store: Store, docs: Path) -> None:
        index_paths(store, [docs])
        shutil.rmtree(docs)
        write(docs / "lost+found.dat", "")
        report = index_paths(store, [docs])
        assert (report.removed, report.plan.kept[docs][1]) == (0, 3)

    def test_a_folder_that_is_missing(self, store: Store, docs: Path) -> None:
        index_paths(store, [docs])
        shutil.rmtree(docs)
        with pytest.raises(InputError, match="no such file"):
            index_paths(store, [docs])
        assert len(texts(store)) == 3
        assert index_paths(store, [docs], prune=True).removed == 3
        with pytest.raises(InputError, match="no such file"):
            index_paths(store, [docs], prune=True)

    def test_an_unreadable_folder(self, store: Store, docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        index_paths(store, [docs])
        (docs / "sub" / "c.txt").unlink()
        listed = Path.iterdir

        def iterdir(self: Path) -> object:
            if self.name == "sub":
                raise OSError(5, "Input/output error", str(self))
            return listed(self)

        monkeypatch.setattr(Path, "iterdir", iterdir)
        report = index_paths(store, [docs], prune=True)
        assert (report.removed, report.plan.kept) == (0, {docs / "sub": ("cannot be read", 1)})

    def test_a_file_of_another_folder_or_collection(self, store: Store, docs: Path) -> None:
        index_paths(store, [docs])
        index_paths(store, [docs / "a.txt"], collection="other")
        write(docs.parent / "docs2" / "d.txt", "Other.")
        index_paths(store, [docs.parent / "docs2"])
        (docs / "a.txt").unlink()
        assert index_paths(store, [docs]).removed == 1
        assert set(texts(store)) == {"b.txt", "c.txt", "d.txt"}
        assert set(texts(store, "other")) == {"a.txt"}

    def test_a_document_that_came_another_way(self, store: Store, docs: Path, make_document: Any) -> None:
        index_paths(store, [docs])
        uploaded = Document(uri=(docs / "upload.txt").as_uri(), title="", text="Uploaded words.")
        store.put(uploaded)
        index_paths(store, [docs], prune=True)
        assert "upload.txt" in texts(store)

    def test_no_prune(self, store: Store, docs: Path) -> None:
        index_paths(store, [docs])
        (docs / "a.txt").unlink()
        report = index_paths(store, [docs], prune=False)
        assert (report.removed, len(texts(store)), report.plan.kept) == (0, 3, {})

    def test_one_named_file(self, store: Store, docs: Path) -> None:
        index_paths(store, [docs])
        (docs / "a.txt").unlink()
        assert index_paths(store, [docs / "b.txt"]).removed == 0
        assert len(texts(store)) == 3


def test_a_plan_does_nothing(store: Store, docs: Path) -> None:
    made = plan([docs], NothingKnown(), "default")
    assert [file.state for file in made.files] == ["new"] * 3
    index_paths(store, [docs])
    before = store.catalogue.generation()
    write(docs / "a.txt", "Other words.")
    (docs / "b.txt").unlink()
    made = plan([docs], store.catalogue, "default")
    assert [file.path.name for file in made.of("changed")] == ["a.txt"]
    assert [path_of(uri) for uri in made.gone] == [docs / "b.txt"]
    assert store.catalogue.generation() == before


@pytest.mark.parametrize("count", [1, 30])
def test_many_named_files(store: Store, tmp_path: Path, count: int) -> None:
    paths = [tmp_path / f"{n}.txt" for n in range(count)]
    for path in paths:
        write(path, f"Number {path.stem} speaks.")
    assert index_paths(store, paths).added == count
    assert index_paths(store, paths).unchanged == count


def test_a_moved_folder_is_not_stored_twice(store: Store, docs: Path, tmp_path: Path) -> None:
    index_paths(store, [docs], tags=["x"])
    before = {record.sha256 for record in store.catalogue.records()}
    moved = docs.rename(tmp_path / "elsewhere")
    made = plan([moved], store.catalogue, "default")
    assert len(made.moved) == len(before) and "elsewhere" in str(moved_message(made))
    report = index_paths(store, [moved])
    records = store.catalogue.records()
    assert report.added == len(records) == len(before)
    assert all(record.uri.startswith(moved.as_uri()) and record.tags == ("x",) for record in records)
    assert index_paths(store, [moved]).unchanged == len(before)


def test_a_copy_is_no_move_nor_is_what_may_be_out_of_reach(store: Store, docs: Path, tmp_path: Path) -> None:
    index_paths(store, [docs])
    count = len(store.catalogue.records())
    copy = tmp_path / "copy"
    shutil.copytree(docs, copy)
    assert plan([copy], store.catalogue, "default").moved == {}
    # As the folder of a disk that is not mounted.
    for path in docs.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    index_paths(store, [copy])
    assert len(store.catalogue.records()) == 2 * count


def test_tags_are_set_kept_and_changed(store: Store, docs: Path) -> None:
    def tags() -> set[tuple[str, ...]]:
        return {record.tags for record in store.catalogue.records()}

    index_paths(store, [docs], tags=["x", "y"])
    assert tags() == {("x", "y")}
    write(docs / "a.txt", "Other words.")
    index_paths(store, [docs])
    assert tags() == {("x", "y")}
    embedded = len(store.embedder.embedded)  # type: ignore[attr-defined]
    assert index_paths(store, [docs], tags=["z"]).changed == 3
    assert tags() == {("z",)}
    assert len(store.embedder.embedded) == embedded, "a tag costs no embedding"  # type: ignore[attr-defined]
    index_paths(store, [docs], tags=[])
    assert tags() == {()}


def test_a_name_of_any_bytes(store: Store, docs: Path) -> None:
    odd = os.fsdecode(b"odd \xff%41?#.txt")
    write(docs / odd, "Odd words.")
    index_paths(store, [docs])
    uri = (docs / odd).as_uri()
    assert path_of(uri) == docs / odd
    (docs / odd).unlink()
    assert index_paths(store, [docs]).removed == 1


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rounds=st.lists(
        st.dictionaries(
            st.sampled_from(["a.txt", "b.txt", "sub/c.txt", "sub/deep/d.txt", "z.md"]),
            st.sampled_from(["One word.", "Two words.", "Red cats."]),
        ),
        min_size=2,
        max_size=4,
    )
)
def test_however_a_folder_changes_the_store_holds_what_it_holds(
    rounds: list[dict[str, str]], make_embedder: Any
) -> None:
    with tempfile.TemporaryDirectory() as name:
        docs, store = Path(name) / "docs", Store(Path(name) / "store", make_embedder())
        for now in rounds:
            shutil.rmtree(docs, ignore_errors=True)
            docs.mkdir()
            (docs / "other.dat").touch()
            for path, text in now.items():
                write(docs / path, text)
            follow(store, plan([docs], store.catalogue, "default", prune=True))
            assert texts(store) == {path.rpartition("/")[2]: text for path, text in now.items()}
        store.close()
