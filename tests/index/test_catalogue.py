"""What every catalogue must do, by examples and against a model; and SQLite files that cannot be one."""

from __future__ import annotations

import sqlite3
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from numpy.typing import NDArray

from index.catalogue import ID_BATCH, Catalogue, SqliteCatalogue, embedding_text
from index.documents import Document, Page, Passage, StoredPassage, document_id
from index.errors import StoreError


def document(name: str, text: str = "words", **changes: object) -> Document:
    return Document.model_validate({"uri": name, "title": name, "text": text} | changes)


def cut(*edges: tuple[int, int]) -> list[Passage]:
    return [Passage(start=start, end=end, context=f"c{start}") for start, end in edges]


def vectors(count: int, value: float = 1) -> NDArray[np.float32]:
    return np.full((count, 3), value, dtype=np.float32)


def put(catalogue: Catalogue, name: str, text: str = "words", passages: int = 1, value: float = 1) -> bool:
    edges = [(n, n + 1) for n in range(passages)]
    return catalogue.put(document(name, text), cut(*edges), vectors(passages, value))


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


@pytest.fixture(params=[SqliteCatalogue])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Catalogue]:
    return lambda: request.param(tmp_path / "catalogue")


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
            pages=(Page(number=1, start=0, end=4), Page(number=2, start=4, end=9)),
        )  # fmt: skip
        assert catalogue.put(given, cut((0, 3), (5, 6)), vectors(2))
        assert catalogue.document(given.id) == given
        assert catalogue.version_of(given.id) == given.sha256
        snapshot = catalogue.snapshot([*every_id(catalogue), 999])
        assert snapshot.documents == {given.id: given}
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

    def test_unchanged_is_no_change(self, catalogue: Catalogue) -> None:
        assert put(catalogue, "a")
        ids = every_id(catalogue)
        assert not put(catalogue, "a")
        assert (catalogue.generation(), every_id(catalogue)) == (1, ids)

    @pytest.mark.parametrize("change", [{"text": "other"}, {"title": "other"}, {"media_type": "x/y"}])
    def test_changed_replaces(self, catalogue: Catalogue, change: dict[str, str]) -> None:
        put(catalogue, "a", passages=3)
        old = every_id(catalogue)
        changed = document("a").model_copy(update=change)
        assert catalogue.put(changed, cut((0, 2)), vectors(1))
        assert (catalogue.counts(), catalogue.generation()) == ((1, 1), 2)
        assert catalogue.document(changed.id) == changed
        assert not set(old) & set(every_id(catalogue))
        assert catalogue.snapshot(old).passages == {}

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
            prefix: catalogue.allowed_documents([], prefix) for prefix in ("file:///docs", "file:///docs_", "")
        }
        assert by_prefix["file:///docs"] == {document_id(name) for name in names[1:]}
        assert by_prefix["file:///docs_"] == {document_id(names[2])}
        assert by_prefix[""] == {document_id(name) for name in names}
        assert catalogue.allowed_documents([], "%") == set()
        both = [document_id(names[0]), document_id(names[1]), "unknown"]
        assert catalogue.allowed_documents(both, "") == set(both[:2])
        assert catalogue.allowed_documents(both, "file:///d") == {both[1]}

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
    texts = st.text(alphabet="xyz é😀", min_size=1, max_size=6)

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.catalogue: Catalogue = SqliteCatalogue(Path(self.folder.name) / "c")
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
        self.catalogue = SqliteCatalogue(Path(self.folder.name) / "c")
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
        assert snapshot.documents == {given.id: given for given in self.expected.values()}
        assert sorted(snapshot.passages) == ids
        for number, passage in snapshot.passages.items():
            owner = snapshot.documents[passage.document_id]
            assert passage.text == owner.text[passage.start : passage.end]
            # A number means one passage of one version of one document, for ever.
            meaning = (owner.sha256 + owner.uri, passage.start)
            assert self.owner.setdefault(number, meaning) == meaning

    def teardown(self) -> None:
        if hasattr(self, "catalogue"):
            self.catalogue.close()
            self.folder.cleanup()

    def _check_generation(self, changed: bool) -> None:
        now = self.catalogue.generation()
        assert now > self.generation if changed else now == self.generation
        self.generation = now


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)


class TestSqliteFiles:
    def test_a_newer_format_is_refused_and_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "c.sqlite"
        with closing(sqlite3.connect(path)) as other:
            other.executescript(
                "CREATE TABLE settings (name, value); INSERT INTO settings VALUES ('format_version', '2')"
            )
            other.commit()
        with pytest.raises(StoreError, match=r"newer version of spanqa \(format 2, .* up to 1\); upgrade"):
            SqliteCatalogue(path)
        with closing(sqlite3.connect(path)) as other:
            assert other.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall() == [("settings",)]

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
        with pytest.raises(StoreError, match="cannot be used"):
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
