"""Marked folders: what is ours is known by its mark, and nothing else is ever removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.disk import marks
from index.disk.marks import TAG_FILE, Mark, aside, claim_folder, mark_folder, mark_of, remove_marked, sweep_asides
from index.errors import InputError

STORE = Mark("search-indexes", "0123456789abcdef")


def ours(name: str) -> bool:
    return name.endswith(".ours")


def test_a_mark_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert mark_of(tmp_path) is None
    mark_folder(tmp_path, STORE)
    assert mark_of(tmp_path) == STORE
    with pytest.raises(FileExistsError):
        mark_folder(tmp_path, STORE)


@pytest.mark.parametrize(
    "tag",
    [
        b"",
        b"Signature: 8a477f597d28d172789f06886806bc55\n# of another program",
        b"# spanqa: search-indexes 0123456789abcdef\n",
        b"\xff" * 100,
        b"Signature: 8a477f597d28d172789f06886806bc55\n# spanqa: x 0\n" + b"#" * 5_000,
    ],
)
def test_other_tags_are_no_mark(tmp_path: Path, tag: bytes) -> None:
    (tmp_path / TAG_FILE).write_bytes(tag)
    assert mark_of(tmp_path) is None


def test_a_link_has_no_mark(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    mark_folder(folder, STORE)
    (tmp_path / "link").symlink_to(folder)
    assert mark_of(tmp_path / "link") is None


def test_only_an_empty_folder_or_our_own_is_claimed(tmp_path: Path) -> None:
    claim_folder(tmp_path / "work", "work")
    (tmp_path / "work" / "state").write_bytes(b"")
    claim_folder(tmp_path / "work", "work")
    with pytest.raises(InputError, match="holds other things"):
        claim_folder(tmp_path / "work", "other-work")
    with pytest.raises(InputError, match="holds other things"):
        claim_folder(tmp_path, "work")


def test_what_is_not_ours_stays_in_a_marked_folder(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    mark_folder(folder, STORE)
    (folder / "a.ours").write_bytes(b"")
    (folder / "notes.txt").write_bytes(b"")
    remove_marked(folder, ours)
    assert sorted(path.name for path in folder.iterdir()) == [TAG_FILE, "notes.txt"]
    (folder / "notes.txt").unlink()
    remove_marked(folder, ours)
    assert not folder.exists()


def test_a_folder_aside_goes_with_its_block_and_is_not_swept_before(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), aside(tmp_path, "new", ours) as beside:
        (beside / "a.ours").write_bytes(b"half")
        assert sweep_asides(tmp_path, "new", ours), "it is in use"
        assert not sweep_asides(tmp_path, "backup", ours)
        assert (beside / "a.ours").is_file()
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_aside_is_swept(tmp_path: Path) -> None:
    left, other = tmp_path / ".spanqa-new-abcd1234", tmp_path / ".spanqa-new-unmarked"
    for folder in (left, other):
        folder.mkdir()
        (folder / "a.ours").write_bytes(b"half")
    mark_folder(left, Mark("new", ""))
    assert not sweep_asides(tmp_path, "new", ours)
    assert list(tmp_path.iterdir()) == [other]


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
