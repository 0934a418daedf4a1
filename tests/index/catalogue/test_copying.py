"""Copying a store: all of it, whatever happens meanwhile, and nothing of anybody's is lost."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scale.locations
from fakes.embedders import FakeEmbedder

from index.catalogue.copying import ROUNDS, copy_catalogue
from index.catalogue.protocol import Catalogue, Entry
from index.catalogue.sqlite import SqliteCatalogue
from index.documents import Document, Source, document_id
from index.errors import StoreError
from index.location import Location
from index.store.health import check_store
from index.store.store import Store
from index.text.passages import CutSettings

pytestmark = pytest.mark.slow

SMALL = CutSettings(minimum=2, maximum=8, overlap=0)
PLACES = ["folder", *scale.locations.here()]
# From a folder into each kind and back; with servers there, also from one of them into another.
WAYS = [("folder", place) for place in PLACES] + [(place, "folder") for place in PLACES[1:]]
WAYS += [("postgres+milvus", "postgres+milvus-lite")] if len(PLACES) > 3 else []
Open = Callable[[str], Store]


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Open]:
    with ExitStack() as stack:

        def open_one(place: str) -> Store:
            folder = tmp_path / f"store{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            location: Location = folder
            if place != "folder":
                location = stack.enter_context(scale.locations.server_store(place, folder))
            store = Store(location, FakeEmbedder(), cut=SMALL)
            stack.callback(store.close)
            return store

        yield open_one


def document(name: str, text: str, **fields: Any) -> Document:
    return Document.model_validate({"uri": f"file:///{name}", "title": name, "text": text} | fields)


def fill(store: Store, count: int = 12) -> None:
    """Documents of several passages, in order of neither URI nor id, with all that can be known of them."""
    documents = [
        document(
            f"{n * 7 % count:02}",
            "\n\n".join(f"Part{p} of number{n} says word{n * p}." for p in range(n % 5)),
            tags=("x", f"t{n % 3}"),
            date="2024-05",
            collection="plans" if n % 4 == 0 else "default",
            source=f"file:///{n * 7 % count:02}",
        )
        for n in range(count)
    ]
    list(store.put_all(documents))
    for collection in ("plans", "default"):
        documents_by_source = {
            Source(d.uri, d.sha256, "1-2", "1"): [d.id] for d in documents if d.collection == collection
        }
        store.catalogue.keep_sources(collection, documents_by_source)
    store.catalogue.set_settings({"promise": "{}"})
    store.sync()


def contents(catalogue: Catalogue) -> dict[str, object]:
    """All that a catalogue holds, passages by their order."""
    ids = catalogue.document_ids("", 10_000)
    of_each_store = ("store_id", "generation", "copied_from", "unfinished_copy")
    return {
        "documents": {d.id: (d, list(cut), np.asarray(vectors).tolist()) for d, cut, vectors in catalogue.entries(ids)},
        "order": list(dict.fromkeys(catalogue.document_order(0, 10_000)[0])),
        "settings": {name: value for name, value in catalogue.settings().items() if name not in of_each_store},
        "sources": {one: catalogue.sources(one) for one in sorted(catalogue.source_collections())},
    }


def copy(source: Catalogue, target: Catalogue, progress: Callable[[int, int], None] = lambda *_: None) -> Any:
    return copy_catalogue(source, target, progress)


def ranked(store: Store, question: str) -> list[list[tuple[str, int, float]]]:
    """What each index finds, by document and offset, with its score."""
    vector = store.embedder.embed([question])[0]
    result = store.search(question, vector, 5)
    hits = [result.dense, result.lexical]
    passages = store.catalogue.snapshot([i for part in hits for i, _ in part]).passages
    return [[(passages[i].document_id, passages[i].start, s) for i, s in part] for part in hits]


@pytest.mark.parametrize(("origin", "goal"), WAYS)
def test_both_hold_the_same_and_find_the_same(open_store: Open, origin: str, goal: str) -> None:
    source, target = open_store(origin), open_store(goal)
    fill(source)
    seen: list[tuple[int, int]] = []
    moved = copy(source.catalogue, target.catalogue, lambda done, of: seen.append((done, of)))
    target.sync()
    assert contents(target.catalogue) == contents(source.catalogue)
    assert (moved.documents, moved.passages) == source.catalogue.counts()
    assert (moved.copied, moved.removed) == (12, 0)
    assert seen[-1] == (moved.passages, moved.passages)
    for question in ("Part1 number3 word3", "number7"):
        (dense, lexical), (dense_there, lexical_there) = ranked(source, question), ranked(target, question)
        # Engines count the words of a collection in ways of their own, and equal hits stand in any order.
        assert [score for *_, score in dense_there] == pytest.approx([score for *_, score in dense], rel=1e-4)
        assert [hit[:2] for hit in lexical_there[:1]] == [hit[:2] for hit in lexical[:1]]
    again = copy(source.catalogue, target.catalogue)
    assert (again.copied, again.sha256) == (0, moved.sha256)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Store, SqliteCatalogue]]:
    source, target = Store(tmp_path / "a", FakeEmbedder(), cut=SMALL), SqliteCatalogue(tmp_path / "b")
    fill(source)
    yield source, target
    source.close()
    target.close()


@pytest.mark.parametrize("failing", [1, 3, 5])
@pytest.mark.parametrize("late", [False, True], ids=["before the batch", "after it"])
def test_interrupted_it_goes_on(
    two: tuple[Store, SqliteCatalogue], monkeypatch: pytest.MonkeyPatch, failing: int, late: bool
) -> None:
    source, target = two
    monkeypatch.setattr("index.catalogue.copying.PASSAGES_TOGETHER", 4)
    put_all = target.put_all
    calls = 0

    def interrupted(entries: list[Entry]) -> list[bool]:
        nonlocal calls
        calls += 1
        if calls == failing and not late:
            raise KeyboardInterrupt
        changed = put_all(entries)
        if calls == failing:
            raise KeyboardInterrupt
        return changed

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(target, "put_all", interrupted)
        copy(source.catalogue, target)
    already = target.counts()[0]
    moved = copy(source.catalogue, target)
    assert moved.copied == 12 - already
    assert contents(target) == contents(source.catalogue)


@pytest.mark.slow
def test_the_source_changes_meanwhile(two: tuple[Store, SqliteCatalogue], monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = two
    monkeypatch.setattr("index.catalogue.copying.PASSAGES_TOGETHER", 3)
    known = source.catalogue.records()
    changes: list[Callable[[], object]] = [
        lambda: source.put(document("new", "Something new. It came later.")),
        lambda: source.put(document("01", "Another text now.")),
        lambda: source.remove(known[0].id),
        lambda: source.catalogue.describe(
            source.catalogue.document(known[5].id).model_copy(update={"tags": ("z",)})  # type: ignore[union-attr]
        ),
        lambda: source.catalogue.remove_sources("default", [known[7].uri]),
        lambda: source.catalogue.set_settings({"promise": ""}),
        lambda: source.remove(document_id("file:///new")),
    ]

    def progress(*_: int) -> None:
        if changes:
            changes.pop(0)()

    copy(source.catalogue, target, progress)
    assert not changes
    assert contents(target)["documents"] == contents(source.catalogue)["documents"]
    assert contents(target)["sources"] == contents(source.catalogue)["sources"]
    source.put(document("02", "Changed after the first copy."))
    assert source.remove(known[8].id)
    moved = copy(source.catalogue, target)
    assert (moved.copied, moved.removed) == (1, 1)
    assert contents(target)["documents"] == contents(source.catalogue)["documents"]


def test_new_vectors_of_old_passages_are_copied(two: tuple[Store, SqliteCatalogue]) -> None:
    source, target = two
    copy(source.catalogue, target)
    source.catalogue.re_embed(FakeEmbedder("other").embed, {"embedder": "other"})
    copy(source.catalogue, target)
    assert contents(target) | {"order": 0} == contents(source.catalogue) | {"order": 0}


@pytest.mark.slow
def test_a_source_that_never_rests(two: tuple[Store, SqliteCatalogue], monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = two
    entries = source.catalogue.entries
    number = 0

    def restless(ids: list[str]) -> list[Entry]:
        nonlocal number
        number += 1
        source.catalogue.put_all([(document("busy", f"Number{number}"), [], np.empty((0, 64), np.float32))])
        return entries(ids)

    with monkeypatch.context() as patch, pytest.raises(StoreError, match=f"changed each of the {ROUNDS} times"):
        patch.setattr(source.catalogue, "entries", restless)
        copy(source.catalogue, target)
    copy(source.catalogue, target)
    assert contents(target)["documents"] == contents(source.catalogue)["documents"]


def test_what_others_put_is_never_lost(two: tuple[Store, SqliteCatalogue], tmp_path: Path) -> None:
    source, target = two
    entries = [(document("own", "Mine."), [], np.empty((0, 64), np.float32))]
    copy(source.catalogue, target)
    target.put_all(entries)
    with pytest.raises(StoreError, match="was changed since it was copied"):
        copy(source.catalogue, target)
    assert target.counts()[0] == 13
    filled = SqliteCatalogue(tmp_path / "c")
    filled.put_all(entries)
    with pytest.raises(StoreError, match="holds documents of its own"):
        copy(source.catalogue, filled)
    assert filled.counts()[0] == 1
    with pytest.raises(StoreError, match="copied into itself"):
        copy(source.catalogue, source.catalogue)
    with pytest.raises(StoreError, match="copied from another store"):
        copy(filled, target)


def test_somebody_writes_to_the_target_while_it_is_filled(
    two: tuple[Store, SqliteCatalogue], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = two
    monkeypatch.setattr("index.catalogue.copying.PASSAGES_TOGETHER", 3)

    def progress(done: int, _of: int) -> None:
        if done > 4:
            target.put_all([(document("own", "Mine."), [], np.empty((0, 64), np.float32))])

    with pytest.raises(StoreError, match="was changed since it was copied"):
        copy(source.catalogue, target, progress)
    assert target.document(document_id("file:///own")) is not None


def test_a_copy_that_is_not_finished_is_neither_asked_nor_added_to_nor_copied(
    two: tuple[Store, SqliteCatalogue], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, _ = two
    half = Store(tmp_path / "half", FakeEmbedder(), cut=SMALL)
    target = half.catalogue
    monkeypatch.setattr("index.catalogue.copying.PASSAGES_TOGETHER", 4)

    def stop(done: int, _: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy(source.catalogue, target, stop)
    with pytest.raises(StoreError, match="unfinished copy of another store"):
        half.check_embedder()
    with pytest.raises(StoreError, match="unfinished copy of another store"):
        list(half.put_all([document("new", "Something new.")]))
    with pytest.raises(StoreError, match="an unfinished copy itself"):
        copy(target, SqliteCatalogue(tmp_path / "c"))
    assert any("interrupted" in finding.problem for finding in check_store(half).findings)
    copy(source.catalogue, target)
    half.check_embedder()
    assert check_store(half).sound
    # Brought up to what the source is later, it is none of a moment until it is done.
    source.remove(document_id("file:///03"))
    seen: list[str | None] = []
    remove_sources = target.remove_sources

    def looking(collection: str, uris: Collection[str]) -> list[str]:
        seen.append(target.setting("unfinished_copy"))
        return remove_sources(collection, uris)

    monkeypatch.setattr(target, "remove_sources", looking)
    copy(source.catalogue, target)
    assert seen == ["yes"] and not target.setting("unfinished_copy")
    # With nothing to do it stays in use.
    copy(source.catalogue, target)
    assert seen == ["yes"]
