"""What is not ours stays as it is wherever a command writes or removes: a thousand files, folders and links, with names
like ours among them."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes.embedders import FakeEmbedder
from typer.testing import CliRunner

import api.cli.opening
from api.cli.main import app
from index.catalogue.formats.identity import APPLICATION_ID
from index.catalogue.sqlite import CATALOGUE_FILE
from index.disk.marks import claim_folder
from index.errors import InputError, SpanqaError
from index.models.openvino import _clear

LOOK_ALIKES = tuple(
    """
        .restore-abc .restore-abcdef_1 .backup-notes .backup-abcdef_1 .spanqa-restore-notes derived
        .spanqa-backup-abcdef_1 .spanqa-restore-abcdef_1 .spanqa-new-abcdef_1 x-old-y vectors-old-abcdef_1
        lexical-old-abcdef_1 keys.bak catalogue.sqlite.bak catalogue.sqlite2 manifest.tmp meta.json
        0123456789abcdef-0123456789abcdef CACHEDIR.TAG checkpoint.tmp part.tmp.npz film.part a.compiled
        0123456789abcdef.vectors 000000000001-0123abcd.manifest spanqa-generation built.json scale.json
    """.split()
)
ODD = ("ü é", "a\nb", "-rf", "*", "'quote'", "%20", "a#b?c", ".hidden", "\udcff")


def plant(folder: Path, count: int, draw: random.Random, outside: Path) -> None:
    """Files, folders and links of random names, look-alikes among them, at most three folders deep."""
    folders = [folder]
    names = [*LOOK_ALIKES, *ODD]
    for number in range(count):
        name = names[number % len(names)] if number < 3 * len(names) else f"{draw.choice(names)}{number}"
        path = draw.choice(folders) / name
        if os.path.lexists(path):
            path = path.with_name(f"{path.name}-{number}")
        kind = draw.random()
        if kind < 0.2 and len(path.parts) < len(folder.parts) + 4:
            path.mkdir(mode=draw.choice([0o755, 0o700, 0o750]))
            folders.append(path)
        elif kind < 0.3:
            path.symlink_to(draw.choice([outside, outside / "file", outside / "nowhere"]))
        else:
            path.write_bytes(draw.randbytes(draw.choice([0, 10, 5_000])))
            path.chmod(draw.choice([0o644, 0o600, 0o444]))


def state(*folders: Path) -> dict[str, tuple[object, ...]]:
    """Every entry with its mode, time of change and content; of folders without the time, which additions change.

    SQLite's own files may go while they are walked over, so an entry that is gone by the time it is looked at is left
    out: where it was a stranger's, it is missed by whoever compares.
    """
    found: dict[str, tuple[object, ...]] = {}
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            try:
                status = path.lstat()
            except FileNotFoundError:
                continue
            mode = stat.S_IFMT(status.st_mode), stat.S_IMODE(status.st_mode)
            if path.is_symlink():
                found[str(path)] = (*mode, status.st_mtime_ns, str(path.readlink()))
            elif path.is_dir():
                found[str(path)] = mode
            else:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                found[str(path)] = (*mode, status.st_mtime_ns, status.st_ino, content)
    return found


def unchanged(before: dict[str, tuple[object, ...]], *folders: Path) -> None:
    after = state(*folders)
    assert {path: after.get(path) for path in before} == before


@pytest.fixture
def qa(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setattr(api.cli.opening, "open_embedder", lambda name, *_: FakeEmbedder(name))

    def run(*arguments: object, code: int = 0) -> str:
        ran = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert ran.exception is None or isinstance(ran.exception, SpanqaError | SystemExit), ran.exception
        assert (1 if isinstance(ran.exception, SpanqaError) else ran.exit_code) == code, (ran.output, ran.exception)
        return f"{ran.output}{ran.exception or ''}"

    return run


@pytest.mark.parametrize("seed", [1, 2])
def test_a_thousand_strangers_stay_as_they_are(qa: Callable[..., Any], tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    outside, docs, store = tmp_path / "outside", tmp_path / "docs", tmp_path / "store"
    for folder in (outside, docs, store, store / ".spanqa-derived"):
        folder.mkdir()
    (outside / "file").write_text("not ours")
    plant(outside, 50, draw, outside / "file")
    plant(store, 700, draw, outside)
    # A folder that nobody else has may hold strangers all the same.
    plant(store / ".spanqa-derived", 250, draw, outside)
    before = state(outside, store)
    assert len(before) > 1_000
    for number in range(4):
        (docs / f"note{number}.txt").write_text(f"Crane {number} lifts forty tonnes. Its keeper is Olaf.")

    def indexes() -> list[Path]:
        return list((store / ".spanqa-derived").glob("*-*/lexical/spanqa-generation"))

    qa("index", docs, "--store", store)
    assert indexes()
    # Strangers among the indexes' own files, of which all are made anew and removed below.
    for part in ("vectors", "lexical"):
        plant(indexes()[0].parents[1] / part, 60, draw, outside)
    plant(indexes()[0].parents[1], 30, draw, outside)
    ours = indexes()[0].parents[1]
    before |= {path: entry for path, entry in state(ours).items() if stranger(path, ours)}
    (docs / "note1.txt").write_text("Another keeper.")
    (docs / "note2.txt").unlink()
    qa("index", docs, "--store", store)
    qa("store", "backup", tmp_path / "backup", "--store", store)
    qa("documents", "remove", docs / "note3.txt", "--store", store)
    qa("store", "purge", "--store", store)
    qa("store", "check", "--store", store)
    qa("store", "repair", "--store", store)
    qa("keys", "add", "one", "--store", store)
    qa("keys", "revoke", "one", "--store", store)
    qa("index", "--re-embed", "--embedder", "other", "--store", store)
    qa("store", "restore", tmp_path / "backup", "--replace", "--store", store)
    qa("store", "purge", "--store", store)
    qa("store", "check", "--store", store)
    unchanged(before, outside, store)
    # Where nothing may be added either.
    full = tmp_path / "full"
    full.mkdir()
    plant(full, 40, draw, outside)
    there = state(full)
    assert "is not empty" in qa("store", "backup", full, "--store", store, code=1)
    assert "no backup" in qa("store", "restore", full, "--replace", "--store", store, code=1)
    for kind in ("bench-scale", "bench-peers"):
        with pytest.raises(InputError, match="holds other things"):
            claim_folder(full, kind)
    _clear(full)
    assert state(full) == there


def stranger(path: str, ours: Path) -> bool:
    """Whether a file among indexes is one that was planted: what has our own form there is ours to remove."""
    from index.disk.marks import TAG_FILE
    from index.search.index_folders import PARTS

    parts = Path(path).relative_to(ours).parts
    if not parts or parts == (TAG_FILE,) or (len(parts) == 1 and parts[0] in PARTS):
        return False
    return not (len(parts) == 2 and parts[0] in PARTS and PARTS[parts[0]](parts[1]) and Path(path).is_file())


def foreign_database(path: Path, *, wal: bool) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA journal_mode={'WAL' if wal else 'DELETE'}")
    connection.execute("CREATE TABLE settings (name, value)")
    connection.execute("INSERT INTO settings VALUES ('format_version', '2')")
    connection.commit()
    connection.close()


@pytest.mark.parametrize("kind", ["database", "wal", "text", "empty", "folder", "link", "application"])
def test_a_catalogue_that_is_none_of_ours_is_never_touched(qa: Callable[..., Any], tmp_path: Path, kind: str) -> None:
    note, store, other = tmp_path / "note.txt", tmp_path / "store", tmp_path / "other"
    note.write_text("The crane lifts forty tonnes.")
    qa("index", note, "--store", other)
    store.mkdir()
    catalogue = store / CATALOGUE_FILE
    if kind in ("database", "wal"):
        foreign_database(catalogue, wal=kind == "wal")
    elif kind == "application":
        shutil.copy(other / CATALOGUE_FILE, catalogue)
        with sqlite3.connect(catalogue) as connection:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID + 1}")
        connection.close()
        for end in ("-wal", "-shm"):
            catalogue.with_name(CATALOGUE_FILE + end).unlink(missing_ok=True)
    elif kind == "folder":
        catalogue.mkdir()
    elif kind == "link":
        foreign_database(tmp_path / "app.db", wal=True)
        catalogue.symlink_to(tmp_path / "app.db")
    else:
        catalogue.write_text("" if kind == "empty" else "some words of somebody")
    before = state(store)
    names = sorted(path.name for path in tmp_path.iterdir())
    for command in (
        ("index", note),
        ("store", "check"),
        ("store", "info"),
        ("documents", "list"),
        ("ask", "Who?"),
        ("serve",),
        ("store", "purge"),
        ("store", "backup", tmp_path / "b"),
        ("keys", "add", "k", "--create"),
        ("watch", note),
    ):
        qa(*command, "--store", store, code=1)
        assert state(store) == before
    # Nor is it taken for a backup, which would have emptied the store.
    qa("store", "restore", store, "--replace", "--store", other, code=1)
    qa("migrate-store", store, other, code=1)
    assert state(store) == before and sorted(path.name for path in tmp_path.iterdir()) == names
    assert "note.txt" in qa("documents", "list", "--json", "--store", other)
    if kind != "empty":
        qa("store", "restore", other, "--replace", "--store", store, code=1)
        assert state(store) == before
    else:
        # What is empty is damage, which a backup mends where that is asked for.
        assert "--replace" in qa("store", "restore", other, "--store", store, code=1)
        assert state(store) == before
        qa("store", "restore", other, "--replace", "--store", store)
        assert "note.txt" in qa("documents", "list", "--json", "--store", store)
