"""What every store must do, wherever it is kept and searched."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from fakes.embedders import FakeEmbedder

from index.documents import Document, StoredPassage
from index.errors import ModelError
from index.location import Location
from index.store.store import Store
from index.text.passages import CutSettings

Open = Callable[..., Store]
SMALL = CutSettings(minimum=2, maximum=8, overlap=0)
CATS, DOGS, FISH = "Cats chase mice.", "Dogs bury bones.", "Fish swim upstream."


def make_document(name: str, text: str, **changes: object) -> Document:
    return Document.model_validate({"uri": f"file:///{name}", "title": name, "text": text} | changes)


def hits(store: Store, question: str, k: int = 5, **filters: Any) -> dict[str, list[StoredPassage]]:
    """What each index finds, as a reader would get it: through the catalogue."""
    ranked = store.search(question, store.embedder.embed([question])[0], k, **filters)
    snapshot = store.catalogue.snapshot([i for i, _ in [*ranked.dense, *ranked.lexical]])
    for passage in snapshot.passages.values():
        document = store.catalogue.document(passage.document_id)
        # Another thread may have put another version meanwhile.
        if document is not None and document.sha256 == snapshot.documents[document.id].sha256:
            assert document.text[passage.start : passage.end] == passage.text
    assert set(ranked.similarity) == {i for i, _ in [*ranked.dense, *ranked.lexical]}
    return {
        name: [snapshot.passages[i] for i, _ in part if i in snapshot.passages]
        for name, part in (("dense", ranked.dense), ("lexical", ranked.lexical))
    }


def best(store: Store, question: str, **filters: Any) -> tuple[str, str]:
    """The first text of the dense and of the lexical search, which here must agree with exact words."""
    ranked = hits(store, question, **filters)
    dense, lexical = (ranked[name][0].text if ranked[name] else "" for name in ("dense", "lexical"))
    return dense, lexical


def both(text: str) -> tuple[str, str]:
    return text, text


def documents_of(store: Store) -> list[Document]:
    documents = [store.catalogue.document(r.id) for r in store.catalogue.records()]
    return [document for document in documents if document is not None]


def passages_of(store: Store, document: Document) -> list[StoredPassage]:
    ids: list[int] = store.catalogue.passage_ids([document.id]).tolist()
    return list(store.catalogue.snapshot(ids).passages.values())


class CrashError(Exception):
    pass


class StoreContract:
    """What every store must do. `location` is where one can be made; `reopen` opens it any number of times."""

    @pytest.fixture
    def location(self) -> Iterator[Location]:
        raise NotImplementedError

    @pytest.fixture
    def reopen(self, location: Location) -> Iterator[Open]:
        opened: list[Store] = []

        def open_store(embedder: Any = None, *, create: bool = True) -> Store:
            opened.append(Store(location, embedder or FakeEmbedder(), cut=SMALL, create=create))
            return opened[-1]

        yield open_store
        for store in opened:
            store.close()

    def test_an_empty_store(self, reopen: Open) -> None:
        assert hits(reopen(), "anything") == {"dense": [], "lexical": []}

    def test_what_was_put_is_found(self, reopen: Open) -> None:
        store = reopen()
        for name, text in (("a", CATS), ("b", DOGS), ("c", FISH)):
            change = store.put(make_document(name, text))
            assert (change.changed, change.passages) == (True, 1)
        for opened in (store, reopen(), reopen(create=False)):
            assert best(opened, "dogs bury bones") == both(DOGS)
            assert best(opened, "fish swim upstream") == both(FISH)

    def test_similarities_are_inner_products(self, reopen: Open) -> None:
        store = reopen()
        store.put(make_document("a", CATS))
        ranked = store.search("bones", store.embedder.embed([CATS])[0], 5)
        assert [score for _, score in ranked.dense] == pytest.approx([1.0])
        assert list(ranked.similarity.values()) == pytest.approx([1.0])

    def test_an_unchanged_document_costs_no_embedding(self, reopen: Open) -> None:
        store = reopen()
        document = make_document("a", CATS)
        store.put(document)
        before = (list(store.embedder.embedded), store.catalogue.generation())  # type: ignore[attr-defined]
        again = store.put(document)
        assert (again.changed, again.passages) == (False, 0)
        assert (store.embedder.embedded, store.catalogue.generation()) == before  # type: ignore[attr-defined]

    def test_a_changed_document_replaces(self, reopen: Open) -> None:
        store = reopen()
        store.put(make_document("a", CATS))
        store.put(make_document("b", FISH))
        store.put(make_document("a", DOGS))
        assert store.catalogue.counts() == (2, 2)
        assert best(store, "dogs bury bones") == both(DOGS)
        assert hits(store, "cats chase mice")["lexical"] == []
        assert CATS not in {p.text for p in hits(store, "cats chase mice")["dense"]}

    def test_old_versions_take_no_place_among_the_k_best(self, reopen: Open) -> None:
        store = reopen()
        for n in range(4):
            store.put(make_document("a", f"{CATS} Version{n}."))
        store.put(make_document("b", DOGS))
        ranked = hits(store, f"{CATS} Version1.", k=2)
        assert [len(ranked["dense"]), len(ranked["lexical"])] == [2, 1]

    def test_a_removed_document_cannot_be_found(self, reopen: Open) -> None:
        store, other = reopen(), reopen()
        document = make_document("a", CATS)
        store.put(document)
        assert best(other, "cats") == both(CATS)
        assert store.remove(document.id)
        assert not store.remove(document.id)
        for opened in (store, other, reopen()):
            assert hits(opened, "cats chase mice") == {"dense": [], "lexical": []}

    def test_a_hit_of_before_finds_nothing_in_the_catalogue(self, reopen: Open) -> None:
        store, other = reopen(), reopen()
        store.put(make_document("a", CATS))
        stale = store.search("cats", store.embedder.embed(["cats"])[0], 5)
        other.put(make_document("a", DOGS))
        assert store.catalogue.snapshot([i for i, _ in stale.dense]).passages == {}

    def test_two_stores_see_each_others_changes(self, reopen: Open) -> None:
        one, two = reopen(), reopen()
        one.put(make_document("a", CATS))
        assert best(two, "cats chase mice") == both(CATS)
        two.put(make_document("b", DOGS))
        one.put(make_document("c", FISH))
        for store in (one, two):
            assert best(store, "dogs bury bones") == both(DOGS)
            assert best(store, "fish swim upstream") == both(FISH)

    def test_filters_bind_before_the_cut_to_k(self, reopen: Open) -> None:
        store = reopen()
        documents = [make_document(f"d{n}", f"Cats chase mice number{n}.") for n in range(30)]
        list(store.put_all(documents))
        wanted = {documents[7].id, documents[29].id}
        ranked = hits(store, "cats chase mice", k=5, documents=wanted)
        assert {p.document_id for p in ranked["dense"]} == {p.document_id for p in ranked["lexical"]} == wanted
        assert hits(store, "cats chase mice", documents=set()) == {"dense": [], "lexical": []}
        assert hits(store, "cats", documents={"unknown"}) == {"dense": [], "lexical": []}

    def test_headings_are_embedded_with_the_words(self, reopen: Open) -> None:
        store = reopen()
        store.put(
            make_document("a", "# Tower\n\nIt opened.", media_type="text/markdown", title="Eiffel", own_title=True)
        )
        assert all(text.startswith("Eiffel > Tower\n") for text in store.embedder.embedded)  # type: ignore[attr-defined]
        assert hits(store, "eiffel")["lexical"]

    @pytest.mark.parametrize("together", [1, 3, 1000])
    def test_a_crash_leaves_whole_documents_only(
        self, reopen: Open, monkeypatch: pytest.MonkeyPatch, together: int
    ) -> None:
        monkeypatch.setattr("index.store.store.EMBED_TOGETHER", together)
        text = "One stands here. Two stands there.\n\nThree is away. Four came back."

        def documents() -> Iterator[Document]:
            for n in range(7):
                yield make_document(f"d{n}", f"Number{n} begins. {text}")
            raise CrashError

        store = reopen()
        yielded = []
        with pytest.raises(CrashError):
            for change in store.put_all(documents()):
                yielded.append(change.document.id)
        again = reopen()
        records = again.catalogue.records()
        assert {r.id for r in records} == set(yielded)
        assert len(records) == (0 if together == 1000 else 7 if together == 1 else len(records))
        assert all(r.passages > 1 for r in records)
        for document in documents_of(again):
            covered = "".join(text[p.start : p.end] for p in passages_of(again, document) for text in [document.text])
            assert "".join(covered.split()) == "".join(document.text.split())
        ranked = hits(again, "number0 number3 one two", k=99)
        assert len(ranked["dense"]) == again.catalogue.counts()[1]

    def test_a_crash_between_delete_and_insert_keeps_the_old_version(
        self, reopen: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = reopen()
        store.put(make_document("a", CATS))

        def crash(_: object) -> bytes:
            raise CrashError

        with monkeypatch.context() as patch, pytest.raises(CrashError):
            patch.setattr("index.catalogue.rows.to_bytes", crash)
            store.put(make_document("a", DOGS))
        for opened in (store, reopen()):
            assert best(opened, "cats chase mice") == both(CATS)
            assert opened.catalogue.generation() == 1

    def test_another_embedder_is_refused_with_the_way_out(self, reopen: Open) -> None:
        reopen().put(make_document("a", CATS))
        other = reopen(FakeEmbedder("other", 16))
        for act in (other.check_embedder, lambda: other.put(make_document("b", DOGS))):
            with pytest.raises(ModelError, match=r"embedded with fake .*qa index --re-embed --embedder other --store"):
                act()
        assert other.catalogue.counts() == (1, 1)
        assert other.embedder.embedded == []  # type: ignore[attr-defined]

    def test_an_empty_store_has_no_embedder_until_it_is_filled(self, reopen: Open) -> None:
        reopen().check_embedder()
        reopen(FakeEmbedder("other")).put(make_document("a", CATS))
        with pytest.raises(ModelError, match="embedded with other"):
            reopen().check_embedder()

    def test_re_embedding(self, reopen: Open) -> None:
        first = reopen()
        list(first.put_all([make_document("a", CATS), make_document("b", DOGS)]))
        first.sync()
        new = FakeEmbedder("other", 16)
        store = reopen(new)
        store.re_embed()
        assert sorted(new.embedded) == [CATS, DOGS]
        store.check_embedder()
        for opened in (store, reopen(FakeEmbedder("other", 16))):
            assert best(opened, "cats chase mice") == both(CATS)
            ranked = opened.search(CATS, new.embed([CATS])[0], 1)
            assert [score for _, score in ranked.dense] == pytest.approx([1.0])
        with pytest.raises(ModelError, match="embedded with other"):
            first.check_embedder()
        store.put(make_document("c", FISH))
        assert best(store, "fish swim upstream") == both(FISH)

    def test_searching_while_documents_change(self, reopen: Open) -> None:
        store = reopen()
        store.put(make_document("steady", "Steady words stay."))
        stop = threading.Event()
        failures: list[BaseException] = []
        searches = 0

        def search() -> None:
            nonlocal searches
            try:
                while not stop.is_set():
                    assert best(store, "steady words stay") == both("Steady words stay.")
                    searches += 1
            except BaseException as error:  # noqa: BLE001 - shown below
                failures.append(error)

        threads = [threading.Thread(target=search) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            for n in range(6):
                store.put(make_document(f"d{n % 3}", f"Number{n} passes by."))
            store.remove(make_document("d0", "").id)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert failures == []
        assert searches > 0
        assert store.catalogue.counts() == (3, 3)
        assert {p.text for p in hits(store, "passes by", k=99)["lexical"]} == {
            "Number4 passes by.",
            "Number5 passes by.",
        }

    def test_documents_put_by_many_threads_are_all_found(self, reopen: Open) -> None:
        store = reopen()
        store.check_embedder(pin=True)
        threads = [
            threading.Thread(target=lambda n=n: store.put(make_document(f"d{n}", f"Number{n} stands alone.")))
            for n in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for n in range(6):
            assert best(store, f"number{n} stands alone") == both(f"Number{n} stands alone.")

    def test_vectors_of_the_batch_go_to_their_own_passages(self, reopen: Open, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("index.store.store.EMBED_TOGETHER", 4)
        store = reopen()
        texts = [
            ". ".join(f"Doc{d} part{p} words many more to fill it" for p in range(d % 3 + 1)) + "." for d in range(9)
        ]
        changes = list(store.put_all(make_document(f"d{n}", text) for n, text in enumerate(texts)))
        assert [c.document.title for c in changes] == [f"d{n}" for n in range(9)]
        assert sum(c.passages for c in changes) == store.catalogue.counts()[1] == 18
        for ids, vectors, stored in store.catalogue.changes_since(0).added:
            assert len(ids) == len(stored)
            assert np.allclose(vectors, store.embedder.embed([p.text for p in stored]))
