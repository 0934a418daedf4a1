"""`qa store` and the receipt of `qa documents remove`, with the shipped embedder."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from api.cli import main

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
