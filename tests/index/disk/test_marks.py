"""Folders in which something is made ready: what a killed process left of one goes, whatever it came to."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.disk import marks
from index.disk.marks import TAG_FILE, aside, sweep_asides


def owned(name: str) -> bool:
    return name == "ours"


@pytest.mark.parametrize("tag", [None, b""])
def test_one_that_was_hardly_begun_is_swept(tmp_path: Path, tag: bytes | None) -> None:
    left = tmp_path / ".spanqa-backup-abcdefgh"
    left.mkdir()
    if tag is not None:
        (left / TAG_FILE).write_bytes(tag)
    assert not sweep_asides(tmp_path, "backup", owned)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["ours", "theirs", "folder/"])
def test_one_without_a_mark_that_holds_anything_stays(tmp_path: Path, name: str) -> None:
    left = tmp_path / ".spanqa-backup-abcdefgh"
    left.mkdir()
    (left / TAG_FILE).touch()
    (left / name).mkdir() if name.endswith("/") else (left / name).write_text("words")
    assert not sweep_asides(tmp_path, "backup", owned)
    assert len(list(left.iterdir())) == 2


def test_one_in_use_stays(tmp_path: Path) -> None:
    with aside(tmp_path, "backup", owned) as own:
        assert sweep_asides(tmp_path, "backup", owned) and own.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_one_that_is_swept_before_it_is_marked_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tag = marks._write_tag
    swept: list[Path] = []

    def swept_first(folder: Path, mark: marks.Mark) -> int:
        if not swept:
            swept.append(folder)
            folder.rmdir()
        return write_tag(folder, mark)

    monkeypatch.setattr(marks, "_write_tag", swept_first)
    with aside(tmp_path, "backup", owned) as own:
        assert own.is_dir() and own != swept[0]
