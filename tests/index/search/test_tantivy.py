"""Words in tantivy: the contract of every lexical index, and what one on disk must survive."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from contracts.words import LexicalIndexContract, passage, ranked

from index.errors import StoreError
from index.search.protocol import LexicalIndex
from index.search.tantivy import TantivyLexicalIndex

Open = Callable[[], LexicalIndex]


class TestInMemory(LexicalIndexContract):
    @pytest.fixture
    def index(self) -> LexicalIndex:
        return TantivyLexicalIndex(None)


class TestInAFolder(LexicalIndexContract):
    @pytest.fixture
    def index(self, tmp_path: Path) -> LexicalIndex:
        return TantivyLexicalIndex(tmp_path / "a" / "l")


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
        assert (again.generation, len(again), sorted(ranked(again, "cats"))) == (7, 2, [1, 2])
        again.remove([1])
        again.commit(8)
        assert (reopen().generation, ranked(reopen(), "cats")) == (8, [2])

    def test_uncommitted_changes_are_not_there(self, reopen: Open) -> None:
        filled(reopen).add([passage(9, "cats")])
        assert sorted(ranked(reopen(), "cats")) == [1, 2]

    def test_one_of_an_earlier_version_is_to_be_filled_anew(
        self, reopen: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as earlier:
            earlier.setattr("index.search.tantivy._SCHEMA_MARK", "3")
            filled(reopen)
        again = reopen()
        assert (again.generation, len(again)) == (0, 0)
        again.add([passage(1, "cats")])
        again.commit(7)
        assert (reopen().generation, ranked(reopen(), "cats")) == (7, [1])

    def test_a_reader_keeps_its_view_while_another_writes(self, reopen: Open) -> None:
        reader = filled(reopen)
        writer = reopen()
        writer.remove([1])
        writer.commit(8)
        assert sorted(ranked(reader, "cats")) in ([1, 2], [2])

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
                state = (index.generation, len(index), sorted(ranked(index, "cats")))
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
        assert (len(reopen()), ranked(reopen(), "cats"), sorted(ranked(reopen(), "fish"))) == (4, [1], [2, 3, 4])

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
        assert (again.generation, sorted(ranked(again, "cats"))) == (7, [1, 2])
        again.remove([1])
        again.commit(8)
        assert ranked(reopen(), "cats") == [2]

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(StoreError, match="cannot be opened"):
            TantivyLexicalIndex(tmp_path / "file" / "l")
