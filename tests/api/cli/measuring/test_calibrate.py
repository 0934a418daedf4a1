"""`qa calibrate`: what no calibration is fitted to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Run

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
