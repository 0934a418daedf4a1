"""`qa gold` from the command line: exit codes, what goes where, and drafts with the real models."""

from __future__ import annotations

import gzip
import json
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from api.cli.main import main

SEEDS = Path(__file__).parents[4] / "seeds"
ROW = {"id": "1", "question": "When did it open?", "answers": [{"text": "1911"}], "document": "note.txt"}
NOTE = (
    "The harbour of Lindal was opened in 1911 by King Erik. The Lindal Bank employed 340 people at that time.\n\n"
    "The Borgard Bridge was designed by Anna Moe. The bridge was crossed by a friend of hers from Sandvik.\n"
)


@pytest.fixture
def qa(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["qa", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


Qa = Callable[..., tuple[int, str, str]]


def test_the_schema_is_printed(qa: Qa) -> None:
    code, out, _ = qa("gold", "schema")
    assert code == 0
    assert out == (SEEDS.parent / "eval" / "gold" / "gold.schema.json").read_text(encoding="utf-8")


def test_a_good_gold_set_passes_and_a_bad_one_does_not(qa: Qa, tmp_path: Path) -> None:
    code, out, _ = qa("gold", "check", SEEDS / "gold.jsonl", "--documents", SEEDS)
    assert code == 0
    assert "85 questions, 61 answerable and 24 not" in out and "0 errors" in out
    gold = tmp_path / "gold.jsonl"
    gold.write_text(json.dumps(ROW))
    (tmp_path / "note.txt").write_text("It opened in 1934.")
    code, out, _ = qa("gold", "check", gold, "--documents", tmp_path)
    assert code == 1
    assert "error span: line 1, 1: answers[0]: '1911' does not stand in the text" in out


def test_a_check_as_json(qa: Qa, tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text(f"{json.dumps(ROW)}\n{{}}\n")
    code, out, _ = qa("gold", "check", gold, "--json")
    report = json.loads(out)
    assert code == 1
    assert (report["questions"], report["unchecked"]) == (1, 1)
    (error,) = [finding for finding in report["findings"] if finding["severity"] == "error"]
    assert (error["place"], error["code"], error["message"]) == ("line 2", "malformed", "id: Field required")


def test_many_findings_are_cut_short_for_people(qa: Qa, tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text("".join(f"{json.dumps(ROW | {'id': str(n)})}\n" for n in range(80)))
    code, out, _ = qa("gold", "check", gold)
    assert code == 0
    assert "and 32 more; see all with --json" in out


def test_store_and_documents_together_are_wrong_use(qa: Qa, tmp_path: Path) -> None:
    code, _, err = qa("gold", "check", SEEDS / "gold.jsonl", "--store", tmp_path, "--documents", SEEDS)
    assert code == 2
    assert "not both" in err


def test_a_store_is_looked_up_by_file_name(qa: Qa, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "note.txt").write_text("It opened in 1911.")
    assert qa("index", tmp_path / "docs", "--store", tmp_path / "store")[0] == 0
    gold = tmp_path / "gold.jsonl"
    gold.write_text(json.dumps(ROW))
    code, out, _ = qa("gold", "check", gold, "--store", tmp_path / "store")
    assert code == 0
    assert "1 answers looked up" in out


HOSTILE = {
    "missing.jsonl": None,
    "empty.jsonl": b"",
    "binary.jsonl": bytes(range(256)),
    "utf16.jsonl": json.dumps(ROW).encode("utf-16"),
    "deep.json": b"[" * 100_000,
    "cut.jsonl.gz": gzip.compress(json.dumps(ROW).encode())[:20],
    "surrogate.jsonl": b'{"id": "1", "question": "\\ud800", "answers": []}',
    "escape.jsonl": b'{"id": "\\u001b[31m", "question": "who?", "answers": [{"text": ""}]}',
    "nul.jsonl": b'{"id": "1", "question": "who?", "document": "\\u0000", "answers": []}',
    "list.json": b"[]",
    "wrong.csv": b"id,question",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("command", [["gold", "check"], ["eval", "--store", "none"]])
def test_a_hostile_file_is_one_message_and_exit_code_1(qa: Qa, tmp_path: Path, name: str, command: list[str]) -> None:
    content = HOSTILE[name]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    code, out, err = qa(*command, tmp_path / name)
    assert code == 1
    assert "error" in out + err and "Traceback" not in out + err
    assert "\x1b[31m" not in out


def test_a_pipe_is_not_waited_for(qa: Qa, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    code, _, err = qa("gold", "check", tmp_path / "pipe.jsonl")
    assert code == 1
    assert "is not a file" in err.replace("\n", "")


def test_drafts_of_a_folder_are_refused_until_reviewed(qa: Qa, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "note.txt").write_text(NOTE)
    (docs / "broken.txt").write_bytes(b"\xff\xfe\xff")
    drafts = tmp_path / "drafts.jsonl"
    code, out, err = qa("gold", "draft", docs, "--output", drafts)
    assert (code, out) == (0, "")
    assert "broken.txt" in err and "qa gold check" in err
    rows = [json.loads(line) for line in drafts.read_text(encoding="utf-8").splitlines()]
    answers = {row["question"]: [answer["text"] for answer in row["answers"]] for row in rows}
    assert "1911" in answers["In what year was the harbour of Lindal opened by King Erik?"]
    assert all(row["reviewed"] is False and row["draft"]["sentence"] in NOTE for row in rows)
    assert {row["document"] for row in rows} == {"docs/note.txt"}
    for command in (["gold", "check"], ["eval", "--store", str(tmp_path / "none")]):
        code, out, err = qa(*command, drafts)
        assert code == 1
        assert "reviewed" in out + err
    before = drafts.read_bytes()
    code, _, err = qa("gold", "draft", docs, "--output", drafts)
    assert code == 2 and "--force" in err
    assert drafts.read_bytes() == before
    drafts.write_text("".join(f"{json.dumps(row | {'reviewed': True})}\n" for row in rows), encoding="utf-8")
    assert qa("gold", "check", drafts, "--documents", docs)[0] == 0
    again = qa("gold", "draft", docs)[1]
    assert [json.loads(line)["question"] for line in again.splitlines()] == [row["question"] for row in rows]


def test_drafts_of_any_format_find_their_places_again(qa: Qa, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    harbour, bridge = NOTE.split("\n\n")
    (docs / "harbour.html").write_text(f"<html><body><article><h1>Lindal</h1><p>{harbour}</p></article></body></html>")
    with zipfile.ZipFile(docs / "mixed.zip", "w") as archive:
        archive.writestr("deep/bridge note.txt", bridge)
        archive.writestr("picture.png", b"png")
    drafts = tmp_path / "drafts.jsonl"
    code, _, err = qa("gold", "draft", docs, "--output", drafts)
    assert code == 0 and "of 2 documents" in err
    rows = [json.loads(line) for line in drafts.read_text(encoding="utf-8").splitlines()]
    assert {row["document"] for row in rows} == {"docs/harbour.html", "docs/mixed.zip!/deep/bridge note.txt"}
    drafts.write_text("".join(f"{json.dumps(row | {'reviewed': True})}\n" for row in rows), encoding="utf-8")
    code, out, _ = qa("gold", "check", drafts, "--documents", docs)
    assert code == 0, out
    store, run = tmp_path / "store", tmp_path / "run.json"
    assert qa("index", docs, "--store", store)[0] == 0
    assert qa("gold", "check", drafts, "--store", store)[0] == 0
    assert qa("eval", drafts, "--store", store, "--output", run)[0] == 0
    results = json.loads(run.read_text(encoding="utf-8"))["results"]
    assert all(result["place"]["passages"] for result in results if result["answerable"])
    answered = next(row for row in rows if row["answers"])
    wrong = answered | {"reviewed": True, "document": "docs/mixed.zip!/none.txt"}
    drafts.write_text(json.dumps(wrong), encoding="utf-8")
    for where in (("--documents", docs), ("--store", store)):
        code, out, _ = qa("gold", "check", drafts, *where)
        assert code == 1 and "none.txt" in out


def test_documents_without_facts_leave_no_file(qa: Qa, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("nothing to see here")
    code, _, err = qa("gold", "draft", tmp_path / "note.txt", "--output", tmp_path / "drafts.jsonl")
    assert code == 1
    assert "no question could be made" in err
    assert not (tmp_path / "drafts.jsonl").exists()
    assert qa("gold", "draft", tmp_path / "note.txt", "--output", tmp_path / "drafts.csv")[0] == 2


def test_a_beir_folder_is_measured_and_gone_on_with(qa: Qa, tmp_path: Path) -> None:
    folder = tmp_path / "towns"
    folder.mkdir()
    texts = {"a": "The harbour of Lindal opened in 1911.", "b": "Anna Moe designed the Borgard bridge."}
    (folder / "corpus.jsonl").write_text("".join(f"{json.dumps({'_id': i, 'text': t})}\n" for i, t in texts.items()))
    (folder / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": "Who designed the bridge of Borgard?"}))
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq\tb\t1\n")
    code, out, _ = qa("gold", "beir", folder, "--store", tmp_path / "store")
    assert code == 0
    assert "HitRate@1" in out and "100.0%" in out and "1 queries over 2 documents" in out
    code, out, _ = qa("gold", "beir", folder, "--store", tmp_path / "store", "--json")
    assert (code, json.loads(out)["measures"]["nDCG@10"]) == (0, 1.0)
    code, _, err = qa("gold", "beir", tmp_path, "--store", tmp_path / "store")
    assert code == 1
    assert "corpus.jsonl" in err
