"""Links: a file is known by its own path, whatever it leads to, and by one path only."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from index.disk.paths import own_path
from index.errors import InputError
from index.ingest import plan as folders
from index.ingest.plan import plan
from index.ingest.sync import Report, index_paths
from index.loading.files import find_files, read_documents
from index.store.store import Store


@pytest.fixture
def store(tmp_path: Path, make_embedder: Any) -> Iterator[Store]:
    opened = Store(tmp_path / "store", make_embedder())
    yield opened
    opened.close()


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.txt").write_text("Cats chase mice.")
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A file beside another one, in a folder that nobody indexes."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "stays.txt").write_text("Birds sing songs.")
    (folder / "target.txt").write_text("Dogs bury bones.")
    return folder / "target.txt"


@pytest.fixture
def link(docs: Path, target: Path) -> Path:
    path = docs / "link.txt"
    path.symlink_to(target)
    return path


def counted(report: Report) -> tuple[int, int, int, int]:
    return report.added, report.changed, report.removed, report.unchanged


def texts(store: Store) -> dict[str, str]:
    documents = [store.catalogue.document(record.id) for record in store.catalogue.records()]
    return {document.uri: document.text for document in documents if document is not None}


def test_a_link_goes_by_its_own_path(
    store: Store, docs: Path, link: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "TICK_NS", 0)
    assert counted(index_paths(store, [docs])) == (2, 0, 0, 0)
    assert set(texts(store)) == {(docs / "a.txt").as_uri(), link.as_uri()}
    assert counted(index_paths(store, [docs])) == (0, 0, 0, 2)
    target.write_text("Dogs dig deep holes.")
    assert counted(index_paths(store, [docs])) == (0, 1, 0, 1)
    assert texts(store)[link.as_uri()] == "Dogs dig deep holes."
    link.unlink()
    link.symlink_to(target.with_name("stays.txt"))
    assert counted(index_paths(store, [docs])) == (0, 1, 0, 1)
    assert texts(store)[link.as_uri()] == "Birds sing songs."


@pytest.mark.parametrize("what", ["link", "target", "both", "loop"])
def test_it_is_gone_with_the_link_or_what_it_led_to(
    store: Store, docs: Path, link: Path, target: Path, what: str
) -> None:
    index_paths(store, [docs])
    if what != "target":
        link.unlink()
    if what == "loop":
        link.symlink_to(link)
    if what in ("target", "both"):
        target.unlink()
    made = plan([docs], store.catalogue, "default")
    assert made.gone == [link.as_uri()]
    assert index_paths(store, [docs]).removed == 1
    assert set(texts(store)) == {(docs / "a.txt").as_uri()}
    assert store.search("bones", store.embedder.embed(["bones"])[0], 9).lexical == []


def test_what_it_led_to_may_only_be_out_of_reach(store: Store, docs: Path, link: Path, target: Path) -> None:
    index_paths(store, [docs])
    for path in target.parent.iterdir():
        path.unlink()
    report = index_paths(store, [docs])
    assert (report.removed, report.plan.kept) == (
        0, {target.parent: ("is empty, as a folder is whose disk is not mounted", 1)}
    )  # fmt: skip
    assert index_paths(store, [docs], prune=False).removed == 0
    assert index_paths(store, [docs], prune=True).removed == 1


def test_a_link_that_must_not_be_looked_at_hides_nothing(
    store: Store, docs: Path, link: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_paths(store, [docs])
    looked = Path.stat

    # Patched, not chmod: root may look at everything.
    def stat(self: Path, *, follow_symlinks: bool = True) -> Any:
        if self == link and follow_symlinks:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return looked(self, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", stat)
    report = index_paths(store, [docs], prune=True)
    assert (counted(report), report.failed) == (
        (0, 0, 0, 1), [(link, f"{link}: cannot be read (Permission denied)")]
    )  # fmt: skip
    assert report.plan.kept == {docs: ("cannot be read (Permission denied)", 1)}
    with pytest.raises(InputError, match=r"link\.txt: cannot be read \(Permission denied\)"):
        index_paths(store, [link])


def test_named_directly(store: Store, link: Path, target: Path) -> None:
    assert counted(index_paths(store, [link])) == (1, 0, 0, 0)
    assert set(texts(store)) == {link.as_uri()}
    assert counted(index_paths(store, [link.parent / ".." / "docs" / "link.txt"])) == (0, 0, 0, 1)
    target.unlink()
    with pytest.raises(InputError, match=r"no such file or folder \(a link that leads to nothing\)"):
        index_paths(store, [link])
    assert counted(index_paths(store, [link], prune=True)) == (0, 0, 1, 0)


class TestOneFileUnderSeveralNames:
    @pytest.mark.parametrize("name", ["0.txt", "z.txt", "sub/link.txt"])
    def test_a_link_to_a_file_of_the_same_folder(self, store: Store, docs: Path, name: str) -> None:
        (docs / "sub").mkdir()
        (docs / name).symlink_to(docs / "a.txt")
        assert counted(index_paths(store, [docs])) == (1, 0, 0, 0)
        assert set(texts(store)) == {(docs / "a.txt").as_uri()}
        assert counted(index_paths(store, [docs])) == (0, 0, 0, 1)

    def test_a_link_to_a_file_that_is_passed_over(self, store: Store, docs: Path) -> None:
        (docs / ".data").mkdir()
        (docs / ".data" / "x.txt").write_text("Hidden words.")
        (docs / "x.txt").symlink_to(docs / ".data" / "x.txt")
        index_paths(store, [docs])
        assert set(texts(store)) == {(docs / name).as_uri() for name in ("a.txt", "x.txt")}

    def test_the_first_of_two_links(self, store: Store, docs: Path, link: Path, target: Path) -> None:
        (docs / "z.txt").symlink_to(link)
        index_paths(store, [docs])
        assert set(texts(store)) == {(docs / "a.txt").as_uri(), link.as_uri()}

    def test_the_file_itself_is_indexed_later(self, store: Store, docs: Path, link: Path, target: Path) -> None:
        index_paths(store, [docs])
        kept = index_paths(store, [docs, target.parent], prune=False)
        assert (kept.removed, len(texts(store))) == (0, 4)
        report = index_paths(store, [docs, target.parent])
        assert counted(report) == (0, 0, 1, 3)
        assert link.as_uri() not in texts(store)

    def test_a_linked_folder_beside_the_folder(self, store: Store, tmp_path: Path, docs: Path) -> None:
        (tmp_path / "linked").symlink_to(docs)
        assert counted(index_paths(store, [tmp_path / "linked", docs])) == (1, 0, 0, 0)
        assert set(texts(store)) == {(docs / "a.txt").as_uri()}


class TestLinkedFolders:
    def test_one_that_is_named_goes_by_its_own_path(self, store: Store, tmp_path: Path, docs: Path) -> None:
        current = tmp_path / "current"
        current.symlink_to(docs)
        index_paths(store, [current])
        assert set(texts(store)) == {(current / "a.txt").as_uri()}
        assert counted(index_paths(store, [current])) == (0, 0, 0, 1)
        other = tmp_path / "other"
        other.mkdir()
        (other / "b.txt").write_text("Fish swim upstream.")
        current.unlink()
        current.symlink_to(other)
        assert index_paths(store, [current], prune=True).removed == 1
        assert set(texts(store)) == {(current / "b.txt").as_uri()}
        current.unlink()
        assert index_paths(store, [current], prune=True).removed == 1

    def test_one_in_a_folder_is_told_of(self, store: Store, docs: Path, target: Path) -> None:
        (docs / "sub").symlink_to(target.parent)
        (docs / "loop").symlink_to(docs)
        report = index_paths(store, [docs])
        assert counted(report) == (1, 0, 0, 0)
        assert [path.name for path, _ in report.failed] == ["loop", "sub"]
        index_paths(store, [docs / "sub"])
        assert counted(index_paths(store, [docs])) == (0, 0, 0, 1)
        assert len(texts(store)) == 3


def test_content_that_is_sent_elsewhere_has_the_same_uri(link: Path) -> None:
    (here,) = read_documents(link)
    (there,) = read_documents(link, link.read_bytes())
    assert here == there
    assert find_files([link]).files == (link,)


def test_own_path(tmp_path: Path, docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    linked = tmp_path / "far" / "linked"
    linked.parent.mkdir()
    linked.symlink_to(docs)
    assert own_path(linked / "a.txt") == linked / "a.txt"
    assert own_path(linked / ".." / "x.txt") == tmp_path / "x.txt", "as the system follows it"
    monkeypatch.chdir(linked)
    monkeypatch.delenv("PWD", raising=False)
    assert own_path(Path("a.txt")) == docs / "a.txt"
    monkeypatch.setenv("PWD", str(linked))
    assert own_path(Path("a.txt")) == linked / "a.txt"
    monkeypatch.setenv("PWD", str(tmp_path))
    assert own_path(Path("a.txt")) == docs / "a.txt", "it is old"
