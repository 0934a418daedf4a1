"""What was removed is gone: from every answer, every index and every byte of the store's files."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.disk.marks import Mark, mark_folder
from index.documents import Document
from index.errors import StoreError
from index.search.index_folders import DERIVED_FOLDER
from index.store.removal import remove_documents
from index.store.store import Store
from index.text.passages import CutSettings

Make = Callable[..., Document]
SMALL = CutSettings(minimum=2, maximum=8, overlap=0)


@pytest.fixture
def store(tmp_path: Path, make_embedder: Any) -> Iterator[Store]:
    opened = Store(tmp_path / "store", make_embedder(), cut=SMALL)
    yield opened
    opened.close()


def traces(folder: Path, words: list[bytes]) -> list[tuple[str, bytes]]:
    return [
        (path.name, word)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for word in words
        if word.lower() in path.read_bytes().lower()
    ]


def secret(name: str, version: int) -> str:
    """Words that stand nowhere else, enough of them for overflow pages and several passages."""
    return " ".join(f"Zq{name}v{version}x{number} sleeps." for number in range(700))


def words_of(name: str, version: int) -> list[bytes]:
    return [f"zq{name}v{version}x{number}".encode() for number in (0, 350, 699)]


def test_a_receipt_counts_what_went_and_what_is_left(store: Store, make_document: Make) -> None:
    put = make_document("a", secret("a", 1))
    list(store.put_all([put, make_document("b", "Bees hum.")]))
    store.sync()
    vectors = [
        vector.tobytes()
        for vector in store.catalogue.embeddings(store.catalogue.passage_ids([put.id]).tolist()).values()
    ]
    assert traces(store.folder, words_of("a", 1)) and traces(store.folder, vectors[:1])
    count = len(vectors)
    (receipt,) = remove_documents(store, [put.id, "unknown"], purge=True)
    assert (receipt.id, receipt.sha256, receipt.passages, receipt.purged) == (put.id, put.sha256, count, True)
    assert receipt.left == {"texts": 0, "passages": 0, "vectors": 0, "lexical entries": 0}
    assert receipt.generation == store.catalogue.generation()
    assert traces(store.folder, [*words_of("a", 1), *vectors]) == []
    # The other one is as it was.
    ((number, _),) = store.search("bees", store.embedder.embed(["Bees hum."])[0], 1).dense
    assert store.catalogue.snapshot([number]).passages[number].text == "Bees hum."


CHANGES = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["put", "remove"])), min_size=1, max_size=6)


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES)
def test_no_byte_of_what_was_is_left(
    tmp_path_factory: pytest.TempPathFactory, make_embedder: Any, make_document: Make, changes: list[tuple[str, str]]
) -> None:
    store = Store(tmp_path_factory.mktemp("store"), make_embedder(), cut=SMALL)
    versions: dict[str, int] = {}
    there: set[str] = set()
    for name, change in changes:
        if change == "put":
            versions[name] = versions.get(name, 0) + 1
            store.put(make_document(name, secret(name, versions[name])))
            there.add(name)
        elif name in there:
            store.remove(make_document(name, "").id)
            there.remove(name)
    store.purge()
    past = [
        word
        for name, last in versions.items()
        for version in range(1, last + 1)
        if version < last or name not in there
        for word in words_of(name, version)
    ]
    assert traces(store.folder, past) == []
    for name in there:
        # Not lost either, and what this finds would be found of the others.
        assert traces(store.folder, words_of(name, versions[name])[:1])
        assert store.search(f"zq{name}v{versions[name]}x5", store.embedder.embed([name])[0], 3).lexical
    store.close()


def test_a_purge_also_takes_what_killed_ones_left(store: Store, make_document: Make) -> None:
    put = make_document("a", secret("a", 1))
    store.put(put)
    (lexical,) = (store.folder / DERIVED_FOLDER).glob("*/lexical")
    # What is there when a process is killed between moving aside and removing, and in a restoration.
    shutil.copytree(lexical, lexical.parent / "lexical-old-abcdef_1" / "lexical")
    left = store.folder / ".spanqa-restore-abcdef_1"
    left.mkdir()
    mark_folder(left, Mark("restore", ""))
    (left / "catalogue.sqlite").write_text(put.text)
    assert traces(store.folder, words_of("a", 1))
    remove_documents(store, [put.id], purge=True)
    assert traces(store.folder, words_of("a", 1)) == []


def test_a_store_is_purged_while_it_is_read(store: Store, make_document: Make) -> None:
    list(store.put_all(make_document(f"d{n}", f"Word{n} stands. Cats chase mice.") for n in range(30)))
    vector = store.embedder.embed(["Cats chase mice."])[0]
    store.sync()
    stop, failures = threading.Event(), []

    def search() -> None:
        while not stop.is_set():
            try:
                assert store.search("cats", vector, 5).lexical
            except Exception as error:  # noqa: BLE001 - told by the test
                failures.append(error)
                return

    reader = threading.Thread(target=search)
    reader.start()
    for n in range(5):
        remove_documents(store, [make_document(f"d{n}", "").id], purge=True)
    stop.set()
    reader.join()
    assert failures == []


@pytest.mark.parametrize("failing", ["purge", "sync"])
def test_a_removal_that_was_done_says_so_where_its_traces_cannot_be_taken_out(
    store: Store, make_document: Make, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    put = [make_document(name, f"{name} sleeps.") for name in "ab"]
    list(store.put_all(put))
    store.sync()
    before = store.catalogue.generation()
    done = getattr(store, failing)

    def full() -> None:
        if failing == "purge" or store.catalogue.generation() > before:
            raise StoreError("no room: 0.0 MB are free on its disk")
        done()

    with monkeypatch.context() as patch:
        patch.setattr(store, failing, full)
        with pytest.raises(StoreError, match=r"1 of 1 documents were removed.*are free.*qa store purge --store"):
            remove_documents(store, [put[0].id], purge=True)
        assert store.catalogue.document(put[0].id) is None
    with monkeypatch.context() as patch:
        patch.setattr(store.catalogue, "remove", lambda _: full())
        before = -1
        with pytest.raises(StoreError, match=r"^no room"):
            remove_documents(store, [put[1].id], purge=False)
    assert store.catalogue.document(put[1].id) is not None
