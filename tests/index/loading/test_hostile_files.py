"""Hostile files: one message each, everything else is read, and the process that parses is replaced when it is lost."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from corpus.hostile import GOOD, contents, tolerated, write_hostile
from reportlab.pdfgen.canvas import Canvas

from index.documents import Document
from index.errors import InputError
from index.ingest.sync import index_paths
from index.loading.files import NotRead, read_documents
from index.loading.limited import LimitedReader
from index.loading.limits import Limits
from index.store.store import Store

HOSTILE = contents()
TOLERATED = tolerated()


def outcome(path: Path) -> list[Document | str]:
    try:
        return [found.reason if isinstance(found, NotRead) else found for found in read_documents(path)]
    except InputError as error:
        return [str(error)]


def test_there_are_enough() -> None:
    assert len(HOSTILE) >= 40


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_each_is_refused_with_one_message_that_names_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(HOSTILE[name])
    (message,) = outcome(path)
    assert isinstance(message, str) and message.startswith(f"{path}")
    assert "Traceback" not in message and "root:" not in message


@pytest.mark.parametrize("name", TOLERATED)
def test_what_is_only_odd_is_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(TOLERATED[name])
    found = [entry for entry in outcome(path) if isinstance(entry, Document)]
    assert len(found) == 1 and found[0].text.strip()


@pytest.mark.slow
def test_the_rest_of_the_folder_is_indexed(tmp_path: Path, make_embedder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "files"
    write_hostile(folder, line_mb=101)
    # Root may read everything: a file that may not be read is one whose reading is refused.
    locked = folder / "locked.txt"
    locked.write_text(GOOD)
    read = Path.read_bytes

    def read_bytes(self: Path) -> bytes:
        if self == locked:
            raise PermissionError(13, "Permission denied", str(self))
        return read(self)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    store = Store(tmp_path / "store", make_embedder())
    report = index_paths(store, [folder])
    stored = {record.uri.rpartition("/")[2] for record in store.catalogue.records()}
    store.close()
    assert {"0-good.txt", "m-good.md", "zz-good.txt", "caf%E9.txt", *TOLERATED} <= stored | {"twice.zip"}
    messages: dict[str, list[str]] = {}
    for path, reason in report.failed:
        messages.setdefault(path.name, []).append(reason)
    expected = {
        *HOSTILE,
        "one-line-300-mb.txt",
        "locked.txt",
        "loop",
        "self.txt",
        "nowhere.pdf",
        "device.txt",
        "pipe.txt",
    }
    assert expected <= set(messages)
    assert all(len(reasons) == 1 for reasons in messages.values())


@pytest.fixture
def reader() -> Iterator[LimitedReader]:
    made = LimitedReader(Limits(seconds=2))
    yield made
    made.close()


def test_one_process_reads_many_files(tmp_path: Path, reader: LimitedReader) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n")
    processes = set()
    for _ in range(3):
        assert reader.read(path).document is not None
        processes.add(reader.process_id)
    assert len(processes) == 1


@pytest.mark.slow
def test_a_process_that_dies_or_hangs_is_replaced(tmp_path: Path, reader: LimitedReader) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n")
    reader.read(path)
    first = reader.process_id
    assert first is not None
    os.kill(first, signal.SIGSTOP)
    with pytest.raises(InputError, match=r"a\.csv: not read within 2 s"):
        reader.read(path)
    assert reader.read(path).document is not None
    second = reader.process_id
    assert second is not None and second != first
    os.kill(second, signal.SIGKILL)
    os.waitid(os.P_PID, second, os.WEXITED | os.WNOWAIT)
    assert reader.read(path).document is not None
    assert reader.process_id != second


def long_pdf(pages: int) -> bytes:
    held = io.BytesIO()
    canvas = Canvas(held)
    for page in range(pages):
        for line in range(60):
            canvas.drawString(20, 820 - 13 * line, f"Paragraph {page}.{line} concerns the storage of timber. " * 2)
        canvas.showPage()
    canvas.save()
    return held.getvalue()


@pytest.mark.slow
def test_the_time_of_a_page_is_limited_and_that_of_all_pages() -> None:
    """A file that takes longer than a page may is read; one that takes longer than so many pages is refused."""
    content = long_pdf(320)
    for parts in (20, 1):
        reader = LimitedReader(Limits(seconds=3, parts=parts))
        try:
            if parts == 1:
                with pytest.raises(InputError, match=r"long\.pdf: takes too long"):
                    reader.read(Path("long.pdf"), content)
            else:
                document = reader.read(Path("long.pdf"), content).document
                assert document is not None and len(document.pages) == 320
        finally:
            reader.close()


@pytest.mark.slow
def test_memory_is_limited(tmp_path: Path) -> None:
    small = LimitedReader(Limits(seconds=30, memory_mb=300))
    try:
        with pytest.raises(InputError, match=r"flate-bomb\.pdf: .*(300 MB|cannot be read)"):
            small.read(tmp_path / "flate-bomb.pdf", HOSTILE["flate-bomb.pdf"])
        assert small.read(Path("a.csv"), b"a,b\n1,2\n").document is not None
    finally:
        small.close()


@pytest.mark.parametrize("stated", ["0", "-1", "many", "1e9"])
def test_a_limit_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, stated: str) -> None:
    monkeypatch.setenv("QA_LOAD_SECONDS", stated)
    with pytest.raises(InputError, match="QA_LOAD_SECONDS is"):
        Limits.from_environment()
