"""`qa store` and the receipt of `qa documents remove`, with the shipped embedder."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from api.cli.main import main
from index.catalogue.integrity.audit import Damage, Problem
from index.catalogue.sqlite import SqliteCatalogue
from index.errors import StoreError

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def qa(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    def run(*arguments: str, store: str = "store") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["qa", *arguments, "--store", str(tmp_path / store)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_a_store_is_looked_at_copied_damaged_and_restored(qa: Run, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("The crane of pier 7 lifts forty tonnes. Its keeper is Olaf Brandvik.", encoding="utf-8")
    assert qa("index", str(note))[0] == 0
    described = json.loads(qa("store", "info", "--json")[1])
    assert (described["documents"], described["dimensions"], described["promise"]) == (1, 384, False)
    assert all(size > 0 for size in described["bytes"].values())
    assert "generation" in qa("store", "info")[1]
    assert qa("store", "check")[:2] == (0, "whole: 1 documents in 1 passages, generation 1\n")
    assert qa("store", "repair")[:2] == (0, "the store is whole; nothing was done\n")
    assert qa("store", "backup", str(tmp_path / "backup"))[0] == 0

    with sqlite3.connect(tmp_path / "store" / "catalogue.sqlite") as connection:
        connection.execute("UPDATE documents SET text = replace(text, 'forty', 'fifty')")
    code, out, _ = qa("store", "check")
    assert code == 1 and "its hash differs" in out and "to mend it: remove it, qa documents remove" in out
    assert json.loads(qa("store", "check", "--json")[1])["findings"][0]["part"] == "catalogue"

    code, _, err = qa("store", "restore", str(tmp_path / "backup"))
    assert code == 2 and "--replace" in err
    assert qa("store", "restore", str(tmp_path / "backup"), "--replace")[0] == 0
    assert qa("store", "check")[0] == 0
    code, out, _ = qa("documents", "show", str(note), "--text")
    assert code == 0
    assert qa("store", "restore", str(tmp_path / "backup"), store="elsewhere")[0] == 0
    assert qa("store", "restore", str(tmp_path / "nothing"), store="elsewhere2")[0] == 1


@pytest.mark.parametrize("kind", ["nothing", "empty", "database", "noise", "no documents"])
def test_what_is_no_backup_never_empties_a_store(qa: Run, tmp_path: Path, kind: str) -> None:
    note, source = tmp_path / "note.txt", tmp_path / "source"
    note.write_text("The crane of pier 7 lifts forty tonnes.", encoding="utf-8")
    assert qa("index", str(note))[0] == 0
    source.mkdir()
    file = source / "catalogue.sqlite"
    if kind == "database":
        with sqlite3.connect(file) as connection:
            connection.execute("CREATE TABLE settings (name, value)")
        connection.close()
    elif kind == "no documents":
        SqliteCatalogue(file).close()
    elif kind != "nothing":
        file.write_bytes(b"" if kind == "empty" else b"no database")
    before = {path.name: path.read_bytes() for path in source.iterdir()}
    for given in (source, file):
        assert qa("store", "restore", str(given), "--replace")[0] == 1
        assert qa("documents", "show", str(note), "--text")[1] == note.read_text(encoding="utf-8")
        if kind != "no documents":
            # Nor is a store made of it where there was none.
            assert qa("store", "restore", str(given), store="fresh")[0] == 1
            assert not (tmp_path / "fresh").exists()
    assert {path.name: path.read_bytes() for path in source.iterdir()} == before
    assert qa("store", "check")[0] == 0


def test_what_is_restored_and_not_sound_in_its_place_is_put_back(
    qa: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = tmp_path / "note.txt"
    note.write_text("The crane of pier 7 lifts forty tonnes.", encoding="utf-8")
    assert qa("index", str(note))[0] == 0 and qa("store", "backup", str(tmp_path / "backup"))[0] == 0
    note.write_text("The crane of pier 7 lifts fifty tonnes.", encoding="utf-8")
    assert qa("index", str(note))[0] == 0
    calls = []

    def problems(_: object) -> list[Problem]:
        calls.append(None)
        # The copy is sound, and the catalogue is not any more.
        return [Problem(Damage.PAGES, "a page is lost")] if len(calls) == 2 else []

    with monkeypatch.context() as patch:
        patch.setattr(SqliteCatalogue, "problems", problems)
        code, _, err = qa("store", "restore", str(tmp_path / "backup"), "--replace")
    assert code == 1 and "a page is lost" in err
    assert "fifty" in qa("documents", "show", str(note), "--text")[1] and qa("store", "check")[0] == 0


def test_only_indexing_makes_a_store(qa: Run, tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text("", encoding="utf-8")
    (tmp_path / "citation.json").write_text("[]", encoding="utf-8")
    for command in (
        ("ask", "Who?"),
        ("serve", "--port", "0"),
        ("documents", "list"),
        ("store", "check"),
        ("store", "info"),
        ("store", "repair"),
        ("store", "purge"),
        ("store", "backup", str(tmp_path / "b")),
        ("keys", "list"),
        ("keys", "add", "k"),
        ("verify", str(tmp_path / "citation.json")),
        ("mcp",),
        ("promise", "show"),
        ("index", "--re-embed"),
        ("index", str(tmp_path / "nowhere")),
        ("watch", str(tmp_path / "nowhere")),
        ("calibrate", str(gold), "--corpus", str(tmp_path / "nowhere")),
    ):
        code, _, err = qa(*command)
        assert code in (1, 2), command
        assert any(words in err for words in ("no store at", "nowhere", "no citation")), (command, err)
        assert not (tmp_path / "store").exists(), command
    assert "qa serve --create" in qa("serve")[2]


def test_what_was_lost_is_told(qa: Run, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("The crane of pier 7 lifts forty tonnes.", encoding="utf-8")
    assert qa("index", str(note))[0] == 0 and qa("store", "backup", str(tmp_path / "backup"))[0] == 0
    store = tmp_path / "store"
    (store / "catalogue.sqlite").unlink()
    for command in (("ask", "Who?"), ("store", "check"), ("index", str(note)), ("serve", "--create")):
        code, _, err = qa(*command)
        assert code == 1 and "search indexes of one are there" in err and not (store / "catalogue.sqlite").exists()
    (store / "catalogue.sqlite").touch()
    for command in (("ask", "Who?"), ("store", "check"), ("index", str(note)), ("serve", "--create")):
        code, _, err = qa(*command)
        assert code == 1 and "is empty: what the catalogue held is lost" in err
    assert (store / "catalogue.sqlite").stat().st_size == 0
    # SQLite would fill a new catalogue from the log of the one that is gone.
    (store / "catalogue.sqlite").unlink()
    (store / "catalogue.sqlite-wal").write_bytes(b"a log")
    with pytest.raises(StoreError, match="the log of one is there"):
        SqliteCatalogue(store / "catalogue.sqlite")
    # An empty catalogue of another store in its place.
    for log in store.glob("catalogue.sqlite-*"):
        log.unlink()
    SqliteCatalogue(store / "catalogue.sqlite").close()
    code, out, _ = qa("store", "check")
    assert code == 1 and "search indexes of another store" in out
    assert qa("store", "restore", str(tmp_path / "backup"))[0] == 0
    assert qa("store", "check")[0] == 0


def test_search_indexes_of_before_are_taken_over_and_nothing_else(qa: Run, tmp_path: Path) -> None:
    note, store = tmp_path / "note.txt", tmp_path / "store"
    note.write_text("The crane of pier 7 lifts forty tonnes.", encoding="utf-8")
    assert qa("index", str(note))[0] == 0
    (derived,) = (store / ".spanqa-derived").iterdir()
    (derived / "CACHEDIR.TAG").unlink()
    (store / ".spanqa-derived").rename(store / "derived")
    old = store / "derived"
    (old / "notes").mkdir()
    (old / "notes" / "mine.txt").write_text("mine")
    (old / "0123456789abcdef-0123456789abcdef" / "vectors").mkdir(parents=True)
    (old / "0123456789abcdef-0123456789abcdef" / "vectors" / "mine.txt").write_text("mine")
    made = (old / derived.name / "lexical" / "meta.json").stat().st_ino
    assert qa("store", "check")[0] == 0
    assert derived.is_dir() and (derived / "lexical" / "meta.json").stat().st_ino == made
    assert sorted(path.name for path in old.iterdir()) == ["0123456789abcdef-0123456789abcdef", "notes"]
    assert [path.read_text() for path in sorted(old.rglob("mine.txt"))] == ["mine", "mine"]


def test_search_indexes_are_never_kept_behind_a_link(qa: Run, tmp_path: Path) -> None:
    note, store, others = tmp_path / "note.txt", tmp_path / "store", tmp_path / "others"
    note.write_text("The crane of pier 7 lifts forty tonnes.", encoding="utf-8")
    for name in ("a", "b"):
        (others / name).mkdir(parents=True)
    store.mkdir()
    (store / ".spanqa-derived").symlink_to(others)
    code, _, err = qa("index", str(note))
    assert code == 1 and "is a link" in err
    assert sorted(path.name for path in others.iterdir()) == ["a", "b"]


def test_a_receipt_of_a_removal(qa: Run, tmp_path: Path) -> None:
    names = []
    for number in range(3):
        names.append(str(tmp_path / f"note{number}.txt"))
        Path(names[-1]).write_text(f"Zanzibar{number} is on this line, and nothing else.", encoding="utf-8")
    assert qa("index", *names)[0] == 0

    def left(number: int) -> list[str]:
        word = f"zanzibar{number}".encode()
        files = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
        return [path.name for path in files if word in path.read_bytes().lower()]

    assert left(0) and left(1)
    code, out, _ = qa("documents", "remove", names[0], "--json")
    receipt = json.loads(out)
    assert code == 0 and receipt["purged"] and set(receipt["left"].values()) == {0} and receipt["passages"] == 1
    assert left(0) == [] and left(1)
    code, out, _ = qa("documents", "remove", names[1], "--no-purge")
    assert code == 0 and "its bytes go with: qa store purge" in out
    assert qa("store", "purge")[0] == 0
    assert left(1) == [] and left(2)
