"""Checksums: damage is noticed, and a file that did not change is not read again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from index.disk.checksums import FileState, checksum, damaged, room_at, text_checksum, trusted

LONG_AGO = 1_000_000_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"sound")
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def test_an_unchanged_file_is_believed_without_reading_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = FileState.of(file)
    monkeypatch.setattr("index.disk.checksums.checksum", lambda _: pytest.fail("it was read"))
    assert trusted(file.parent, {file.name: state}) == {file.name: state}


def test_a_file_that_was_copied_back_is_read_and_believed(file: Path) -> None:
    state = FileState.of(file)
    os.utime(file, (LONG_AGO + 1, LONG_AGO + 1))
    assert not state.unchanged(file)
    renewed = trusted(file.parent, {file.name: state})
    assert renewed is not None and renewed[file.name].unchanged(file)


def test_a_file_of_this_very_moment_is_not_believed_unread(tmp_path: Path) -> None:
    # It may change once more within one tick of the clock.
    (tmp_path / "new").write_bytes(b"young")
    assert not FileState.of(tmp_path / "new").unchanged(tmp_path / "new")


@pytest.mark.parametrize("content", [b"", b"soun", b"sound!", b"sounD", None])
def test_damage_is_noticed(file: Path, content: bytes | None) -> None:
    state = {file.name: FileState.of(file)}
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    assert trusted(file.parent, state) is None
    assert damaged(file.parent, state) == [file]


def test_damage_behind_an_unchanged_time_is_found_by_reading(file: Path) -> None:
    state = {file.name: FileState.of(file)}
    with file.open("r+b") as opened:
        opened.write(b"S")
    os.utime(file, (LONG_AGO, LONG_AGO))
    assert trusted(file.parent, state) is not None
    assert damaged(file.parent, state) == [file]


def test_checksums_are_of_all_files_by_name_and_of_the_seed(file: Path) -> None:
    other = file.with_name("other")
    other.write_bytes(b"more")
    assert checksum([file, other]) == checksum([other, file]) != checksum([file])
    assert checksum([file], seed=1) != checksum([file])
    assert text_checksum("é") != text_checksum("e")


def test_room_is_told_of_a_disk_and_not_of_none(tmp_path: Path) -> None:
    assert room_at(tmp_path).endswith("MB are free on its disk")
    assert "does not say" in room_at(tmp_path / "nowhere")
