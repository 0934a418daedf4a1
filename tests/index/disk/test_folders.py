"""Folders of derived files: only what is ours goes, and one that cannot be written is mirrored."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.disk.folders import clear_away, mirror, on_frozen_disk, sweep


def ours(name: str) -> bool:
    return name.endswith(".ours")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "vectors"
    folder.mkdir()
    (folder / "a.ours").write_bytes(b"a")
    return folder


def test_a_folder_of_ours_goes(folder: Path) -> None:
    clear_away(folder, ours)
    assert list(folder.parent.iterdir()) == []
    clear_away(folder, ours)


def test_what_is_not_ours_stays_with_its_folder(folder: Path) -> None:
    (folder / "notes.txt").write_bytes(b"mine")
    (folder / "b.ours").mkdir()
    clear_away(folder, ours)
    assert sorted(path.name for path in folder.iterdir()) == ["b.ours", "notes.txt"]


def test_a_link_is_not_followed(folder: Path) -> None:
    link = folder.with_name("link")
    link.symlink_to(folder)
    with pytest.raises(FileExistsError, match="no folder of its own"):
        clear_away(link, ours)
    assert (folder / "a.ours").is_file()


def test_what_a_killed_removal_left_is_swept(folder: Path) -> None:
    aside = folder.with_name("vectors-old-abcd1234")
    aside.mkdir()
    folder.rename(aside / folder.name)
    foreign = [folder.with_name(name) for name in ("vectors-old-short", "other-old-abcd1234", "vectors-old-efgh5678")]
    for path in foreign:
        path.mkdir()
    (foreign[-1] / "notes.txt").write_bytes(b"mine")
    sweep(folder.parent, {"vectors": ours})
    assert sorted(folder.parent.iterdir()) == sorted(foreign)


def test_a_mirror_may_be_changed_without_its_original(folder: Path, tmp_path: Path) -> None:
    (folder / "large.ours").write_bytes(b"large" * 10)
    copy = tmp_path / "copy"
    mirror(folder, copy, up_to=10)
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == {
        path.name: path.read_bytes() for path in folder.iterdir()
    }
    assert (copy / "large.ours").is_symlink() and not (copy / "a.ours").is_symlink()
    (copy / "a.ours").write_bytes(b"changed")
    (copy / "large.ours").unlink()
    assert (folder / "a.ours").read_bytes() == b"a" and (folder / "large.ours").is_file()


def test_a_disk_that_can_be_written_is_not_frozen(tmp_path: Path) -> None:
    assert not on_frozen_disk(tmp_path)
    assert not on_frozen_disk(tmp_path / "nowhere")
