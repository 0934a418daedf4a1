"""`qa calibrate --risk` and `qa promise`, from gold questions to promised answers, with models that need no weights."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import api.cli.ask as ask_module
import api.cli.measuring.promise as promise_module
from api.cli.main import main
from index.documents import Document
from index.store.store import Store
from qa.calibration.promise import KeptPromise, kept
from qa.engine import Engine
from qa.reading.spans import Span

ITEMS = 70


class CodeReader:
    """Finds the code of the item that is asked for: right with a margin of 3, wrong ones with one of -1."""

    name = "codes"
    sha256 = "f" * 64

    def read(
        self, questions: Sequence[str], passages: Sequence[Sequence[str]], headings: object = None
    ) -> list[list[list[Span]]]:
        return [
            [self._spans(question, text) for text in texts] for question, texts in zip(questions, passages, strict=True)
        ]

    def _spans(self, question: str, text: str) -> list[Span]:
        asked = re.search(r"item(\d+)", question)
        return [
            Span(match.start(), match.end(), 3.0 if asked and match[0] == f"C{asked[1]}" else -1.0)
            for match in re.finditer(r"C\d+", text)
        ]


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture
def filled(store: Store, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A store of items with their codes, ten a document, that the commands open with made-up models."""
    texts = ["".join(f"The item{n} has the code C{n} on it. " for n in range(f, f + 10)) for f in range(0, ITEMS, 10)]
    list(store.put_all(Document(uri=f"file:///{n}.txt", title="codes", text=text) for n, text in enumerate(texts)))
    made = Engine(store, CodeReader(), engine.calibration)
    for module in (ask_module, promise_module):
        monkeypatch.setattr(module, "open_store", lambda *_args, **_options: store)
        monkeypatch.setattr(module, "open_engine", lambda *_args, **_options: made)
    return made


@pytest.fixture
def qa(filled: Engine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["qa", *arguments])
        monkeypatch.setenv("COLUMNS", "200")
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
        captured = capsys.readouterr()
        return Ran(code, " ".join(captured.out.split()), " ".join(captured.err.split()))

    return run


@pytest.fixture
def gold(tmp_path: Path) -> Callable[..., str]:
    def write(wrong: int = 0, questions: int = ITEMS, document: str | None = None, name: str = "gold.jsonl") -> str:
        rows: list[dict[str, Any]] = [
            {
                "id": str(n),
                "question": f"Which code has item{n}?",
                "answers": [{"text": "elsewhere" if n < wrong else f"C{n}"}],
                "document": document or f"{n}.txt",
            }
            for n in range(questions)
        ]
        (tmp_path / name).write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
        return str(tmp_path / name)

    return write


def test_a_promise_is_made_kept_and_returned(qa: Callable[..., Ran], gold: Callable[..., str], filled: Engine) -> None:
    before = json.loads(qa("ask", "Which code has item5?", "--json").out)
    assert (before["promise"], before["threshold"]) == (None, 0.5)
    ran = qa("calibrate", gold(wrong=3), "--risk", "0.2")
    assert ran.code == 0, ran.err
    assert (
        "at most 20 % of the answers are wrong, with 90 % confidence, for questions like the 70 of gold.jsonl"
        in ran.out
    )
    assert "70 of 70 questions are answered (100.0%), 3 of these answers are wrong (4.3%)" in ran.out
    response = json.loads(qa("ask", "Which code has item5?", "--json").out)
    promise = response["promise"]
    assert response["answers"][0]["text"] == "C5"
    assert response["threshold"] == promise["threshold"] == 0.01
    assert (promise["risk"], promise["delta"], promise["coverage"], promise["questions"]) == (0.2, 0.1, 1.0, ITEMS)
    assert (promise["strictest"], promise["passages"], promise["gold"]) == (0.95, 20, "gold.jsonl")
    assert promise["store_generation"] == response["provenance"]["store_generation"]
    assert "Promised: at most 20 %" in qa("ask", "Which code has item5?").out
    lower = json.loads(qa("ask", "Which code has item5?", "--json", "--threshold", "0").out)
    assert lower["promise"] is None
    assert kept(filled.store.catalogue) is not None


def test_it_is_shown_and_withdrawn(qa: Callable[..., Ran], gold: Callable[..., str], filled: Engine) -> None:
    assert "nothing is promised" in qa("promise", "show").out
    assert qa("promise", "show", "--json").out == "null"
    qa("calibrate", gold(), "--risk", "0.3", "--delta", "0.05")
    assert "at most 30 % of the answers are wrong, with 95 % confidence" in qa("promise", "show").out
    shown = KeptPromise.model_validate_json(qa("promise", "show", "--json").out)
    assert (shown.reader_sha256, shown.promise.delta) == (CodeReader.sha256, 0.05)
    filled.store.put(Document(uri="file:///new.txt", title="new", text="Something else."))
    assert "documents have changed since" in qa("promise", "show").out
    assert qa("promise", "withdraw").out == "withdrawn"
    assert json.loads(qa("ask", "Which code has item5?", "--json").out)["threshold"] == 0.5
    assert qa("promise", "withdraw").out == "nothing was promised"


def test_too_small_a_gold_set_says_how_many_more(
    qa: Callable[..., Ran], gold: Callable[..., str], filled: Engine
) -> None:
    qa("calibrate", gold(), "--risk", "0.2")
    first = kept(filled.store.catalogue)
    ran = qa("calibrate", gold(questions=30), "--risk", "0.1")
    assert ran.code == 1 and ran.out == ""
    assert "30 questions do not show that at most 10 % of the answers are wrong, with 90 % confidence" in ran.err
    more = re.search(r"Estimate: about (\d+) more questions", ran.err)
    assert more is not None and 50 <= int(more[1]) <= 150
    assert kept(filled.store.catalogue) == first


def test_wrong_answers_are_not_cured_by_more(qa: Callable[..., Ran], gold: Callable[..., str]) -> None:
    ran = qa("calibrate", gold(wrong=35), "--risk", "0.2")
    assert ran.code == 1
    assert "Of the 70 surest answers 35 were wrong. More questions like these would not help" in ran.err


def test_questions_about_one_document_are_not_enough(qa: Callable[..., Ran], gold: Callable[..., str]) -> None:
    ran = qa("calibrate", gold(document="all.txt"), "--risk", "0.2")
    assert ran.code == 1 and "all about one paragraph or document" in ran.err


def test_a_question_that_fails_promises_nothing(
    qa: Callable[..., Ran], gold: Callable[..., str], filled: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from index.errors import StoreError

    def fail(*_args: object) -> None:
        raise StoreError("the disk is gone")

    monkeypatch.setattr(filled, "read", fail)
    ran = qa("calibrate", gold(questions=3), "--risk", "0.2")
    assert ran.code == 1 and "3 of 3 questions failed, nothing is promised: the disk is gone" in ran.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--risk", "0"], "--risk 0"),
        (["--risk", "1"], "--risk 1"),
        (["--risk", "nan"], "--risk nan"),
        (["--risk", "0.1", "--delta", "0.5"], "--delta 0.5"),
        (["--risk", "0.1", "--fit", "0:3"], "--fit does not go with --risk"),
        (["--risk", "0.1", "--output", "x.json"], "--output does not go with --risk"),
        (["--delta", "0.1"], "--delta does not go without --risk"),
        (["--articles", "0:3"], "--articles does not go without --risk"),
    ],
)
def test_wrong_use(qa: Callable[..., Ran], gold: Callable[..., str], options: list[str], said: str) -> None:
    ran = qa("calibrate", gold(), *options)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


def test_a_promise_of_other_models_is_ignored_and_said_to_be(
    qa: Callable[..., Ran], gold: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    qa("calibrate", gold(), "--risk", "0.2")
    monkeypatch.setattr(CodeReader, "sha256", "0" * 64)
    ran = qa("ask", "Which code has item5?", "--json")
    assert (json.loads(ran.out)["promise"], json.loads(ran.out)["threshold"]) == (None, 0.5)
    assert "promise is ignored: it was made with another reader" in ran.err and "qa calibrate GOLD --risk" in ran.err


def test_promises_are_checked_on_a_run(
    qa: Callable[..., Ran], gold: Callable[..., str], filled: Engine, tmp_path: Path
) -> None:
    from eval.gold.questions import read_gold
    from eval.runs.asker import StoreAsker
    from eval.runs.harness import evaluate

    file = gold(wrong=2)
    asked = read_gold(file)
    evaluate(asked, StoreAsker(filled, asked, Path(file))).write(tmp_path / "run.json")
    ran = qa("promise", "check", str(tmp_path / "run.json"), "--risk", "0.4", "--risk", "0.001", "--splits", "10")
    assert ran.code == 0, ran.err
    assert "70 questions in 70 groups, 10 random halves" in ran.out
    assert re.search(r"0\.4 │ 100\.0% │ 0\.0% │ 100\.0%", ran.out)
    assert re.search(r"0\.001 │ 0\.0% │ 0\.0% │ 0\.0% │ n/a │ n/a", ran.out)
    assert qa("promise", "check", str(tmp_path / "run.json"), "--risk", "2").code == 2
    assert "none.json" in qa("promise", "check", str(tmp_path / "none.json")).err


def test_the_http_answer_carries_the_promise(
    qa: Callable[..., Ran], gold: Callable[..., str], filled: Engine, serving: Callable[..., TestClient]
) -> None:
    from api.http.app import create_app

    client = serving(create_app(filled))
    asked = {"question": "Which code has item5?"}
    assert client.post("/v1/ask", json=asked).json()["promise"] is None
    qa("calibrate", gold(), "--risk", "0.2")
    promise = client.post("/v1/ask", json=asked).json()["promise"]
    assert (promise["risk"], promise["threshold"]) == (0.2, 0.01)
    assert client.post("/v1/ask", json={**asked, "passages": 5}).json()["promise"] is None
    schema = client.get("/openapi.json").json()["components"]["schemas"]
    assert schema["Promise"]["required"] == list(promise)
