"""What every catalogue must do, by examples; `contracts.catalogue_model` has any history."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from index.catalogue.protocol import Catalogue
from index.catalogue.queries import SLICES_A_DOCUMENT
from index.catalogue.rows import ID_BATCH
from index.documents import (
    Document,
    DocumentVersion,
    Heading,
    Page,
    Passage,
    Row,
    Source,
    StoredPassage,
    Unread,
    document_id,
)
from index.selection import Selection
from index.text.passages import embedding_text

Open = Callable[[], Catalogue]


def document(name: str, text: str = "words", **changes: object) -> Document:
    return Document.model_validate({"uri": name, "title": name, "text": text} | changes)


def cut(*edges: tuple[int, int]) -> list[Passage]:
    return [Passage(start=start, end=end, context=f"c{start}") for start, end in edges]


def vectors(count: int, value: float = 1) -> NDArray[np.float32]:
    return np.full((count, 3), value, dtype=np.float32)


def put(
    catalogue: Catalogue, name: str, text: str = "words", passages: int = 1, value: float = 1, **fields: object
) -> bool:
    edges = [(n, n + 1) for n in range(passages)]
    return catalogue.put(document(name, text, **fields), cut(*edges), vectors(passages, value))


def added_since(catalogue: Catalogue, generation: int) -> dict[int, tuple[StoredPassage, list[float]]]:
    added = {}
    for ids, batch, stored in catalogue.changes_since(generation).added:
        assert len(ids) == len(batch) == len(stored) > 0
        assert batch.dtype == np.float32
        for number, vector, passage in zip(ids, batch, stored, strict=True):
            assert passage.id == number
            added[int(number)] = (passage, vector.tolist())
    return added


def every_id(catalogue: Catalogue) -> list[int]:
    ids: list[int] = catalogue.passage_ids([r.id for r in catalogue.records()]).tolist()
    return ids


class CatalogueContract:
    """What every catalogue must do, by examples. `reopen` opens the same catalogue any number of times."""

    @pytest.fixture
    def reopen(self) -> Iterator[Open]:
        raise NotImplementedError

    @pytest.fixture
    def catalogue(self, reopen: Open) -> Catalogue:
        return reopen()

    def test_empty(self, catalogue: Catalogue) -> None:
        assert (catalogue.generation(), catalogue.counts(), catalogue.records()) == (0, (0, 0), [])
        assert catalogue.setting("embedder") is None
        assert catalogue.document("x") is None
        assert catalogue.record("x") is None
        assert catalogue.version_of("x") is None
        assert not catalogue.remove("x")
        assert catalogue.generation() == 0
        assert catalogue.snapshot([1, 2]).passages == {}
        assert catalogue.passage_ids(["x"]).tolist() == catalogue.passage_ids([]).tolist() == []
        changes = catalogue.changes_since(0)
        assert (changes.generation, changes.removed, list(changes.added)) == (0, [], [])

    def test_a_document_comes_back_as_it_was(self, catalogue: Catalogue) -> None:
        given = document(
            "file:///é'\"%_",
            "Née\r\n😀 \x00 \u2028 e\u0301 end",
            title="T\n",
            own_title=True,
            media_type="text/markdown",
            source_sha256="ab",
            pages=(Page(number=1, start=0, end=4), Page(number=2, start=4, end=9)),
            collection="plans",
            tags=("b", "a"),
            date="2024-05",
            author="Ä",
            language="en",
            source="file:///é.zip",
            outline=(Heading(level=1, title="H", start=2),),
            rows=(Row(number=1, start=0, end=3),),
            unread=(Unread(part="page 3", reason="no text: \U0001f6f0"), Unread(part="header 1", reason="'\"")),
        )
        assert catalogue.put(given, cut((0, 3), (5, 6)), vectors(2))
        assert catalogue.document(given.id) == given
        assert catalogue.version_of(given.id) == given.sha256
        snapshot = catalogue.snapshot([*every_id(catalogue), 999])
        assert snapshot.documents == {
            given.id: DocumentVersion(given.id, given.uri, given.title, given.sha256, given.date)
        }
        assert catalogue.documents([given.id, "x"]) == {given.id: given}
        assert [(p.start, p.end, p.text, p.context) for p in snapshot.passages.values()] == [
            (0, 3, "Née", "c0"),
            (5, 6, "😀", "c5"),
        ]
        record = catalogue.record(given.id)
        assert record is not None
        assert (record.uri, record.passages, record.sha256) == (given.uri, 2, given.sha256)
        assert record.unread == given.unread
        assert catalogue.records() == [record]

    def test_code_points_are_counted(self, catalogue: Catalogue) -> None:
        put(catalogue, "a", "é😀e\u0301")
        assert [r.characters for r in catalogue.records()] == [4]

    @pytest.mark.parametrize("count", [1, SLICES_A_DOCUMENT, SLICES_A_DOCUMENT + 1])
    @pytest.mark.parametrize("text", ["aé😀bćd🛰e", "a\x00b\x00cdefg"])
    def test_passages_have_their_own_words(self, catalogue: Catalogue, text: str, count: int) -> None:
        assert catalogue.is_empty()
        put(catalogue, "other", "x" * 9)
        assert not catalogue.is_empty()
        edges = [(n, n + 3) for n in range(count)]
        catalogue.put(document("a", text), cut(*edges), vectors(count))
        snapshot = catalogue.snapshot(every_id(catalogue))
        assert [p.text for p in snapshot.passages.values()] == ["x", *(text[start:end] for start, end in edges)]

    def test_unchanged_is_no_change(self, catalogue: Catalogue) -> None:
        assert put(catalogue, "a")
        ids = every_id(catalogue)
        assert not put(catalogue, "a")
        assert (catalogue.generation(), every_id(catalogue)) == (1, ids)

    @pytest.mark.parametrize(
        "change",
        [
            {"text": "other"},
            {"title": "other"},
            {"media_type": "x/y"},
            {"own_title": True},
            {"source_sha256": "ab"},
            {"pages": (Page(number=1, start=0, end=4),)},
            {"tags": ("a",)},
            {"date": "2024"},
            {"author": "A"},
            {"language": "en"},
            {"outline": (Heading(level=1, title="H", start=2),)},
            {"rows": (Row(number=1, start=0, end=3),)},
            {"source": "file:///a"},
            {"unread": (Unread(part="page 3", reason="no text"),)},
        ],
    )
    def test_changed_replaces(self, catalogue: Catalogue, change: dict[str, object]) -> None:
        put(catalogue, "a", passages=3)
        old = every_id(catalogue)
        changed = document("a").model_copy(update=change)
        assert catalogue.put(changed, cut((0, 2)), vectors(1))
        assert (catalogue.counts(), catalogue.generation()) == ((1, 1), 2)
        assert catalogue.document(changed.id) == changed
        assert not set(old) & set(every_id(catalogue))
        assert catalogue.snapshot(old).passages == {}

    def test_the_same_uri_in_two_collections_is_two_documents(self, catalogue: Catalogue) -> None:
        given = [document("a", "x"), document("a", "y", collection="plans"), document("a", "z", collection="bills")]
        for each in given:
            assert catalogue.put(each, cut((0, 1)), vectors(1))
        assert [catalogue.document(each.id) for each in given] == given
        assert {(r.collection, r.uri) for r in catalogue.records()} == {
            ("default", "a"),
            ("plans", "a"),
            ("bills", "a"),
        }
        assert catalogue.remove(given[1].id)
        assert [catalogue.document(each.id) for each in given] == [given[0], None, given[2]]

    def test_a_description_changes_alone(self, catalogue: Catalogue) -> None:
        put(catalogue, "a", passages=2)
        ids = every_id(catalogue)
        described = document("a", tags=("x", "y"), date="2024", author="A", language="en", source_sha256="cd")
        described = described.with_unread([Unread(part="page 3", reason="no text")])
        assert catalogue.describe(described)
        assert catalogue.document(described.id) == described
        assert (every_id(catalogue), catalogue.generation()) == (ids, 2)
        assert catalogue.describe(described)
        assert catalogue.generation() == 2
        assert catalogue.describe(document("a"))
        assert catalogue.document(described.id) == document("a")

    @pytest.mark.parametrize("change", [{"text": "other"}, {"title": "other"}, {"own_title": True}, {"uri": "b"}])
    def test_no_description_where_passages_change(self, catalogue: Catalogue, change: dict[str, object]) -> None:
        put(catalogue, "a")
        assert not catalogue.describe(document("a", tags=("x",)).model_copy(update=change))
        assert (catalogue.document(document_id("a")), catalogue.generation()) == (document("a"), 1)

    def test_a_file_and_what_was_found_in_it(self, catalogue: Catalogue) -> None:
        kept = Source("file:///z.zip", "ab", "1-2", "1")
        given = [document(f"file:///z.zip!/{n}", source=kept.uri) for n in "abc"]
        other = document("file:///y.txt", source="file:///y.txt")
        for each in [*given, other]:
            catalogue.put(each, cut((0, 1)), vectors(1))
        assert catalogue.sources("default") == {}
        assert catalogue.keep_sources("default", {kept: [each.id for each in given]}) == []
        assert catalogue.sources("default") == {kept.uri: kept}
        assert catalogue.sources("other") == {}
        assert catalogue.sources("default", "file:///Z") == {}
        assert catalogue.keep_sources("default", {Source(kept.uri, "ab", "3", "1"): None}) == []
        assert catalogue.sources("default", "file:///z.")[kept.uri].stamp == "3"
        later = Source(kept.uri, "cd", "", "1")
        before = catalogue.generation()
        assert catalogue.keep_sources("default", {later: [given[1].id]}) == sorted([given[0].id, given[2].id])
        assert catalogue.sources("default", "file:///z") == {kept.uri: later}
        assert {r.id for r in catalogue.records()} == {given[1].id, other.id}
        assert catalogue.generation() == before + 1
        assert catalogue.remove_sources("other", [kept.uri]) == []
        assert catalogue.remove_sources("default", [kept.uri]) == [given[1].id]
        assert catalogue.sources("default") == {}
        assert {r.id for r in catalogue.records()} == {other.id}

    def test_a_file_is_forgotten_with_a_document_of_it(self, catalogue: Catalogue) -> None:
        kept = Source("file:///a", "ab", "1", "1")
        given = document("file:///a", source=kept.uri)
        replaced = document("file:///a", "put by somebody else")
        for change in (lambda: catalogue.remove(given.id), lambda: catalogue.put(replaced, cut((0, 1)), vectors(1))):
            catalogue.put(given, cut((0, 1)), vectors(1))
            catalogue.keep_sources("default", {kept: [given.id]})
            assert change()
            assert catalogue.sources("default") == {}

    def test_passages_and_vectors_must_fit(self, catalogue: Catalogue) -> None:
        with pytest.raises(ValueError, match="1 passages but 2 vectors"):
            catalogue.put(document("a"), cut((0, 1)), vectors(2))
        assert catalogue.counts() == (0, 0)

    def test_numbers_of_removed_passages_are_not_given_again(self, reopen: Open) -> None:
        seen: set[int] = set()
        for _ in range(3):
            catalogue = reopen()
            put(catalogue, "a", passages=2)
            now = set(every_id(catalogue))
            assert len(now) == 2
            assert not seen & now
            seen |= now
            assert catalogue.remove(document_id("a"))
            catalogue.close()

    def test_many_passages_come_in_batches(self, catalogue: Catalogue) -> None:
        count = 2 * ID_BATCH + 1
        given = document("a", "x" * count)
        catalogue.put(
            given, cut(*((n, n + 1) for n in range(count))), np.arange(count * 3, dtype=np.float32).reshape(-1, 3)
        )
        ids = every_id(catalogue)
        assert len(catalogue.snapshot(ids).passages) == count
        added = added_since(catalogue, 0)
        assert list(added) == ids
        assert added[ids[-1]][1] == [count * 3 - 3, count * 3 - 2, count * 3 - 1]

    def test_records_are_paged_by_uri(self, catalogue: Catalogue) -> None:
        for name in ("c", "a", "b"):
            put(catalogue, name)
        assert [r.uri for r in catalogue.records()] == ["a", "b", "c"]
        assert [r.uri for r in catalogue.records(limit=1, offset=1)] == ["b"]
        assert [r.uri for r in catalogue.records(offset=2)] == ["c"]
        assert catalogue.records(limit=0) == []

    def test_filters_are_exact(self, catalogue: Catalogue) -> None:
        names = ["file:///Docs/a", "file:///docs/b", "file:///docs_c", "file:///docs%2F"]
        for name in names:
            put(catalogue, name)
        by_prefix = {
            prefix: catalogue.allowed_documents(Selection(uri_prefix=prefix))
            for prefix in ("file:///docs", "file:///docs_", "")
        }
        assert by_prefix["file:///docs"] == {document_id(name) for name in names[1:]}
        assert by_prefix["file:///docs_"] == {document_id(names[2])}
        assert by_prefix[""] == {document_id(name) for name in names}
        assert catalogue.allowed_documents(Selection(uri_prefix="%")) == set()
        both = (document_id(names[0]), document_id(names[1]), "unknown")
        assert catalogue.allowed_documents(Selection(both)) == set(both[:2])
        assert catalogue.allowed_documents(Selection(both, "file:///d")) == {both[1]}
        many = tuple(f"unknown {number}" for number in range(2_000))
        assert catalogue.allowed_documents(Selection((*many, both[0]))) == {both[0]}

    def test_filters_on_what_is_known_of_documents(self, catalogue: Catalogue) -> None:
        known: dict[str, dict[str, Any]] = {
            "day": {"date": "2021-03-05", "tags": ("a", "b")},
            "time": {"date": "2021-03-05T23:59:00Z", "tags": ("b",)},
            "month": {"date": "2021-03", "collection": "other"},
            "year": {"date": "2021", "collection": "other", "tags": ("c",)},
            "none": {},
        }
        for name, fields in known.items():
            put(catalogue, name, **fields)

        def selected(**fields: Any) -> set[str]:
            selection = Selection(**fields)
            records = catalogue.records(selection)
            assert catalogue.count(selection) == len(records)
            assert catalogue.allowed_documents(selection) == {record.id for record in records}
            return {record.uri for record in records}

        assert selected() == set(known)
        assert selected(collections=("other",)) == {"month", "year"}
        assert selected(collections=("Other",)) == selected(collections=("",)) == set()
        assert selected(collections=("other", "default"), tags=("b", "c")) == {"day", "time", "year"}
        assert selected(date_from="2021-03-05", date_to="2021-03-05") == {"day", "time", "month", "year"}
        assert selected(date_from="2021-03-06") == {"month", "year"}
        assert selected(date_from="2021-04") == {"year"}
        assert selected(date_to="2021-03-04") == {"month", "year"}
        assert selected(date_to="2021-02") == {"year"}
        assert selected(date_from="2021", date_to="2021") == {"day", "time", "month", "year"}
        assert selected(date_from="2022") == selected(date_to="2020-12-31") == set()

    @pytest.mark.slow
    def test_records_follow_a_place(self, catalogue: Catalogue) -> None:
        for name, collection in (("b", "x"), ("a", "x"), ("b", "y"), ("c", "default")):
            put(catalogue, name, collection=collection)
        everything = [(record.uri, record.collection) for record in catalogue.records()]
        for number, place in enumerate(everything):
            following = catalogue.records(after=place, limit=2)
            assert [(record.uri, record.collection) for record in following] == everything[number + 1 : number + 3]
        assert catalogue.records(after=("a", "w"))[0].uri == "a"

    def test_settings(self, reopen: Open) -> None:
        catalogue = reopen()
        catalogue.set_settings({"embedder": "a", "dimensions": "3"})
        catalogue.set_settings({"embedder": "b"})
        assert (reopen().setting("embedder"), reopen().setting("dimensions")) == ("b", "3")
        assert catalogue.generation() == 0, "a setting changes no passage"

    def test_re_embedding_replaces_every_vector(self, catalogue: Catalogue) -> None:
        put(catalogue, "a", "ab", passages=2)
        before = catalogue.generation()
        asked: list[str] = []

        def embed(texts: list[str]) -> NDArray[np.float32]:
            asked.extend(texts)
            return vectors(len(texts), 9)

        catalogue.re_embed(embed, {"embedder": "new"})
        assert asked == [embedding_text("c0", "a"), embedding_text("c1", "b")]
        assert catalogue.setting("embedder") == "new"
        assert [vector for _, vector in added_since(catalogue, before).values()] == [[9, 9, 9]] * 2

    def test_re_embedding_is_all_or_nothing(self, catalogue: Catalogue) -> None:
        put(catalogue, "a", passages=ID_BATCH + 5)
        calls = 0

        def fails_later(texts: list[str]) -> NDArray[np.float32]:
            nonlocal calls
            calls += 1
            if calls == 2:
                raise KeyboardInterrupt
            return vectors(len(texts), 9)

        with pytest.raises(KeyboardInterrupt):
            catalogue.re_embed(fails_later, {"embedder": "new"})
        assert (catalogue.generation(), catalogue.setting("embedder")) == (1, None)
        assert {tuple(vector) for _, vector in added_since(catalogue, 0).values()} == {(1, 1, 1)}

    def test_changes_are_read_while_documents_change(self, catalogue: Catalogue) -> None:
        put(catalogue, "a", passages=ID_BATCH + 5)
        put(catalogue, "b")
        changes = catalogue.changes_since(0)
        first = next(changes.added)
        catalogue.remove(document_id("a"))
        put(catalogue, "c")
        model = {int(i) for i in first[0]} | {int(i) for ids, _, _ in changes.added for i in ids}
        assert not model & set(catalogue.passage_ids([document_id("c")]).tolist()), "it is of a later generation"
        later = catalogue.changes_since(changes.generation)
        model = model - set(later.removed) | {int(i) for ids, _, _ in later.added for i in ids}
        assert model == set(every_id(catalogue))

    def test_writers_in_threads_lose_nothing(self, reopen: Open) -> None:
        reopen()
        failures: list[Exception] = []

        def work(number: int) -> None:
            try:
                mine = reopen()
                for n in range(5):
                    put(mine, f"{number}-{n}")
                mine.close()
            except Exception as error:  # noqa: BLE001 - shown below
                failures.append(error)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert (reopen().counts(), reopen().generation()) == ((20, 20), 20)
