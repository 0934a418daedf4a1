"""Small disks: only such that nobody can miss are filled."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.bench.disks.mounting import SmallDisk, on_small_disk
from index.errors import InputError


def test_no_disk_is_filled_that_may_be_somebodys(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not where a disk is mounted"):
        SmallDisk(tmp_path)
    with pytest.raises(InputError, match="larger than 256 MB"):
        SmallDisk(Path("/"))


def test_where_no_disk_can_be_made_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"cannot be made here.*--disk DIR"):
        on_small_disk(tmp_path, ["true"])
