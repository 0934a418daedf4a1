"""Files and folders into a store: what is counted, what is reported, what goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from index.documents import Document
from index.errors import InputError
from index.ingest.sync import index_paths
from index.loading.files import NotRead, read_documents
from index.stopping import Stop
from index.store.filling import EMBED_BETWEEN_LOOKS
from index.store.store import Store


@pytest.fixture
def store(tmp_path: Path, make_embedder: Any) -> Iterator[Store]:
    opened = Store(tmp_path / "store", make_embedder())
    yield opened
    opened.close()


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "sources"
    for name, content in {
        "a.txt": b"Cats chase mice.",
        "b.md": b"# Dogs\n\nDogs bury bones.",
        "bad.txt": b"\xff\xfe\xff",
        "empty.txt": b"",
        "image.png": b"\x89PNG",
        "sub/c.txt": b"Fish swim upstream.",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def uris(store: Store) -> set[str]:
    return {record.uri.rsplit("/", 1)[1] for record in store.catalogue.records()}


def test_everything_is_counted_and_a_bad_file_stops_nothing(store: Store, sources: Path) -> None:
    progress: list[tuple[int, int]] = []
    report = index_paths(store, [sources], lambda *at: progress.append(at))
    assert uris(store) == {"a.txt", "b.md", "c.txt"}
    assert (report.added, report.unchanged, report.passed_over) == (3, 0, 1)
    assert report.passages == store.catalogue.counts()[1]
    assert [path.name for path, _ in report.failed] == ["bad.txt", "empty.txt"]
    assert all(reason.startswith(str(path)) for path, reason in report.failed)
    assert sorted(progress) == progress == [(n, 5) for n in range(1, 6)]
    assert store.search("upstream", store.embedder.embed(["upstream"])[0], 5).lexical


def test_a_second_time_only_what_changed_is_embedded(store: Store, sources: Path) -> None:
    index_paths(store, [sources])
    before = list(store.embedder.embedded)  # type: ignore[attr-defined]
    (sources / "a.txt").write_bytes(b"Birds sing songs.")
    report = index_paths(store, [sources, sources / "a.txt"])
    assert (report.added, report.changed, report.unchanged, report.passages) == (0, 1, 2, 1)
    assert len(report.failed) == 2
    assert store.embedder.embedded[len(before) :] == ["Birds sing songs."]  # type: ignore[attr-defined]


def test_a_file_that_went_bad_keeps_its_last_good_version(store: Store, sources: Path) -> None:
    index_paths(store, [sources])
    (sources / "a.txt").write_bytes(b"\x00")
    assert [path.name for path, _ in index_paths(store, [sources]).failed] == ["a.txt", "bad.txt", "empty.txt"]
    assert "a.txt" in uris(store)


@pytest.mark.parametrize("names", [["image.png"], []])
def test_a_folder_without_documents(store: Store, tmp_path: Path, names: list[str]) -> None:
    folder = tmp_path / "none"
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(b"")
    with pytest.raises(InputError, match=rf"no readable documents there \({len(names)} files"):
        index_paths(store, [folder])


def test_a_path_that_is_not_there_indexes_nothing(store: Store, sources: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        index_paths(store, [sources, sources / "missing.txt"])
    assert store.catalogue.counts() == (0, 0)


def test_an_unreadable_folder_is_reported(store: Store, sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = Path.iterdir
    locked = {sources / "sub"}

    def iterdir(self: Path) -> object:
        if self in locked:
            raise PermissionError(13, "Permission denied", str(self))
        return listed(self)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    report = index_paths(store, [sources])
    assert (report.added, report.failed[0]) == (
        2,
        (sources / "sub", f"{sources / 'sub'}: cannot be read (Permission denied)"),
    )
    locked.add(sources)
    with pytest.raises(InputError, match=r"sources: cannot be read \(Permission denied\)"):
        index_paths(store, [sources])


def test_what_was_committed_before_an_interruption_is_found(
    store: Store, sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.store.store.EMBED_TOGETHER", 1)

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index_paths(store, [sources], interrupt)
    assert uris(store) == {"a.txt"}
    assert len(list(store.folder.rglob(f"{store.catalogue.generation():012d}-*.manifest"))) == 1, (
        "it was caught up already"
    )
    assert len(store.search("cats", store.embedder.embed(["cats"])[0], 5).lexical) == 1


class TestStopping:
    """An event that asks for it, in this process."""

    def test_while_a_long_document_is_embedded(
        self, store: Store, sources: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stop = Stop()
        (sources / "z.txt").write_text("\n\n".join(f"Paragraph {n} {'word ' * 150}." for n in range(500)))
        embed = store.embedder.embed
        calls: list[int] = []

        def asked(texts: Sequence[str]) -> Any:
            calls.append(len(texts))
            if any("Paragraph" in text for text in texts):
                stop.set()
            return embed(texts)

        monkeypatch.setattr("index.store.store.WRITTEN_TOGETHER", 3)
        monkeypatch.setattr(store.embedder, "embed", asked)
        report = index_paths(store, [sources], stop=stop)
        assert (report.interrupted, report.added, report.left) == (True, 3, 1)
        assert calls == [3, EMBED_BETWEEN_LOOKS], "the rest of the document was not waited for"
        assert uris(store) == {"a.txt", "b.md", "c.txt"}
        assert store.search("upstream", embed(["upstream"])[0], 5).lexical
        report = index_paths(store, [sources])
        assert (report.interrupted, report.added, report.unchanged, report.left) == (False, 1, 3, 0)

    def test_while_a_file_is_read(self, store: Store, sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        stop = Stop()

        def read(path: Path) -> Iterator[Document | NotRead]:
            if path.name == "c.txt":
                stop.set()
                raise AssertionError("it goes on reading")
            return read_documents(path)

        monkeypatch.setattr("index.ingest.sync.read_documents", read)
        monkeypatch.setattr("index.store.store.EMBED_TOGETHER", 1)
        report = index_paths(store, [sources], stop=stop)
        assert (report.interrupted, report.left) == (True, 3 - report.added)
        assert len(uris(store)) == report.added

    def test_before_anything_was_read(self, store: Store, sources: Path) -> None:
        stop = threading.Event()
        stop.set()
        report = index_paths(store, [sources], stop=stop)
        assert (report.interrupted, report.added, store.catalogue.counts()) == (True, 0, (0, 0))

    def test_from_another_thread(self, store: Store, sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is asked between two files, and cuts nothing short."""
        stop = Stop()
        monkeypatch.setattr("index.store.store.EMBED_TOGETHER", 1)

        def asked(done: int, total: int) -> None:
            thread = threading.Thread(target=stop.set)
            thread.start()
            thread.join()

        report = index_paths(store, [sources], asked, stop=stop)
        assert report.interrupted
        assert "a.txt" in uris(store)
        assert len(uris(store)) == report.added


def test_what_took_long_to_gather_is_stored(store: Store, sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.store.store.GATHERED_S", 0.0)
    stored: list[int] = []
    put_all = store.catalogue.put_all

    def put(entries: Any) -> list[bool]:
        stored.append(len(entries))
        return put_all(entries)

    monkeypatch.setattr(store.catalogue, "put_all", put)
    index_paths(store, [sources])
    assert stored == [1, 1, 1]


def test_a_document_of_too_many_passages_is_told_and_the_others_go_on(store: Store, tmp_path: Path) -> None:
    table, other = tmp_path / "in" / "table.csv", tmp_path / "in" / "z.txt"
    table.parent.mkdir()
    other.write_text("Fish swim upstream.")
    table.write_text("name,hours\n" + "".join(f"row {n},{n}\n" for n in range(5)))
    assert index_paths(store, [table.parent], most_passages=20).failed == []
    table.write_text("name,hours\n" + "".join(f"line {n},{n}\n" for n in range(50)))
    other.write_text("Fish swim downstream.")
    report = index_paths(store, [table.parent], most_passages=20)
    ((path, reason),) = report.failed
    assert path == table and "passages, more than the 20" in reason and "--max-passages" in reason
    texts = {document.text for document in store.catalogue.documents(store.catalogue.document_ids("", 9)).values()}
    assert any("row 4" in text for text in texts) and "Fish swim downstream." in texts
    assert not any("line 4" in text for text in texts)
    # It is tried again, and taken once it may be so long.
    assert index_paths(store, [table.parent], most_passages=20).failed
    report = index_paths(store, [table.parent])
    assert (report.failed, report.changed) == ([], 1)
