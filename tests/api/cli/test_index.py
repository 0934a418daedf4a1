"""`qa index`: files that are named because they are not indexed."""

from __future__ import annotations

from pathlib import Path

from command_line import Run


def test_missing_and_binary_files_are_named(qa: Run, tmp_path: Path) -> None:
    missing = qa("index", str(tmp_path / "nope.txt"), "--store", str(tmp_path / "store"))
    assert missing.code == 1 and "nope.txt: no such file" in missing.err
    binary = tmp_path / "picture.txt"
    binary.write_bytes(b"\x89PNG\x00\xff")
    ran = qa("index", str(binary), "--store", str(tmp_path / "store"))
    assert ran.code == 1 and "picture.txt" in ran.err


def test_a_folder_without_readable_files_is_said_to_be_so(qa: Run, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.bin").write_bytes(b"x")
    ran = qa("index", str(tmp_path / "data"), "--store", str(tmp_path / "store"))
    assert ran.code == 1 and "no readable documents" in ran.err
