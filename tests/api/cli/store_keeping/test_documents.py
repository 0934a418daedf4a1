"""`qa documents`, and what becomes of documents that change."""

from __future__ import annotations

import json
from pathlib import Path

from command_line import ARTICLE, Run


def test_documents_are_listed_and_shown(qa: Run, seed_store: str) -> None:
    record = json.loads(qa("documents", "list", "--json", "--store", seed_store).out)
    shown = qa("documents", "show", record["id"], "--store", seed_store)
    assert json.loads(shown.out) == record
    assert ARTICLE.name in qa("documents", "list", "--store", seed_store).out


def test_a_changed_file_replaces_and_a_removed_document_is_gone(qa: Run, tmp_path: Path) -> None:
    folder, store = tmp_path / "docs", str(tmp_path / "store")
    folder.mkdir()
    note = folder / "note.md"
    note.write_text("# Harbour\n\nThe harbour of Lindal opened in 1911 after nine years of work.\n")
    question = "When did the harbour of Lindal open?"
    assert "1 added" in qa("index", str(folder), "--store", store).out
    assert "0 added, 0 changed, 0 removed, 1 unchanged" in qa("index", str(folder), "--store", store).out
    first = qa("ask", question, "--store", store, "--json", "--threshold", "0").out
    assert json.loads(first)["answers"][0]["text"] == "1911"
    note.write_text("# Harbour\n\nThe harbour of Lindal opened in 1934 after nine years of work.\n")
    qa("index", str(folder), "--store", store)
    second = qa("ask", question, "--store", store, "--json", "--threshold", "0").out
    assert json.loads(second)["answers"][0]["text"] == "1934"
    stale = qa("verify", "-", "--store", store, stdin=first)
    assert stale.code == 1 and "sha256" in stale.out
    assert qa("documents", "remove", str(note), "--store", store).code == 0
    gone = qa("verify", "-", "--store", store, stdin=second)
    assert gone.code == 1 and "removed" in gone.out
    empty = json.loads(qa("ask", question, "--store", store, "--json").out)
    assert (empty["status"], empty["reason"], empty["answers"]) == ("not_found", "empty_index", [])
