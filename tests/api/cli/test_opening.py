"""Stores that a command cannot open."""

from __future__ import annotations

from pathlib import Path

from command_line import ARTICLE, QUESTION, Run

from index.catalogue.sqlite import SqliteCatalogue


def test_a_missing_store_names_the_command_that_makes_one(qa: Run, tmp_path: Path) -> None:
    ran = qa("ask", QUESTION, "--store", str(tmp_path / "none"))
    assert ran.code == 1
    assert "qa index" in ran.err


def test_an_unwritable_store_is_named(qa: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    ran = qa("index", str(ARTICLE), "--store", str(tmp_path / "file" / "store"))
    assert ran.code == 1 and "cannot be created" in ran.err


def test_a_store_of_a_newer_version_is_refused(qa: Run, tmp_path: Path) -> None:
    store = tmp_path / "store"
    note = tmp_path / "note.txt"
    note.write_text("The harbour opened in 1911.")
    qa("index", str(note), "--store", str(store))
    catalogue = SqliteCatalogue(store / "catalogue.sqlite")
    catalogue.set_settings({"format_version": "99"})
    catalogue.close()
    for command in (["ask", QUESTION], ["index", str(note)], ["documents", "list"]):
        ran = qa(*command, "--store", str(store))
        assert ran.code == 1
        assert "newer version" in ran.err.replace("\n", " ")
