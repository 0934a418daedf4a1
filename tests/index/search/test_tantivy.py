"""What every lexical index must do, and what one on disk must survive."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from scale.locations import postgres_schema

from index.catalogue.postgres import PostgresCatalogue
from index.documents import StoredPassage
from index.errors import StoreError
from index.search.milvus import MilvusLexicalIndex, connect
from index.search.postgres_bm25 import PostgresLexicalIndex
from index.search.tantivy import LexicalIndex, TantivyLexicalIndex
from index.text.words import words

SERVERS = [name for name in ("QA_TEST_POSTGRES", "QA_TEST_MILVUS_LITE") if name in os.environ]
Open = Callable[[], LexicalIndex]


def passage(number: int, text: str, document: str = "d", context: str = "") -> StoredPassage:
    return StoredPassage(id=number, document_id=document, start=0, end=len(text), context=context, text=text)


def found(index: LexicalIndex, question: str, k: int = 10, documents: list[str] | None = None) -> list[int]:
    return [hit for hit, _ in index.search(question, k, documents)]


@pytest.fixture(params=["memory", "disk", *SERVERS])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LexicalIndex]:
    if request.param == "QA_TEST_POSTGRES":
        with postgres_schema() as store:
            catalogue = PostgresCatalogue(store)
            yield PostgresLexicalIndex(catalogue)
            catalogue.close()
        return
    if request.param == "QA_TEST_MILVUS_LITE":
        uri = os.environ[request.param]
        held = MilvusLexicalIndex(connect(uri), uri, f"test_{uuid4().hex}")
        yield held
        held.drop()
        return
    yield TantivyLexicalIndex(tmp_path / "a" / "l" if request.param == "disk" else None)


class TestEveryBackend:
    def test_empty(self, index: LexicalIndex) -> None:
        assert (len(index), index.generation) == (0, 0)
        assert index.search("anything", 5) == []
        index.remove([])
        index.remove([1])
        index.commit(1)
        assert (len(index), index.generation, index.search("anything", 5)) == (0, 1, [])

    def test_best_first(self, index: LexicalIndex) -> None:
        index.add([passage(10, "cats"), passage(20, "cats and dogs chase birds"), passage(30, "fish")])
        index.commit(1)
        hits = index.search("cat dog", 10)
        assert [i for i, _ in hits] == [20, 10]
        assert hits[0][1] > hits[1][1] > 0

    def test_k(self, index: LexicalIndex) -> None:
        index.add([passage(n, "same words") for n in range(5)])
        index.commit(1)
        assert len(found(index, "words", 3)) == 3
        assert sorted(found(index, "words", 1000)) == [0, 1, 2, 3, 4]
        assert index.search("words", 0) == []

    def test_headings_are_searched(self, index: LexicalIndex) -> None:
        index.add([passage(1, "It opened in 1889.", context="Eiffel Tower"), passage(2, "It closed.", context="Shop")])
        index.commit(1)
        assert found(index, "When did the tower open?")[0] == 1

    def test_adding_replaces(self, index: LexicalIndex) -> None:
        index.add([passage(1, "cats"), passage(2, "dogs")])
        index.commit(1)
        index.add([passage(1, "fish")])
        index.commit(2)
        assert (len(index), found(index, "cats"), found(index, "fish")) == (2, [], [1])

    def test_adding_twice_before_a_commit_replaces(self, index: LexicalIndex) -> None:
        index.add([passage(1, "cats")])
        index.add([passage(1, "fish")])
        index.commit(1)
        assert (len(index), found(index, "cats"), found(index, "fish")) == (1, [], [1])

    def test_of_equal_ids_added_together_the_last_counts(self, index: LexicalIndex) -> None:
        index.add([passage(1, "cats"), passage(1, "fish")])
        index.commit(1)
        assert (len(index), found(index, "cats"), found(index, "fish")) == (1, [], [1])

    def test_many_at_once(self, index: LexicalIndex) -> None:
        index.add([passage(n, f"cats number{n}") for n in range(2000)])
        index.remove(list(range(0, 2000, 2)))
        index.commit(1)
        index.add([passage(7, "dogs"), passage(8, "dogs")])
        index.commit(2)
        assert len(index) == 1001
        assert (found(index, "number9"), found(index, "number8"), found(index, "number7")) == ([9], [], [])
        assert sorted(found(index, "dogs")) == [7, 8]

    def test_removed_is_not_found(self, index: LexicalIndex) -> None:
        index.add([passage(n, f"cats number{n}") for n in range(1, 40)])
        index.commit(1)
        index.remove([1, 2, 777])
        index.commit(2)
        assert sorted(found(index, "cats", 100)) == list(range(3, 40))
        assert found(index, "number2") == []

    def test_only_the_named_documents(self, index: LexicalIndex) -> None:
        index.add([passage(1, "cats", "a"), passage(2, "cats", "b"), passage(3, "cats", "c"), passage(4, "dogs", "a")])
        index.commit(1)
        assert sorted(found(index, "cats", 10, ["a", "c", "zz"])) == [1, 3]
        assert found(index, "cats", 10, ["zz"]) == []
        assert found(index, "cats", 10, []) == []
        (only,) = index.search("dogs", 10, ["a"])
        assert only == index.search("dogs", 10)[0], "the filter does not change the score"

    @pytest.mark.parametrize(
        "question",
        [
            "",
            "   ",
            "?!",
            "the of and",
            'a:b AND (c OR "',
            "text:*",
            "\x00",
            "\ud800",
            "id:1 ~ ^2 [a TO b]",
            "x" * 100_000,
        ],
    )
    def test_any_question_is_words_only(self, index: LexicalIndex, question: str) -> None:
        index.add([passage(1, "cats")])
        index.commit(1)
        assert index.search(question, 5) == []

    def test_folding_and_stemming(self, index: LexicalIndex) -> None:
        index.add([passage(1, "Née cafés were OPENING"), passage(2, "lone \ud800 surrogate")])
        index.commit(1)
        assert found(index, "CAFE") == found(index, "nee") == found(index, "opened") == [1]
        assert found(index, "surrogates") == [2]


@pytest.fixture
def reopen(tmp_path: Path) -> Open:
    return lambda: TantivyLexicalIndex(tmp_path / "l")


def filled(reopen: Open) -> LexicalIndex:
    index = reopen()
    index.add([passage(1, "cats and dogs"), passage(2, "cats"), passage(3, "cats")])
    index.commit(6)
    index.remove([3])
    index.commit(7)
    return index


class TestOnDisk:
    def test_what_was_committed_is_there_again(self, reopen: Open) -> None:
        filled(reopen)
        again = reopen()
        assert (again.generation, len(again), sorted(found(again, "cats"))) == (7, 2, [1, 2])
        again.remove([1])
        again.commit(8)
        assert (reopen().generation, found(reopen(), "cats")) == (8, [2])

    def test_uncommitted_changes_are_not_there(self, reopen: Open) -> None:
        filled(reopen).add([passage(9, "cats")])
        assert sorted(found(reopen(), "cats")) == [1, 2]

    def test_a_reader_keeps_its_view_while_another_writes(self, reopen: Open) -> None:
        reader = filled(reopen)
        writer = reopen()
        writer.remove([1])
        writer.commit(8)
        assert sorted(found(reader, "cats")) in ([1, 2], [2])

    def test_a_crash_before_the_mark_costs_a_fresh_start_only(
        self, reopen: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        index = filled(reopen)
        index.add([passage(4, "fish")])

        def crash(*_: object) -> None:
            raise OSError("power cut")

        with monkeypatch.context() as patch, pytest.raises(StoreError, match="power cut"):
            patch.setattr("index.search.tantivy.os.replace", crash)
            index.commit(8)
        assert (reopen().generation, len(reopen())) == (0, 0)
        assert len(filled(reopen)) == 2

    def test_damage_anywhere_is_noticed(self, reopen: Open, tmp_path: Path) -> None:
        filled(reopen)
        folder = tmp_path / "l"
        sound = {file.name: file.read_bytes() for file in folder.iterdir()}
        noticed = 0
        for name, content in sound.items():
            if name.startswith("."):
                continue
            middle = len(content) // 2
            flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
            for damage in (b"", content[:middle], flipped, b"\xff" * 40, None):
                for path in folder.iterdir():
                    path.unlink()
                for other, bytes_ in sound.items():
                    (folder / other).write_bytes(bytes_)
                (folder / name).unlink()
                if damage is not None:
                    (folder / name).write_bytes(damage)
                index = reopen()
                state = (index.generation, len(index), sorted(found(index, "cats")))
                # A file of a segment that was merged away may linger: damage to it is none to the index.
                assert state in ((0, 0, []), (7, 2, [1, 2])), (name, damage)
                noticed += state[0] == 0
        assert noticed >= 5 * 8, "the mark, the description and the files of one segment"
        assert (len(filled(reopen)), reopen().generation) == (2, 7), "and it can be filled again"

    @pytest.mark.parametrize(
        "mark", [b"", b"2", b"2 7", b"1 7 00000000", b"\xff\xfe", b"2 " + b"9" * 6000 + b" 00000000"]
    )
    def test_a_mark_that_says_nothing(self, reopen: Open, tmp_path: Path, mark: bytes) -> None:
        filled(reopen)
        assert reopen().generation == 7
        (tmp_path / "l" / "spanqa-generation").write_bytes(mark)
        assert (reopen().generation, len(reopen())) == (0, 0)

    def test_an_id_of_an_earlier_session_is_replaced(self, reopen: Open) -> None:
        filled(reopen)
        again = reopen()
        again.add([passage(2, "fish"), passage(3, "fish"), passage(4, "fish")])
        again.commit(8)
        assert (len(reopen()), found(reopen(), "cats"), sorted(found(reopen(), "fish"))) == (4, [1], [2, 3, 4])

    def test_a_file_that_only_looks_unchanged_is_found_by_reading_it(self, reopen: Open, tmp_path: Path) -> None:
        filled(reopen)
        (file, *_) = (tmp_path / "l").glob("*.idx")
        old = time.time() - 60
        os.utime(file, (old, old))
        index = TantivyLexicalIndex(tmp_path / "l")
        assert (index.generation, index.damage()) == (7, [])
        # In place: shortening a file that is mapped into memory kills whoever reads it.
        with file.open("r+b") as opened:
            opened.seek(-1, os.SEEK_END)
            last = opened.read(1)[0]
            opened.seek(-1, os.SEEK_END)
            opened.write(bytes([last ^ 1]))
        os.utime(file, (old, old))
        assert [path.name for path in index.damage()] == [file.name]

    def test_files_of_a_commit_that_was_killed_before_it_counted(self, reopen: Open, tmp_path: Path) -> None:
        filled(reopen)
        folder = tmp_path / "l"
        # All but the list of files that may be there, which is written before any of them.
        before = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".managed.json"}
        # What the commit does but for its last step, which names the files it wrote.
        killed = reopen()
        killed.remove([1])
        killed.commit(8)
        assert list(folder.glob("*.del"))
        del killed
        for name, content in before.items():
            (folder / name).write_bytes(content)
        again = reopen()
        assert (again.generation, sorted(found(again, "cats"))) == (7, [1, 2])
        again.remove([1])
        again.commit(8)
        assert found(reopen(), "cats") == [2]

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(StoreError, match="cannot be opened"):
            TantivyLexicalIndex(tmp_path / "file" / "l")


def test_words_of_a_text() -> None:
    assert words("The Cafés' OPENING, openings; the cat") == ["cafe", "open", "open", "cat"]
    assert words("") == words("\ud800 ?!") == []
