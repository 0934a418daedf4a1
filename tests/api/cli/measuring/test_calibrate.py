"""`qa calibrate`: what no calibration is fitted to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Run
from harbours import YearReader, gold_set

from qa.reading import reader as opened_reader
from qa.reading.spans import Span

CONTEXT = "The harbour of Lindal opened in 1911 after nine years of work."


def gold_lines(*, answerable: int, unanswerable: int) -> str:
    """Questions about one paragraph, of which so many have an answer."""
    year = {"text": "1911", "start": CONTEXT.index("1911"), "end": CONTEXT.index("1911") + 4}
    asked = [
        {"id": str(number), "question": f"When, {number}?", "context": CONTEXT, "title": "a", "answers": answers}
        for number, answers in enumerate([[year]] * answerable + [[]] * unanswerable)
    ]
    return "\n".join(map(json.dumps, asked))


@pytest.mark.parametrize(
    ("answerable", "unanswerable", "said"),
    [
        (12, 0, 'add 10 more that they do not answer ("answers": [])'),
        (0, 12, "add 10 more that the documents answer"),
        (1, 1, 'add 9 more that the documents answer and 9 more that they do not answer ("answers": [])'),
        (12, 12, "needs 30 of each"),
    ],
)
def test_too_few_questions_of_a_kind_make_no_calibration(
    qa: Run, tmp_path: Path, answerable: int, unanswerable: int, said: str
) -> None:
    gold, corpus, store = tmp_path / "gold.jsonl", tmp_path / "articles.jsonl", tmp_path / "store"
    gold.write_text(gold_lines(answerable=answerable, unanswerable=unanswerable))
    corpus.write_text(json.dumps({"title": "Bordal", "text": "Bordal has a bridge. It is old."}))
    options = ("--tune", ":", "--fit", ":", "--corpus", str(corpus), "--store", str(store))
    output = tmp_path / "calibration.json"
    ran = qa("calibrate", str(gold), *options, "--output", str(output))
    assert (ran.code, output.exists()) == (1, False)
    assert said in " ".join(ran.err.split())
    # What cannot be fitted is said before a store is made for it.
    assert store.exists() == (min(answerable, unanswerable) >= 10)


def test_a_store_of_other_documents_is_not_measured(qa: Run, seed_store: str, gold: str, tmp_path: Path) -> None:
    dev, corpus = tmp_path / "dev.jsonl", tmp_path / "articles.jsonl"
    dev.write_text(gold_lines(answerable=10, unanswerable=10))
    corpus.write_text(json.dumps({"title": "Bordal", "text": "Bordal has a bridge. It is old."}))
    before = qa("documents", "list", "--store", seed_store).out
    for command in (("eval", "open"), ("calibrate", "--tune", ":", "--fit", ":")):
        ran = qa(command[0], *command[1:], str(dev), "--corpus", str(corpus), "--store", seed_store)
        assert ran.code == 1 and "1 documents that are neither" in " ".join(ran.err.split())
    assert qa("documents", "list", "--store", seed_store).out == before
    ran = qa("calibrate", str(dev), "--tune", ":", "--fit", ":", "--store", seed_store)
    assert ran.code == 1 and "lacks 1 of the gold set's 1 paragraphs" in " ".join(ran.err.split())


def test_documents_join_a_fit_with_their_store(qa: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real embedder, and a reader that finds years."""
    monkeypatch.setattr(opened_reader, "open_reader", lambda *_: YearReader())
    gold, articles, users, store = (tmp_path / name for name in ("dev.jsonl", "articles.jsonl", "users.jsonl", "store"))
    articles.write_text(json.dumps({"title": "Bordal", "text": "Bordal has a bridge. It is old."}))
    (tmp_path / "laws").mkdir()
    asked, lines = gold_set(), []
    gold.write_text("\n".join(question.model_dump_json(exclude_defaults=True) for question in asked))
    for number, question in enumerate(asked):
        name = f"laws/{number // 2}.txt"
        (tmp_path / name).write_text(question.context or "")
        lines.append(
            question.model_copy(update={"context": None, "document": name}).model_dump_json(exclude_defaults=True)
        )
    users.write_text("\n".join(lines))
    documents = str(tmp_path / "documents")
    assert qa("index", str(tmp_path / "laws"), "--store", documents).code == 0
    options = ("--tune", ":", "--fit", ":", "--corpus", str(articles), "--store", str(store), "-k", "5")
    joined = ("--documents", str(users), "--documents-store", documents, "--half", "tune")
    output, readings = tmp_path / "calibration.json", tmp_path / "readings.jsonl"
    command = ("calibrate", str(gold), *options, "--output", str(output), "--readings", str(readings))
    for wrong in (joined[:2], joined[2:4], joined[4:], (*joined[:4], "--half", "third")):
        assert qa(*command, *wrong).code == 2, wrong
    ran = qa(*command, *joined)
    assert ran.code == 0, ran.err
    assert "fitted to: half tune" in ran.out and "held out" in ran.out and "laws" in ran.out
    fitted = json.loads(output.read_text())["fitted_on"]
    assert fitted.startswith("dev.jsonl, articles :: 64 questions") and "as much, users.jsonl, half tune: " in fitted
    first = output.read_bytes()

    class Unwilling(YearReader):
        def read(self, *_: object) -> list[list[list[Span]]]:
            raise AssertionError("read again")

    monkeypatch.setattr(opened_reader, "open_reader", lambda *_: Unwilling())
    assert qa(*command, *joined).code == 0
    assert output.read_bytes() == first
    # All of them: nothing is held out.
    monkeypatch.setattr(opened_reader, "open_reader", lambda *_: YearReader())
    ran = qa(*command, *joined[:4])
    assert ran.code == 0 and "an upper bound" in ran.out and "held out" not in ran.out
