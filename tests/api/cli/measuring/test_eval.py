"""`qa eval` with the real models: runs, bounds, standard sets, and runs that are interrupted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import ARTICLE, SEEDS, Run

from eval.runs import reading
from eval.runs.asker import StoreAsker
from qa.reading import reader
from qa.types import Question, Response


def test_evaluation_prints_and_writes(qa: Run, seed_store: str, tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    lines = (SEEDS / "gold.jsonl").read_text(encoding="utf-8").splitlines()
    gold.write_text("\n".join(lines[:4]), encoding="utf-8")
    output = tmp_path / "run.json"
    page = tmp_path / "page.html"
    ran = qa("eval", str(gold), "--store", seed_store, "--output", str(output), "--report", str(page))
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


def test_a_bound_that_is_not_reached_fails(qa: Run, seed_store: str, gold: str) -> None:
    options = ("--store", seed_store, "--measure", "HitRate@3", "--threshold", "1")
    ran = qa("eval", gold, *options, "--fail-under", "F1=0.7", "--fail-under", "AURC=-1", "--fail-under", "Risk=0.5")
    assert ran.code == 1
    said = " ".join(ran.err.split())
    assert "F1 is 0, under 0.7" in said and "over -1" in said and "Risk could not be measured" in said
    assert "HitRate@3" in ran.out and "MRR@10" not in ran.out


def test_wrong_use_of_eval_is_said_before_anything_is_asked(
    qa: Run, seed_store: str, gold: str, monkeypatch: pytest.MonkeyPatch
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
        ran = qa("eval", gold, "--store", seed_store, *options)
        assert (ran.code, ran.out) == (2, "") and said in " ".join(ran.err.split()), said
    assert "expected GOLD, or a standard set" in " ".join(qa("eval", "squad2", "--store", seed_store).err.split())
    assert "needs --corpus" in qa("eval", "open", gold, "--store", seed_store).err
    monkeypatch.delenv("QA_STORE", raising=False)
    for command in (("eval", "open"), ("calibrate",)):
        unnamed = qa(*command, gold, "--corpus", gold)
        assert unnamed.code == 2 and "name one for them by --store" in " ".join(unnamed.err.split())


CONTEXT = "The harbour of Lindal opened in 1911 after nine years of work."


def test_the_standard_sets(qa: Run, tmp_path: Path) -> None:
    asked = [
        {
            "id": "1",
            "question": "When did the harbour of Lindal open?",
            "is_impossible": False,
            "answers": [{"text": "1911", "answer_start": CONTEXT.index("1911")}],
        },
        {"id": "2", "question": "Who paid for the bridge of Bordal?", "is_impossible": True, "answers": []},
    ]
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


def test_an_interrupted_run_is_kept_and_goes_on(
    qa: Run, seed_store: str, gold: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "run.json"
    ask, asked = StoreAsker.ask, []

    def impatient(self: StoreAsker, question: Question) -> Response:
        if len(asked) == 2:
            raise KeyboardInterrupt
        asked.append(question.question)
        return ask(self, question)

    monkeypatch.setattr(StoreAsker, "ask", impatient)
    ran = qa("eval", gold, "--store", seed_store, "--output", str(output))
    assert ran.code == 1 and "--resume" in ran.err and not output.exists()
    assert (tmp_path / "run.json.journal").exists()
    monkeypatch.setattr(StoreAsker, "ask", ask)
    again = qa("eval", gold, "--store", seed_store, "--output", str(output))
    assert again.code == 1 and "--resume" in again.err
    assert qa("eval", gold, "--store", seed_store, "--output", str(output), "--resume").code == 0
    assert json.loads(output.read_text(encoding="utf-8"))["counts"]["questions"] == 4
    assert not (tmp_path / "run.json.journal").exists()


def test_an_interrupted_standard_set_goes_on(qa: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BATCH", 2)
    asked = [
        {
            "id": str(number),
            "question": f"When did harbour {number} of Lindal open?",
            "context": CONTEXT,
            "title": "ab"[number % 2],
            "answers": [{"text": "1911", "answer_start": CONTEXT.index("1911")}][: number % 3],
        }
        for number in range(9)
    ]
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
            return self.real.read(questions, passages, headings)

    with monkeypatch.context() as patch:
        patch.setattr(reader, "open_reader", lambda *_: Impatient())
        ran = qa(*command, "--output", str(output))
    assert ran.code == 1 and "--resume" in ran.err and not output.exists()
    assert "--resume" in qa(*command, "--output", str(output)).err
    assert (
        "settings.chosen_on"
        in qa("eval", "squad2", str(gold), "--articles", "1:", "--output", str(output), "--resume").err
    )
    left[0] = 2
    with monkeypatch.context() as patch:
        patch.setattr(reader, "open_reader", lambda *_: Impatient())
        ran = qa(*command, "--output", str(output), "--resume")
    # Nine questions: three batches choose the threshold, two are asked; three of the five were kept.
    assert ran.code == 0, ran.err
    assert "identical apart from times" in qa("compare", str(output), str(tmp_path / "whole.json")).out
    assert not (tmp_path / "run.json.journal").exists()


def test_reading_in_whole_documents(qa: Run, tmp_path: Path) -> None:
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
    ran = qa("eval", str(gold), "--half", "tune", "--by", "size")
    assert ran.code == 2 and "expected domain or kind" in " ".join(ran.err.split())


def test_users_documents_by_domain_and_half(qa: Run, tmp_path: Path) -> None:
    texts = {
        "laws/lindal.md": "# Harbour act\n\nThe harbour of Lindal opened in 1911 after nine years of work.\n",
        "laws/bordal.md": "# Bridge act\n\nThe bridge of Bordal may carry forty tonnes of timber at a time.\n",
        "news/tarmo.txt": "News of Tarmo\n\nThe fair of Tarmo begins on 3 May with a race of boats.\n",
    }
    asked = [
        ("laws/lindal.md", "When did the harbour of Lindal open?", "1911"),
        ("laws/bordal.md", "How much may the bridge of Bordal carry?", "forty tonnes"),
        ("laws/bordal.md", "Who painted the bridge of Bordal?", None),
        ("news/tarmo.txt", "When does the fair of Tarmo begin?", "3 May"),
    ]
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    gold, output, store = tmp_path / "gold.jsonl", tmp_path / "run.json", str(tmp_path / "store")
    lines = []
    for number, (name, question, answer) in enumerate(asked):
        start = texts[name].index(answer) if answer else 0
        answers = [{"text": answer, "start": start, "end": start + len(answer)}] if answer else []
        line = {"id": str(number), "question": question, "document": name, "kind": "short", "answers": answers}
        lines.append(json.dumps(line))
    gold.write_text("\n".join(lines), encoding="utf-8")
    assert qa("index", str(tmp_path / "laws"), str(tmp_path / "news"), "--store", store).code == 0
    ran = qa("eval", str(gold), "--store", store, "--by", "domain", "--by", "kind", "--output", str(output))
    assert ran.code == 0 and "By domain" in ran.out and "By kind" in ran.out
    run = json.loads(output.read_text(encoding="utf-8"))
    assert {name: (own["questions"], own["answerable"]) for name, own in run["by"]["domain"].items()} == {
        "laws": (3, 2),
        "news": (1, 1),
    }
    assert run["values"]["HitRate@1"] == 1.0 and run["values"]["ForcedPlace"] == 1.0
    assert run["by"]["kind"]["short"]["values"]["ForcedPlace"] == 1.0
    counts = {}
    for half in ("tune", "report"):
        ran = qa("eval", str(gold), "--store", store, "--half", half, "--output", str(output), "--measure", "EM")
        about = json.loads(output.read_text(encoding="utf-8"))["about"]["gold"] if ran.code == 0 else {"questions": 0}
        assert ran.code == 2 or about["half"] == half
        counts[half] = about["questions"]
    assert sum(counts.values()) == 4
    gold.write_text(json.dumps({"id": "1", "question": "When?", "answers": []}), encoding="utf-8")
    ran = qa("eval", str(gold), "--store", store, "--half", "tune")
    assert ran.code == 2 and "1 of its questions name none" in " ".join(ran.err.split())
