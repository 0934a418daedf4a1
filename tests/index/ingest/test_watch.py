"""Watching real folders: what happens there is in the store soon after, whatever else happens."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from index.errors import InputError, StoreError
from index.ingest.sync import Report
from index.ingest.watch import keep_in_step
from index.store.store import Store

pytestmark = pytest.mark.slow

PATIENCE_S = 60


class Watched:
    """A folder that is watched in a thread, and what was said of it."""

    def __init__(self, store: Store, *paths: Path, rescan_s: float = 600) -> None:
        self.store = store
        self.reports: list[Report] = []
        self.problems: list[str] = []
        self.failures: list[Exception] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(paths, rescan_s))
        self.thread.start()

    def _run(self, paths: tuple[Path, ...], rescan_s: float) -> None:
        try:
            keep_in_step(
                self.store,
                list(paths),
                self.stop,
                report=self.reports.append,
                problem=self.problems.append,
                debounce_ms=50,
                rescan_s=rescan_s,
            )
        except Exception as error:  # noqa: BLE001 - looked at by the test
            self.failures.append(error)

    def names(self) -> set[str]:
        return {record.uri.rpartition("/")[2] for record in self.store.catalogue.records()}

    def until(self, holds: Callable[[], bool]) -> None:
        for _ in range(PATIENCE_S * 20):
            if holds():
                return
            assert self.thread.is_alive(), self.failures
            time.sleep(0.05)
        raise AssertionError((self.names(), self.problems))

    def end(self) -> None:
        self.stop.set()
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive()


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.txt").write_text("Cats chase mice.")
    return folder


@pytest.fixture
def watched(tmp_path: Path, make_embedder: Any) -> Iterator[Callable[..., Watched]]:
    store = Store(tmp_path / "store", make_embedder())
    made: list[Watched] = []

    def make(*paths: Path, **settings: Any) -> Watched:
        made.append(Watched(store, *paths, **settings))
        return made[-1]

    yield make
    for each in made:
        each.end()
        assert each.failures == []
    store.close()


def test_what_is_added_changed_and_removed(watched: Callable[..., Watched], docs: Path) -> None:
    it = watched(docs)
    it.until(lambda: it.names() == {"a.txt"})
    (docs / "b.txt").write_text("Dogs bury bones.")
    it.until(lambda: it.names() == {"a.txt", "b.txt"})
    (docs / "sub").mkdir()
    (docs / "sub" / "c.txt").write_text("Fish swim upstream.")
    (docs / "b.txt").write_text("Dogs dig holes.")
    it.until(lambda: "c.txt" in it.names() and any(report.changed for report in it.reports))
    (docs / "a.txt").unlink()
    it.until(lambda: it.names() == {"b.txt", "c.txt"})
    assert it.problems == []


def test_a_bad_file_stops_nothing(watched: Callable[..., Watched], docs: Path) -> None:
    it = watched(docs)
    (docs / "bad.txt").write_bytes(b"\xff\xfe\xff")
    (docs / "b.txt").write_text("Dogs bury bones.")
    it.until(lambda: it.names() == {"a.txt", "b.txt"})
    it.until(lambda: any("bad.txt" in str(path) for report in it.reports for path, _ in report.failed))


def test_a_folder_that_is_taken_away_is_waited_for(watched: Callable[..., Watched], docs: Path) -> None:
    it = watched(docs)
    it.until(lambda: it.names() == {"a.txt"})
    shutil.move(docs, docs.with_name("away"))
    it.until(lambda: any("waiting for" in problem for problem in it.problems))
    assert it.names() == {"a.txt"}
    shutil.move(docs.with_name("away"), docs)
    (docs / "b.txt").write_text("Dogs bury bones.")
    it.until(lambda: it.names() == {"a.txt", "b.txt"})


def test_a_file_that_an_editor_replaces(watched: Callable[..., Watched], docs: Path) -> None:
    it = watched(docs / "a.txt")
    it.until(lambda: it.names() == {"a.txt"})
    for text in ("Dogs bury bones.", "Fish swim upstream."):
        (docs / "a.tmp").write_text(text)
        (docs / "a.tmp").replace(docs / "a.txt")
        it.until(lambda text=text: next(iter(it.store.catalogue.records())).characters == len(text))  # type: ignore[misc]


def test_a_round_that_fails_is_told_and_made_good(
    watched: Callable[..., Watched], docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Store.put_all
    failures = iter([StoreError("the store is busy")])

    def put_all(self: Store, documents: Any, **settings: Any) -> Any:
        for failure in failures:
            raise failure
        return kept(self, documents, **settings)

    monkeypatch.setattr(Store, "put_all", put_all)
    monkeypatch.setattr("index.ingest.watch.RETRY_S", 0.1)
    it = watched(docs)
    it.until(lambda: it.names() == {"a.txt"})
    assert it.problems == ["the store is busy"]


def test_what_no_report_tells_is_found_all_the_same(
    watched: Callable[..., Watched], docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.ingest.watch._Filter.__call__", lambda *_: False)
    it = watched(docs, rescan_s=0.2)
    it.until(lambda: it.names() == {"a.txt"})
    (docs / "b.txt").write_text("Dogs bury bones.")
    it.until(lambda: it.names() == {"a.txt", "b.txt"})


def test_more_folders_than_can_be_watched(
    watched: Callable[..., Watched], docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> Iterator[set[object]]:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr("index.ingest.watch.watch", refuse)
    monkeypatch.setattr("index.ingest.watch.POLL_S", 0.1)
    it = watched(docs)
    it.until(lambda: it.names() == {"a.txt"})
    (docs / "b.txt").write_text("Dogs bury bones.")
    it.until(lambda: it.names() == {"a.txt", "b.txt"})


def test_a_path_that_was_never_there(tmp_path: Path, make_embedder: Any) -> None:
    store = Store(tmp_path / "store", make_embedder())
    with pytest.raises(InputError, match="no such file"):
        keep_in_step(store, [tmp_path / "x"], threading.Event(), report=print, problem=print)
    store.close()


def test_what_a_link_leads_to_is_watched_too(watched: Callable[..., Watched], docs: Path) -> None:
    elsewhere = docs.with_name("elsewhere")
    elsewhere.mkdir()
    (elsewhere / "target.txt").write_text("Dogs bury bones.")
    (docs / "link.txt").symlink_to(elsewhere / "target.txt")
    it = watched(docs)
    it.until(lambda: it.names() == {"a.txt", "link.txt"})
    for text in ("Fish swim upstream.", "Birds sing."):
        (elsewhere / "other.tmp").write_text(text)
        (elsewhere / "other.tmp").replace(elsewhere / "target.txt")
        it.until(lambda text=text: len(text) in {one.characters for one in it.store.catalogue.records()})  # type: ignore[misc]
    (elsewhere / "stays.txt").touch()
    (elsewhere / "target.txt").unlink()
    it.until(lambda: it.names() == {"a.txt"})
    assert it.problems == []


def test_a_linked_folder_is_watched_under_its_own_name(watched: Callable[..., Watched], docs: Path) -> None:
    link = docs.with_name("link")
    link.symlink_to(docs)
    it = watched(link)
    it.until(lambda: it.names() == {"a.txt"})
    (docs / "b.txt").write_text("Dogs bury bones.")
    it.until(lambda: it.names() == {"a.txt", "b.txt"})
    assert {record.uri for record in it.store.catalogue.records()} == {
        (link / name).as_uri() for name in ("a.txt", "b.txt")
    }
