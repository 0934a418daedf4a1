"""What of a document was not read is said where it is indexed, and kept with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Run

from api.cli.indexing import unread_parts
from index.documents import MOST_UNREAD, Document, Unread
from index.loading import registry
from index.loading.building import file_uri


@pytest.fixture
def lists() -> Iterator[None]:
    """Files called `.parts`: the first line is the text, each other one a part that was not read, and why."""

    def load(path: Path, content: bytes) -> Document:
        text, *lines = content.decode().splitlines()
        sha256 = hashlib.sha256(content).hexdigest()
        document = Document(uri=file_uri(path), title=path.name, text=text, source_sha256=sha256)
        return document.with_unread(
            Unread(part=part, reason=reason) for part, _, reason in (x.partition(": ") for x in lines)
        )

    registry.register(".parts")(load)
    yield
    del registry._LOADERS[".parts"]


@pytest.mark.usefixtures("lists")
@pytest.mark.slow
def test_it_is_told_once_and_shown(qa: Run, tmp_path: Path) -> None:
    file, store = tmp_path / "plan.parts", str(tmp_path / "store")
    file.write_text("The plan.\npage 2: no text\n")
    ran = qa("index", str(file), "--store", store)
    assert "1 added" in ran.out and "0 failed" in ran.out
    assert "partly read:" in ran.err and "plan.parts: page 2 (no text)" in ran.err.replace("\n", " ")
    assert "partly read" not in qa("index", str(file), "--store", store).err
    shown = json.loads(qa("documents", "show", str(file), "--store", store).out)
    assert shown["unread"] == [{"part": "page 2", "reason": "no text"}]
    # Only what is known of it changes: its passages stay.
    file.write_text("The plan.\n")
    assert "1 changed" in qa("index", str(file), "--store", store).out
    assert json.loads(qa("documents", "show", str(file), "--store", store).out)["unread"] == []


def test_many_parts_are_told_in_few_words() -> None:
    pages = [Unread(part=f"page {number}", reason="no text") for number in range(1, 6)]
    chart = Unread(part="chart 1", reason="a picture")
    assert unread_parts([pages[0], chart, pages[1]]) == "page 1, page 2 (no text); chart 1 (a picture)"
    assert unread_parts(pages) == "page 1, page 2, page 3, 2 more (no text)"
    many = [Unread(part="x", reason=f"reason {number}") for number in range(4)]
    assert unread_parts(many).endswith("x (reason 2); and more for 1 other reason")


def test_the_list_is_bounded_and_counts_the_rest() -> None:
    pages = [Unread(part=f"page {number}", reason=" no\ntext ") for number in range(1, 251)]
    whole = Document(uri="a", title="", text="x", unread=(*pages, pages[0]))
    assert len(whole.unread) == MOST_UNREAD
    assert whole.unread[-2:] == (
        Unread(part="page 99", reason="no text"),
        Unread(part="151 more parts", reason="too many to be listed"),
    )
    assert Document.model_validate(whole.model_dump()) == whole
    assert len(Unread(part="x" * 1000, reason="y").part) == 200
