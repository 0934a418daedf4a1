"""Paths and URIs of files: by their own names, whatever links and bytes are in them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.disk.paths import is_folder, is_there, own_path, path_of, real_path, uri_of
from index.errors import InputError

NAMES = st.binary(min_size=1, max_size=20).filter(
    lambda name: not {0, ord("/")} & set(name) and name not in (b".", b"..")
)


@given(name=NAMES)
def test_a_uri_leads_back_to_its_file(name: bytes) -> None:
    path = Path("/folder") / os.fsdecode(name)
    assert path_of(uri_of(path)) == path


def test_a_link_keeps_its_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    assert own_path(tmp_path / "link" / "file") == tmp_path / "link" / "file"
    assert real_path(tmp_path / "link" / "file") == real_path(folder) / "file"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    assert own_path(Path("link")) == tmp_path / "link"


def test_above_a_linked_folder_is_above_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "far" / "folder").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "far" / "folder")
    assert own_path(tmp_path / "link" / ".." / "file") == real_path(tmp_path) / "far" / "file"


def test_a_loop_of_links_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert own_path(tmp_path / "a") == tmp_path / "a"
    assert not is_folder(tmp_path / "a")


def test_what_cannot_be_told_is_an_error(tmp_path: Path) -> None:
    assert is_there(tmp_path) and not is_there(tmp_path / "nowhere")
    with pytest.raises(InputError, match="cannot be read"):
        is_there(tmp_path / ("x" * 300))
