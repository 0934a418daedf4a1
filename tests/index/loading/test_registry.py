"""Loaders by suffix: one that somebody else registers is used like our own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from index.documents import Document
from index.errors import InputError
from index.loading import registry
from index.loading.files import find_files, load_file


@pytest.fixture
def note_loader() -> Iterator[None]:
    @registry.register(".note")
    def load_note(path: Path, content: bytes) -> Document:
        return Document(uri=path.as_uri(), title="a note", text=content.decode("ascii")[::-1])

    yield
    del registry._LOADERS[".note"]


@pytest.mark.usefixtures("note_loader")
def test_a_loader_of_somebody_else_is_used(tmp_path: Path) -> None:
    (tmp_path / "a.NOTE").write_text("1843")
    assert registry.is_registered_here("a.note") and ".note" in registry.supported_suffixes()
    assert [path.name for path in find_files([tmp_path]).files] == ["a.NOTE"]
    document = load_file(tmp_path / "a.NOTE")
    assert (document.title, document.text) == ("a note", "3481")


def test_a_file_that_nobody_loads_names_what_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "a.note").write_text("1843")
    with pytest.raises(InputError, match=r"no loader for '\.note' files; supported: .*\.pdf"):
        load_file(tmp_path / "a.note")


def test_every_format_of_our_own_is_registered_by_its_module() -> None:
    for suffix in registry.supported_suffixes():
        name = f"a{suffix}"
        assert registry.loader_for(name) is not None or registry.container_for(name) is not None
        assert not registry.is_registered_here(name)
