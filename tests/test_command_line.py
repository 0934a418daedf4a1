"""The command line with the real models, from documents to verified citations."""

from __future__ import annotations

import io
import json
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api.cli import main
from eval import reading
from eval.asking import StoreAsker
from qa import reader
from qa.confidence import load_calibration
from qa.types import Question, Response

SEEDS = Path(__file__).parents[1] / "seeds"
ARTICLE = SEEDS / "000_a47247f0e3dcde29.txt"
QUESTION = "When do the Russia-China drills run?"


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture
def qa(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    def run(*arguments: str, stdin: str = "") -> Ran:
        monkeypatch.setattr(sys, "argv", ["qa", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8"))
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared") / "store"


@pytest.fixture
def store(shared: Path, qa: Callable[..., Ran]) -> str:
    """A store of the seed article, indexed once; only tests that change nothing use it."""
    if not shared.exists():
        assert qa("index", str(SEEDS), "--store", str(shared)).code == 0
    return str(shared)


def test_the_seed_question_is_answered_with_its_citation(qa: Callable[..., Ran], store: str) -> None:
    ran = qa("ask", QUESTION, "--store", store, "--json")
    assert ran.code == 0
    response = json.loads(ran.out)
    answer = response["answers"][0]
    text = ARTICLE.read_bytes().decode("utf-8")
    assert (response["status"], response["reason"], answer["text"]) == ("answered", None, "August 9-14")
    citation = answer["citation"]
    assert text[citation["start"] : citation["end"]] == citation["quote"] == "August 9-14"
    assert citation["line"] == text[: citation["start"]].count("\n") + 1
    assert citation["sentence"]["text"].startswith("From August 9-14, Russia will also conduct")
    assert answer["confidence"] >= response["threshold"]


def test_people_see_answer_source_line_and_marked_sentence(qa: Callable[..., Ran], store: str) -> None:
    ran = qa("ask", QUESTION, "--store", store)
    assert "From [August 9-14], Russia" in ran.out
    assert f"{ARTICLE.name}, line 6, characters 1367-1378" in ran.out


def test_questions_come_one_a_line(qa: Callable[..., Ran], store: str) -> None:
    ran = qa("ask", "-", "--store", store, stdin=f"{QUESTION}\n\nwho is the deputy head of the Taliban?\n")
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert [line["question"] for line in lines] == [QUESTION, "who is the deputy head of the Taliban?"]
    assert ran.code == 0


def test_a_bad_line_is_named_and_the_rest_answered(qa: Callable[..., Ran], store: str) -> None:
    ran = qa("ask", "-", "--store", store, stdin=f"{'x' * 5000}\n{QUESTION}\n")
    assert ran.code == 1
    assert "line 1" in ran.err
    assert [json.loads(line)["question"] for line in ran.out.splitlines()] == [QUESTION]


def test_citations_verify_against_store_and_file(qa: Callable[..., Ran], store: str, tmp_path: Path) -> None:
    response = qa("ask", QUESTION, "--store", store, "--json", "-n", "3", "--candidates").out
    assert qa("verify", "-", "--store", store, stdin=response).code == 0
    assert qa("verify", "-", "--source", str(ARTICLE), stdin=response).code == 0
    edited = tmp_path / "edited.txt"
    edited.write_bytes(ARTICLE.read_bytes().replace(b"August 9-14", b"August 9-15"))
    ran = qa("verify", "-", "--source", str(edited), stdin=response)
    assert ran.code == 1
    assert "sha256" in ran.out and "quote" in ran.out


def test_a_changed_file_replaces_and_a_removed_document_is_gone(qa: Callable[..., Ran], tmp_path: Path) -> None:
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
    assert (empty["status"], empty["reason"], empty["answers"]) == ("abstained", "empty_index", [])


def test_documents_are_listed_and_shown(qa: Callable[..., Ran], store: str) -> None:
    record = json.loads(qa("documents", "list", "--json", "--store", store).out)
    shown = qa("documents", "show", record["id"], "--store", store)
    assert json.loads(shown.out) == record
    assert ARTICLE.name in qa("documents", "list", "--store", store).out


def test_evaluation_prints_and_writes(qa: Callable[..., Ran], store: str, tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    lines = (SEEDS / "gold.jsonl").read_text(encoding="utf-8").splitlines()
    gold.write_text("\n".join(lines[:4]), encoding="utf-8")
    output = tmp_path / "run.json"
    page = tmp_path / "page.html"
    ran = qa("eval", str(gold), "--store", store, "--output", str(output), "--report", str(page))
    assert ran.code == 0
    assert "CitationValidity" in ran.out and "report:" in ran.err
    run = json.loads(output.read_text(encoding="utf-8"))
    assert run["counts"]["questions"] == 4
    assert run["values"]["CitationValidity"] == 1.0
    text = ARTICLE.read_text(encoding="utf-8")
    for result in run["results"]:
        assert result["excerpts"]
        for _, start, end, excerpt in result["excerpts"]:
            assert text[start:end] == excerpt
    assert qa("report", str(output), "-o", str(tmp_path / "again.html")).code == 0
    assert (tmp_path / "again.html").read_text("utf-8") == page.read_text("utf-8")
    assert qa("report", str(output), "-o", str(tmp_path / "missing" / "page.html")).code == 2
    assert qa("report", str(gold), "-o", str(page)).code == 1


def test_an_empty_question_is_wrong_use(qa: Callable[..., Ran], store: str) -> None:
    ran = qa("ask", "  ", "--store", store)
    assert (ran.code, ran.out) == (2, "")
    assert "the question is empty" in ran.err


def test_a_missing_store_names_the_command_that_makes_one(qa: Callable[..., Ran], tmp_path: Path) -> None:
    ran = qa("ask", QUESTION, "--store", str(tmp_path / "none"))
    assert ran.code == 1
    assert "qa index" in ran.err


def test_missing_and_binary_files_are_named(qa: Callable[..., Ran], tmp_path: Path) -> None:
    missing = qa("index", str(tmp_path / "nope.txt"), "--store", str(tmp_path / "store"))
    assert missing.code == 1 and "nope.txt: no such file" in missing.err
    binary = tmp_path / "picture.txt"
    binary.write_bytes(b"\x89PNG\x00\xff")
    ran = qa("index", str(binary), "--store", str(tmp_path / "store"))
    assert ran.code == 1 and "picture.txt" in ran.err


def test_a_folder_without_readable_files_is_said_to_be_so(qa: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.bin").write_bytes(b"x")
    ran = qa("index", str(tmp_path / "data"), "--store", str(tmp_path / "store"))
    assert ran.code == 1 and "no readable documents" in ran.err


def test_an_unwritable_store_is_named(qa: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    ran = qa("index", str(ARTICLE), "--store", str(tmp_path / "file" / "store"))
    assert ran.code == 1 and "cannot be created" in ran.err


def test_a_store_of_a_newer_version_is_refused(qa: Callable[..., Ran], tmp_path: Path) -> None:
    store = tmp_path / "store"
    note = tmp_path / "note.txt"
    note.write_text("The harbour opened in 1911.")
    qa("index", str(note), "--store", str(store))
    with sqlite3.connect(store / "catalogue.sqlite") as database:
        database.execute("UPDATE settings SET value = '99' WHERE name = 'format_version'")
    for command in (["ask", QUESTION], ["index", str(note)], ["documents", "list"]):
        ran = qa(*command, "--store", str(store))
        assert ran.code == 1
        assert "newer version" in ran.err.replace("\n", " ")


def test_another_calibration_decides(qa: Callable[..., Ran], store: str, tmp_path: Path) -> None:
    strict = tmp_path / "calibration.json"
    strict.write_text(load_calibration().model_copy(update={"threshold": 1.0}).model_dump_json())
    response = json.loads(qa("ask", QUESTION, "--store", store, "--json", "--calibration", str(strict)).out)
    assert (response["status"], response["threshold"]) == ("abstained", 1.0)
    missing = qa("ask", QUESTION, "--store", store, "--calibration", str(tmp_path / "none.json"))
    assert missing.code == 1
    assert "none.json" in missing.err.replace("\n", "") and "qa calibrate" in missing.err


def test_verify_refuses_what_is_no_citation(qa: Callable[..., Ran], store: str) -> None:
    for text in ("", "not json", "{}", '{"quote": "x", "document": {}}'):
        ran = qa("verify", "-", "--store", store, stdin=text)
        assert ran.code == 1
        assert "error" in ran.err


@pytest.fixture
def gold(shared: Path, store: str, qa: Callable[..., Ran]) -> str:
    """Four questions, and beside them the run of them, made once."""
    path = shared.with_name("gold.jsonl")
    if not path.exists():
        lines = (SEEDS / "gold.jsonl").read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join(lines[:4]), encoding="utf-8")
        assert qa("eval", str(path), "--store", store, "--output", str(path.with_name("first.json"))).code == 0
    return str(path)


@pytest.fixture
def first(gold: str) -> str:
    return str(Path(gold).with_name("first.json"))


def test_two_runs_of_the_same_are_identical_and_show_no_difference(
    qa: Callable[..., Ran], store: str, gold: str, first: str, tmp_path: Path
) -> None:
    second = str(tmp_path / "second.json")
    bounds = ("--fail-under", "HitRate@1=0", "--fail-under", "Risk=1")
    ran = qa("eval", gold, "--store", store, "--output", second, "--compare", first, *bounds)
    assert ran.code == 0, ran.err
    assert "identical apart from times" in ran.out and "none shown" in ran.out
    contents = [json.loads(Path(path).read_text(encoding="utf-8")) for path in (first, second)]
    assert contents[0].pop("times") != contents[1].pop("times")
    assert contents[0] == contents[1]
    assert [path.name for path in tmp_path.iterdir()] == ["second.json"]
    assert "identical apart from times" in qa("compare", first, second, "--measure", "F1").out


def test_runs_of_different_gold_sets_are_not_compared(
    qa: Callable[..., Ran], store: str, gold: str, first: str, tmp_path: Path
) -> None:
    fewer = tmp_path / "gold.jsonl"
    fewer.write_text("\n".join(Path(gold).read_text(encoding="utf-8").splitlines()[1:]), encoding="utf-8")
    # Said before anything is asked.
    early = qa("eval", str(fewer), "--store", store, "--output", str(tmp_path / "run.json"), "--compare", first)
    assert early.code == 1 and "different gold sets" in early.err and not (tmp_path / "run.json").exists()
    other = json.loads(Path(first).read_text(encoding="utf-8"))
    other["about"]["gold"]["sha256"] = "0" * 64
    (tmp_path / "other.json").write_text(json.dumps(other), encoding="utf-8")
    ran = qa("compare", first, str(tmp_path / "other.json"))
    assert ran.code == 1 and "different gold sets" in ran.err


def test_a_bound_that_is_not_reached_fails(qa: Callable[..., Ran], store: str, gold: str) -> None:
    options = ("--store", store, "--measure", "HitRate@3", "--threshold", "1")
    ran = qa("eval", gold, *options, "--fail-under", "F1=0.7", "--fail-under", "AURC=-1", "--fail-under", "Risk=0.5")
    assert ran.code == 1
    said = " ".join(ran.err.split())
    assert "F1 is 0, under 0.7" in said and "over -1" in said and "Risk could not be measured" in said
    assert "HitRate@3" in ran.out and "MRR@10" not in ran.out


def test_wrong_use_of_eval_is_said_before_anything_is_asked(
    qa: Callable[..., Ran], store: str, gold: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = {
        "no measure 'Accuracy'": ("--measure", "Accuracy"),
        "is no bound": ("--fail-under", "F1"),
        "looks deeper than the 5": ("--measure", "HitRate@9", "-k", "5"),
        "name it": ("--resume",),
        "expected GOLD, or a standard set": (gold,),
        "does not go with": ("--own-paragraph", "--corpus", gold),
    }
    for said, options in cases.items():
        ran = qa("eval", gold, "--store", store, *options)
        assert (ran.code, ran.out) == (2, "") and said in " ".join(ran.err.split()), said
    assert "expected GOLD, or a standard set" in " ".join(qa("eval", "squad2", "--store", store).err.split())
    assert "needs --corpus" in qa("eval", "open", gold, "--store", store).err
    monkeypatch.delenv("QA_STORE", raising=False)
    for command in (("eval", "open"), ("calibrate",)):
        unnamed = qa(*command, gold, "--corpus", gold)
        assert unnamed.code == 2 and "name one for them by --store" in " ".join(unnamed.err.split())


CONTEXT = "The harbour of Lindal opened in 1911 after nine years of work."


def test_the_standard_sets(qa: Callable[..., Ran], tmp_path: Path) -> None:
    asked = [
        {"id": "1", "question": "When did the harbour of Lindal open?", "is_impossible": False,
         "answers": [{"text": "1911", "answer_start": CONTEXT.index("1911")}]},
        {"id": "2", "question": "Who paid for the bridge of Bordal?", "is_impossible": True, "answers": []},
    ]  # fmt: skip
    path, output = tmp_path / "dev.json", tmp_path / "run.json"
    path.write_text(json.dumps({"data": [{"title": "Lindal", "paragraphs": [{"context": CONTEXT, "qas": asked}]}]}))
    ran = qa("eval", "squad2", str(path), "--output", str(output))
    assert ran.code == 0 and "chosen on these very questions" in " ".join(ran.out.split())
    run = json.loads(output.read_text(encoding="utf-8"))
    assert run["values"]["F1"] == 1.0 and run["settings"]["own_paragraph"] and run["about"]["store"] is None
    corpus = tmp_path / "articles.jsonl"
    corpus.write_text(json.dumps({"title": "Bordal", "text": "Bordal has a bridge. It is old."}))
    store = str(tmp_path / "store")
    ran = qa("eval", "open", str(path), "--corpus", str(corpus), "--store", store, "--output", str(output))
    assert ran.code == 0
    run = json.loads(output.read_text(encoding="utf-8"))
    assert run["about"]["store"]["documents"] == 2 and run["values"]["HitRate@5"] == 1.0


def test_reading_in_whole_documents(qa: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "laws").mkdir()
    (tmp_path / "laws" / "a.md").write_text(f"# Lindal\n\n{CONTEXT}\n", encoding="utf-8")
    start = f"# Lindal\n\n{CONTEXT}".index("1911")
    asked = [
        {"id": "1", "question": "When did the harbour of Lindal open?", "document": "laws/a.md", "kind": "short",
         "answers": [{"text": "1911", "start": start, "end": start + 4}]},
        {"id": "2", "question": "Who paid for the bridge of Bordal?", "document": "laws/a.md", "answers": []},
    ]  # fmt: skip
    gold, output = tmp_path / "gold.jsonl", tmp_path / "figures.json"
    gold.write_text("".join(json.dumps(one) + "\n" for one in asked), encoding="utf-8")
    ran = qa("eval", "documents", str(gold), "--output", str(output))
    assert ran.code == 0 and "laws" in ran.out and "short" in ran.out
    figures = json.loads(output.read_text(encoding="utf-8"))
    assert (figures["all"]["questions"], figures["all"]["right"]) == (2, 1.0)
    assert figures["domain"]["laws"] == figures["all"] and figures["kind"]["short"]["right"] == 1.0
    # A document is wholly of one half.
    codes = {half: qa("eval", "documents", str(gold), "--half", half).code for half in ("tune", "report")}
    assert sorted(codes.values()) == [0, 2]
    for options, said in {
        ("--half", "third"): "expected tune or report",
        ("--resume",): "alone",
        ("--threshold", "0.5"): "alone",
    }.items():
        ran = qa("eval", "documents", str(gold), *options)
        assert ran.code == 2 and said in " ".join(ran.err.split())
    assert "--half goes with" in " ".join(qa("eval", str(gold), "--half", "tune").err.split())


def test_an_interrupted_run_is_kept_and_goes_on(
    qa: Callable[..., Ran], store: str, gold: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "run.json"
    ask, asked = StoreAsker.ask, []

    def impatient(self: StoreAsker, question: Question) -> Response:
        if len(asked) == 2:
            raise KeyboardInterrupt
        asked.append(question.question)
        return ask(self, question)

    monkeypatch.setattr(StoreAsker, "ask", impatient)
    ran = qa("eval", gold, "--store", store, "--output", str(output))
    assert ran.code == 1 and "--resume" in ran.err and not output.exists()
    assert (tmp_path / "run.json.journal").exists()
    monkeypatch.setattr(StoreAsker, "ask", ask)
    again = qa("eval", gold, "--store", store, "--output", str(output))
    assert again.code == 1 and "--resume" in again.err
    assert qa("eval", gold, "--store", store, "--output", str(output), "--resume").code == 0
    assert json.loads(output.read_text(encoding="utf-8"))["counts"]["questions"] == 4
    assert not (tmp_path / "run.json.journal").exists()


def test_an_interrupted_standard_set_goes_on(
    qa: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BATCH", 2)
    asked = [
        {"id": str(number), "question": f"When did harbour {number} of Lindal open?", "context": CONTEXT,
         "title": "ab"[number % 2], "answers": [{"text": "1911", "answer_start": CONTEXT.index("1911")}][: number % 3]}
        for number in range(9)
    ]  # fmt: skip
    gold, output = tmp_path / "dev.jsonl", tmp_path / "run.json"
    gold.write_text("\n".join(map(json.dumps, asked)))
    command = ("eval", "squad2", str(gold), "--articles", "1:", "--tune-on", "0:1")
    assert qa(*command, "--output", str(tmp_path / "whole.json")).code == 0
    open_reader, left = reader.open_reader, [3]

    class Impatient:
        """A reader whose user interrupts it at its fourth batch."""

        def __init__(self) -> None:
            self.real = open_reader(reader.DEFAULT_READER)
            self.name, self.sha256 = self.real.name, self.real.sha256

        def read(self, questions: Any, passages: Any, headings: Any = None) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            return self.real.read(questions, passages)

    with monkeypatch.context() as patch:
        patch.setattr(reader, "open_reader", lambda *_: Impatient())
        ran = qa(*command, "--output", str(output))
    assert ran.code == 1 and "--resume" in ran.err and not output.exists()
    assert "--resume" in qa(*command, "--output", str(output)).err
    assert "settings.chosen_on" in qa("eval", "squad2", str(gold), "--articles", "1:", "--output", str(output),
                                      "--resume").err  # fmt: skip
    left[0] = 2
    with monkeypatch.context() as patch:
        patch.setattr(reader, "open_reader", lambda *_: Impatient())
        ran = qa(*command, "--output", str(output), "--resume")
    # Nine questions: three batches choose the threshold, two are asked; three of the five were kept.
    assert ran.code == 0, ran.err
    assert "identical apart from times" in qa("compare", str(output), str(tmp_path / "whole.json")).out
    assert not (tmp_path / "run.json.journal").exists()


def test_a_store_of_other_documents_is_not_measured(
    qa: Callable[..., Ran], store: str, gold: str, tmp_path: Path
) -> None:
    asked = {"id": "1", "question": "When?", "context": CONTEXT, "title": "a", "answers": []}
    dev, corpus = tmp_path / "dev.jsonl", tmp_path / "articles.jsonl"
    dev.write_text(json.dumps(asked))
    corpus.write_text(json.dumps({"title": "Bordal", "text": "Bordal has a bridge. It is old."}))
    before = qa("documents", "list", "--store", store).out
    for command in (("eval", "open"), ("calibrate", "--tune", ":", "--fit", ":")):
        ran = qa(command[0], *command[1:], str(dev), "--corpus", str(corpus), "--store", store)
        assert ran.code == 1 and "1 documents that are neither" in " ".join(ran.err.split())
    assert qa("documents", "list", "--store", store).out == before
    ran = qa("calibrate", str(dev), "--tune", ":", "--fit", ":", "--store", store)
    assert ran.code == 1 and "lacks 1 of the gold set's 1 paragraphs" in " ".join(ran.err.split())


def test_documents_that_contradict_each_other_are_both_shown(qa: Callable[..., Ran], tmp_path: Path) -> None:
    page = (
        '<title>{0}</title><meta name="date" content="{1}"><h1>{0}</h1><p>The Kalm bridge was opened in {2}. '
        "It is {3} and carries two lanes of traffic across the river every day.</p>"
    )
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "old.html").write_text(page.format("Report", "1998-04-02", "1911", "340 metres long"), encoding="utf-8")
    (folder / "new.html").write_text(page.format("Bridges", "2021-09-15", "1913", "0.34 km long"), encoding="utf-8")
    store = str(tmp_path / "store")
    assert qa("index", str(folder), "--store", store).code == 0
    when, length = (
        Response.model_validate_json(qa("ask", question, "--store", store, "--json").out)
        for question in ("When was the Kalm bridge opened?", "How long is the Kalm bridge?")
    )
    dated = {(a.text, a.citation.document.date) for a in (*when.answers, *when.rivals)}
    assert dated == {("1911", "1998-04-02"), ("1913", "2021-09-15")}
    assert len(length.answers) == 1 and not length.rivals
    shown = qa("ask", "When was the Kalm bridge opened?", "--store", store).out
    assert "Other documents answer differently" in shown and "1998-04-02" in shown and "2021-09-15" in shown
