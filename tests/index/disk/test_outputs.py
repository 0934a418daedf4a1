"""What a command may write over, and that it is written whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from index.disk import atomic
from index.disk.atomic import write_whole
from index.disk.outputs import DRAFT, FolderKind, Kind, Outputs, head_kind
from index.errors import InputError, OutputError

NOTE = b"Buy milk.\n"
RUN = head_kind("a run", rb"run: ")
MODEL = FolderKind("a model", marks=frozenset(["mark"]), names=frozenset(["mark", "weights"]))
WORK = FolderKind("a work folder", marks=frozenset(["state"]))
not_root = pytest.mark.skipif(os.name != "nt" and os.geteuid() == 0, reason="root may write everywhere")


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    path = tmp_path / "notes.txt"
    path.write_bytes(NOTE)
    return path


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    (folder / "derived" / "deep").mkdir(parents=True)
    (folder / "catalogue.sqlite").write_bytes(b"SQLite format 3\0")
    return folder


def test_a_new_file_has_the_rights_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        Outputs().file(tmp_path / "run", RUN).write(b"run: 1")
    finally:
        os.umask(before)
    assert (tmp_path / "run").read_bytes() == b"run: 1" and mode(tmp_path / "run") == 0o640
    assert left(tmp_path) == ["run"]


@pytest.mark.parametrize("rights", [0o600, 0o640, 0o664, 0o755])
def test_a_former_output_is_replaced_and_keeps_its_rights(tmp_path: Path, rights: int) -> None:
    path = tmp_path / "run"
    path.write_bytes(b"run: 1")
    path.chmod(rights)
    Outputs().file(path, RUN).write(b"run: 2")
    assert path.read_bytes() == b"run: 2" and mode(path) == rights


def test_an_empty_file_may_be_written(tmp_path: Path) -> None:
    (tmp_path / "new").touch(0o600)
    Outputs().file(tmp_path / "new", RUN).write(b"run: 1")
    assert (tmp_path / "new").read_bytes() == b"run: 1" and mode(tmp_path / "new") == 0o600


@pytest.mark.parametrize("kind", [RUN, DRAFT])
def test_other_files_need_force(notes: Path, kind: Kind) -> None:
    with pytest.raises(OutputError, match=r"notes\.txt: is there already and is not a .*--force"):
        Outputs().file(notes, kind)
    assert notes.read_bytes() == NOTE
    Outputs(force=True).file(notes, kind).write(b"run: 1")
    assert notes.read_bytes() == b"run: 1"


def test_a_write_protected_file_needs_force(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.write_bytes(b"run: 1")
    path.chmod(0o444)
    with pytest.raises(OutputError, match="write-protected"):
        Outputs().file(path, RUN)
    Outputs(force=True).file(path, RUN).write(b"run: 2")
    assert path.read_bytes() == b"run: 2" and mode(path) == 0o444


def hard_link(path: Path, beside: Path) -> None:
    beside.hardlink_to(path)


def soft_link(path: Path, beside: Path) -> None:
    beside.symlink_to(path)


@pytest.mark.parametrize("link", [hard_link, soft_link])
def test_what_is_read_is_never_written_over(tmp_path: Path, link: Callable[[Path, Path], None]) -> None:
    read, other = tmp_path / "run", tmp_path / "other"
    read.write_bytes(b"run: 1")
    link(read, other)
    (tmp_path / "sub").mkdir()
    spelled = (read, tmp_path / "sub" / ".." / "run", tmp_path / "." / "run", other)
    for given in spelled:
        for output in spelled:
            with pytest.raises(OutputError, match="is what this command reads"):
                Outputs([None, "a-model", given], force=True).file(output, RUN)
    assert read.read_bytes() == b"run: 1"


def test_files_of_a_folder_that_is_read_are_not_written_over_by_force(tmp_path: Path, notes: Path) -> None:
    outputs = Outputs([tmp_path], force=True)
    with pytest.raises(OutputError, match="in a folder that this command reads"):
        outputs.file(notes, RUN)
    (tmp_path / "run").write_bytes(b"run: 1")
    outputs.file(tmp_path / "run", RUN).write(b"run: 2")
    outputs.file(tmp_path / "new", RUN).write(b"run: 3")
    assert left(tmp_path) == ["new", "notes.txt", "run"]


@pytest.mark.parametrize("place", ["catalogue.sqlite", "run", "derived/run", "derived/deep/run", "../link/run"])
def test_nothing_is_written_into_a_store(tmp_path: Path, store: Path, place: str) -> None:
    (tmp_path / "link").symlink_to(store / "derived", target_is_directory=True)
    with pytest.raises(OutputError, match="lies in the store"):
        Outputs(force=True).file(store / place, RUN)
    with pytest.raises(OutputError, match="lies in the store"):
        Outputs(force=True).folder(store / place, MODEL)
    with pytest.raises(OutputError, match="lies in the store"):
        Outputs(force=True).work(store / place, WORK)


def test_nor_over_one_nor_into_one_to_be(tmp_path: Path, store: Path) -> None:
    for folder in (store, tmp_path / "link"):
        if folder != store:
            folder.symlink_to(store, target_is_directory=True)
        with pytest.raises(OutputError, match="is a store"):
            Outputs(force=True).folder(folder, MODEL)
    new = tmp_path / "new"
    new.mkdir()
    with pytest.raises(OutputError, match="lies in the store"):
        Outputs(store=str(new)).file(new / "run", RUN)
    with pytest.raises(OutputError, match="lies in the store"):
        Outputs(store=f"postgresql://host/database?derived={new}").file(new / "run", RUN)


def test_only_files_are_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    (tmp_path / "folder").mkdir()
    cases = {
        tmp_path / "folder": "is a folder",
        tmp_path / "pipe": "no ordinary file",
        Path("/dev/null"): "no ordinary file",
        Path("/dev/stdout"): "no ordinary file",
        Path("/proc/self/fd/1"): "no ordinary file",
        tmp_path / "none" / "run": "there is no folder",
        tmp_path / ("n" * 300): "cannot be written",
        tmp_path / "circle": "cannot be written",
        tmp_path / "a\0b": "cannot be written",
    }
    before = left(tmp_path)
    for path, said in cases.items():
        with pytest.raises(OutputError, match=said):
            Outputs(force=True).file(path, RUN)
    assert left(tmp_path) == before


@not_root
def test_a_folder_without_rights_is_refused_at_once(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(0o500)
    with pytest.raises(OutputError, match="Permission denied"):
        Outputs().file(closed / "run", RUN)


def test_two_outputs_are_two_files(tmp_path: Path) -> None:
    outputs = Outputs()
    outputs.file(tmp_path / "run", RUN)
    for name in ("run", "RUN"):
        with pytest.raises(OutputError, match="twice"):
            outputs.file(tmp_path / name, RUN)


def test_links_are_followed_and_stay(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    link = tmp_path / "latest"
    link.symlink_to("far/run")
    for content in (b"run: 1", b"run: 2"):
        Outputs().file(link, RUN).write(content)
        assert link.is_symlink() and (tmp_path / "far" / "run").read_bytes() == content
    assert left(tmp_path / "far") == ["run"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, InputError, SystemExit])
def test_what_is_interrupted_leaves_what_stood_there(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "run"
    for stood in (None, b"run: 1"):
        if stood:
            path.write_bytes(stood)
        with pytest.raises(error), Outputs().file(path, RUN).stream() as stream:
            stream.write(b"run: 2")
            raise error("interrupted")
        assert left(tmp_path) == (["run"] if stood else [])
    assert path.read_bytes() == b"run: 1"


def test_a_full_disk_leaves_what_stood_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run"
    path.write_bytes(b"run: 1")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(InputError, match="run: cannot be written: No space left on device"):
        Outputs().file(path, RUN).write(b"run: 2")
    with pytest.raises(InputError, match="No space left"):
        write_whole(path, b"run: 2")
    assert path.read_bytes() == b"run: 1" and left(tmp_path) == ["run"]


def test_what_was_put_there_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    output = Outputs().file(path, RUN)
    path.write_bytes(NOTE)
    (tmp_path / "run-1.json").write_bytes(NOTE)
    with pytest.raises(InputError, match=r"what was to go there is in .*run-2\.json"):
        output.write(b"run: 1")
    assert path.read_bytes() == (tmp_path / "run-1.json").read_bytes() == NOTE
    assert (tmp_path / "run-2.json").read_bytes() == b"run: 1"


def test_a_folder_is_swapped_in_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "model"
    for content in ("1", "2"):
        with Outputs().folder(path, MODEL).making() as folder:
            (folder / "mark").touch()
            (folder / "weights").write_text(content)
            # The former one is there until then.
            assert path.exists() == (content == "2")
        assert (path / "weights").read_text() == content and left(tmp_path) == ["model"]
    with pytest.raises(KeyboardInterrupt), Outputs().folder(path, MODEL).making() as folder:
        (folder / "weights").write_text("3")
        raise KeyboardInterrupt
    assert (path / "weights").read_text() == "2" and left(tmp_path) == ["model"]
    # What a killed process left of a file is no file of the user's.
    (path / "weights.tmp").touch()
    (path / ".spanqa-0123456789ab.part").touch()
    with Outputs().folder(path, MODEL).making() as folder:
        (folder / "mark").touch()
    assert left(path) == ["mark"]


def test_the_old_folder_comes_back_where_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model"
    path.mkdir()
    (path / "mark").write_text("old")
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if target == path and (self / "mark").read_text() == "new":
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(InputError, match="Input/output error"), Outputs().folder(path, MODEL).making() as folder:
        (folder / "mark").write_text("new")
    assert (path / "mark").read_text() == "old" and left(tmp_path) == ["model"]


def test_other_folders_need_force(tmp_path: Path) -> None:
    path = tmp_path / "mine"
    path.mkdir()
    Outputs().folder(path, MODEL)
    (path / "notes.txt").write_bytes(NOTE)
    for mark in (False, True):
        # A user's file beside what was written is a user's file.
        if mark:
            (path / "mark").touch()
        with pytest.raises(OutputError, match=r"is not a model.*--force"):
            Outputs().folder(path, MODEL)
    with pytest.raises(OutputError, match="is no folder"):
        Outputs(force=True).folder(path / "notes.txt", MODEL)
    with pytest.raises(OutputError, match="is what this command reads"):
        Outputs([path], force=True).folder(path, MODEL)
    with pytest.raises(OutputError, match="which this command reads"):
        Outputs([path / "notes.txt"], force=True).folder(path, MODEL)
    with Outputs(force=True).folder(path, MODEL).making() as folder:
        (folder / "mark").touch()
    assert left(path) == ["mark"]


def test_the_folder_one_is_in_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    for path in (Path(), Path(".."), tmp_path):
        with pytest.raises(OutputError):
            Outputs(force=True).folder(path, MODEL)


def test_a_work_folder_is_new_or_one_of_before(tmp_path: Path) -> None:
    work = tmp_path / "work"
    Outputs().work(work, WORK)
    work.mkdir()
    Outputs().work(work, WORK)
    (work / "notes.txt").write_bytes(NOTE)
    with pytest.raises(OutputError, match="is not a work folder"):
        Outputs().work(work, WORK)
    Outputs(force=True).work(work, WORK)
    (work / "state").touch()
    Outputs([work / "notes.txt"]).work(work, WORK)
    with pytest.raises(OutputError, match="is no folder"):
        Outputs(force=True).work(work / "state", WORK)
