"""What every catalogue must do, by examples and against a model; and SQLite files that cannot be one."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from numpy.typing import NDArray
from scale.locations import postgres_schema
from sqlalchemy import create_engine, text

from index.catalogue import schema
from index.catalogue.postgres import PostgresCatalogue
from index.catalogue.sql import SLICES_A_DOCUMENT, Catalogue, SqliteCatalogue, embedding_text
from index.catalogue.writing import ID_BATCH
from index.documents import Document, DocumentVersion, Heading, Page, Passage, Row, Source, StoredPassage, document_id
from index.errors import InputError, StoreError
from index.location import ServerStore, parse_location
from index.selection import Selection

NEEDS_POSTGRES = pytest.mark.skipif("QA_TEST_POSTGRES" not in os.environ, reason="make test-scale starts PostgreSQL")


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
    found = {}
    for ids, batch, stored in catalogue.changes_since(generation).added:
        assert len(ids) == len(batch) == len(stored) > 0
        assert batch.dtype == np.float32
        for number, vector, passage in zip(ids, batch, stored, strict=True):
            assert passage.id == number
            found[int(number)] = (passage, vector.tolist())
    return found


def every_id(catalogue: Catalogue) -> list[int]:
    ids: list[int] = catalogue.passage_ids([r.id for r in catalogue.records()]).tolist()
    return ids


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=NEEDS_POSTGRES)])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Catalogue]]:
    if request.param == "sqlite":
        yield lambda: SqliteCatalogue(tmp_path / "catalogue")
        return
    with postgres_schema() as store:
        opened: list[Catalogue] = []

        def open_one() -> Catalogue:
            opened.append(PostgresCatalogue(store))
            return opened[-1]

        yield open_one
        for catalogue in opened:
            catalogue.close()


@pytest.fixture
def catalogue(reopen: Callable[[], Catalogue]) -> Catalogue:
    return reopen()


class TestEveryBackend:
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
            "file:///é'\"%_", "Née\r\n😀 \x00 \u2028 e\u0301 end", title="T\n", own_title=True,
            media_type="text/markdown", source_sha256="ab",
            pages=(Page(number=1, start=0, end=4), Page(number=2, start=4, end=9)), collection="plans",
            tags=("b", "a"), date="2024-05", author="Ä", language="en", source="file:///é.zip",
            outline=(Heading(level=1, title="H", start=2),), rows=(Row(number=1, start=0, end=3),),
        )  # fmt: skip
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

    def test_numbers_of_removed_passages_are_not_given_again(self, reopen: Callable[[], Catalogue]) -> None:
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
        found = added_since(catalogue, 0)
        assert list(found) == ids
        assert found[ids[-1]][1] == [count * 3 - 3, count * 3 - 2, count * 3 - 1]

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

    def test_settings(self, reopen: Callable[[], Catalogue]) -> None:
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

    def test_writers_in_threads_lose_nothing(self, reopen: Callable[[], Catalogue]) -> None:
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


class Model(RuleBasedStateMachine):
    """A catalogue, a dictionary that says what must be in it, and an index that follows its changes."""

    names = st.sampled_from(["a", "b", "c", "d"])
    texts = st.text(alphabet="xyz é😀\x00", min_size=1, max_size=6)

    def opener(self) -> Callable[[], Catalogue]:
        folder = Path(self.resources.enter_context(tempfile.TemporaryDirectory()))
        return lambda: SqliteCatalogue(folder / "c")

    @initialize()
    def start(self) -> None:
        self.resources = ExitStack()
        self.open = self.opener()
        self.catalogue: Catalogue = self.open()
        self.expected: dict[str, Document] = {}
        self.vector: dict[str, float] = {}
        self.derived: dict[int, tuple[str, float]] = {}
        self.derived_at = 0
        self.owner: dict[int, tuple[str, int]] = {}
        self.generation = 0
        self.puts = 0

    @rule(name=names, text=texts)
    def put(self, name: str, text: str) -> None:
        self.puts += 1
        given = document(name, text)
        edges = [(n, n + 1) for n in range(len(text))]
        changed = self.catalogue.put(given, cut(*edges), vectors(len(edges), self.puts))
        assert changed == (self.expected.get(name) != given)
        if changed:
            self.expected[name], self.vector[name] = given, self.puts
        self._check_generation(changed)

    @rule(name=names)
    def put_again(self, name: str) -> None:
        if name in self.expected:
            assert not self.catalogue.put(self.expected[name], [], vectors(0))
            self._check_generation(False)

    @rule(name=names)
    def remove(self, name: str) -> None:
        there = self.expected.pop(name, None) is not None
        assert self.catalogue.remove(document_id(name)) == there
        self._check_generation(there)

    @rule()
    def re_embed(self) -> None:
        self.puts += 1
        self.catalogue.re_embed(lambda texts: vectors(len(texts), self.puts), {})
        self.vector = dict.fromkeys(self.vector, self.puts)
        self._check_generation(True)

    @rule()
    def reopen(self) -> None:
        self.catalogue.close()
        self.catalogue = self.open()
        self._check_generation(False)

    @rule(anew=st.booleans())
    def derive(self, anew: bool) -> None:
        if anew:
            self.derived, self.derived_at = {}, 0
        changes = self.catalogue.changes_since(self.derived_at)
        for number in changes.removed:
            self.derived.pop(number, None)
        for ids, batch, stored in changes.added:
            for number, vector, passage in zip(ids, batch, stored, strict=True):
                self.derived[int(number)] = (passage.text, float(vector[0]))
        self.derived_at = changes.generation
        expected = sorted((c, float(self.vector[n])) for n, given in self.expected.items() for c in given.text)
        assert sorted(self.derived.values()) == expected
        assert sorted(self.derived) == every_id(self.catalogue)

    @invariant()
    def holds_what_was_put(self) -> None:
        if not hasattr(self, "catalogue"):
            return
        passages = sum(len(given.text) for given in self.expected.values())
        assert self.catalogue.counts() == (len(self.expected), passages)
        ids = every_id(self.catalogue)
        snapshot = self.catalogue.snapshot(ids)
        assert snapshot.generation == self.generation
        assert snapshot.documents == {
            given.id: DocumentVersion(given.id, given.uri, given.title, given.sha256, given.date)
            for given in self.expected.values()
        }
        by_id = {given.id: given for given in self.expected.values()}
        assert sorted(snapshot.passages) == ids
        for number, passage in snapshot.passages.items():
            owner = by_id[passage.document_id]
            assert passage.text == owner.text[passage.start : passage.end]
            # A number means one passage of one version of one document, for ever.
            meaning = (owner.sha256 + owner.uri, passage.start)
            assert self.owner.setdefault(number, meaning) == meaning

    def teardown(self) -> None:
        if hasattr(self, "catalogue"):
            self.catalogue.close()
            self.resources.close()

    def _check_generation(self, changed: bool) -> None:
        now = self.catalogue.generation()
        assert now > self.generation if changed else now == self.generation
        self.generation = now


class PostgresModel(Model):
    """The same in PostgreSQL."""

    def opener(self) -> Callable[[], Catalogue]:
        store = self.resources.enter_context(postgres_schema())
        return lambda: PostgresCatalogue(store)


TestModel = Model.TestCase
TestPostgresModel = NEEDS_POSTGRES(PostgresModel.TestCase)
TestModel.settings = TestPostgresModel.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)


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


@NEEDS_POSTGRES
class TestPostgres:
    @pytest.fixture
    def store(self) -> Iterator[ServerStore]:
        with postgres_schema() as store:
            yield store

    def test_its_revisions_make_the_tables_of_today(self, store: ServerStore) -> None:
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext

        PostgresCatalogue(store).close()
        options = f'-csearch_path="{store.schema}"'.replace(" ", "\\ ")
        engine = create_engine(store.database.set(drivername="postgresql+psycopg"), connect_args={"options": options})
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": False})
            assert compare_metadata(context, schema.metadata) == []
        engine.dispose()

    def test_format_2_gets_its_seals(self, store: ServerStore) -> None:
        catalogue = PostgresCatalogue(store)
        put(catalogue, "a", "x\x00yz", passages=3)
        put(catalogue, "b")
        catalogue.remove(document_id("b"))
        catalogue.close()
        options = f'-csearch_path="{store.schema}"'.replace(" ", "\\ ")
        engine = create_engine(store.database.set(drivername="postgresql+psycopg"), connect_args={"options": options})
        added = {
            "documents": ("characters", "structure_seal", "passages", "passage_seals", "seal"),
            "passages": ("place_seal", "embedding_seal"),
            "sources": ("seal",),
        }
        with engine.begin() as connection:
            for table, columns in added.items():
                for column in columns:
                    connection.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))
            connection.execute(text("DELETE FROM settings WHERE name ~ '^(seal|last_passage|tally_.*)$'"))
            connection.execute(text("UPDATE settings SET value = '2' WHERE name = 'format_version'"))
            connection.execute(text("UPDATE alembic_version SET version_num = '2'"))
        engine.dispose()
        again = PostgresCatalogue(store)
        assert again.setting("format_version") == str(schema.FORMAT_VERSION)
        assert again.problems() == []
        assert again.document(document_id("a")) == document("a", "x\x00yz")
        assert put(again, "b")
        assert again.problems() == []
        again.close()

    def test_none_there(self, store: ServerStore) -> None:
        with pytest.raises(StoreError, match=r"no store at .* create it with: qa index"):
            PostgresCatalogue(store, create=False)
        PostgresCatalogue(store).close()
        PostgresCatalogue(store, create=False).close()

    def test_a_newer_format_is_refused_and_left_alone(self, store: ServerStore) -> None:
        catalogue = PostgresCatalogue(store)
        catalogue.set_settings({"format_version": "99"})
        with pytest.raises(StoreError, match=r"newer version of spanqa \(format 99"):
            PostgresCatalogue(store)
        assert catalogue.setting("format_version") == "99"
        catalogue.close()

    def test_no_server_there(self) -> None:
        store = parse_location("postgresql://someone:secret@127.0.0.1:9/kb")
        assert isinstance(store, ServerStore)
        with pytest.raises(StoreError, match=r"127.0.0.1:9/kb cannot be used: .*refused") as caught:
            PostgresCatalogue(store)
        assert "secret" not in str(caught.value)

    def test_no_such_database(self) -> None:
        store = parse_location(f"{os.environ['QA_TEST_POSTGRES'].rpartition('/')[0]}/nowhere")
        assert isinstance(store, ServerStore)
        with pytest.raises(StoreError, match='database "nowhere" does not exist'):
            PostgresCatalogue(store)

    def test_several_at_once_make_one_store(self, store: ServerStore) -> None:
        ids: list[str | None] = []

        def open_one() -> None:
            catalogue = PostgresCatalogue(store)
            ids.append(catalogue.setting("store_id"))
            catalogue.close()

        threads = [threading.Thread(target=open_one) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(ids) == 4
        assert len(set(ids)) == 1

    def test_a_lost_connection_is_made_again(self, store: ServerStore) -> None:
        catalogue = PostgresCatalogue(store)
        put(catalogue, "a")
        other = create_engine(store.database.set(drivername="postgresql+psycopg"))
        with other.begin() as connection:
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'spanqa'")
            )
        other.dispose()
        assert catalogue.counts() == (1, 1)
        assert put(catalogue, "b")
        catalogue.close()

    def test_one_holds_a_lock_at_a_time(self, store: ServerStore) -> None:
        one, two = PostgresCatalogue(store), PostgresCatalogue(store)
        with one.exclusive("engine", 1):
            with pytest.raises(TimeoutError), two.exclusive("engine", 0.2):
                pass
            with two.exclusive("another", 1):
                put(two, "a")
        with two.exclusive("engine", 1):
            assert one.counts() == (1, 1)
        one.close()
        two.close()

    def test_a_text_that_it_cannot_keep(self, store: ServerStore) -> None:
        catalogue = PostgresCatalogue(store)
        with pytest.raises(InputError, match=r"U\+10FFFE"):
            put(catalogue, "a", "x\U0010fffe")
        assert catalogue.counts() == (0, 0)
        catalogue.close()
