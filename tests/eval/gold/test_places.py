"""Where a gold question's paragraph stands in a store, whatever the line ends of either are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval.gold.checking import DocumentTexts, check_gold
from eval.gold.places import StorePlaces
from eval.gold.questions import read_gold
from index.documents import Document
from index.models.embedder import Embedder
from index.store.store import Store

TEXT = "The mill of Vik was built in 1790. 😀\nThe miller in 1900 was Eva Lund.\nShe had two boats.\n"


def squad(folder: Path, context: str) -> Path:
    answers = [{"text": "Eva Lund", "answer_start": context.index("Eva")}]
    asked = {"id": "1", "question": "Who was the miller in 1900?", "answers": answers}
    path = folder / "gold.json"
    path.write_text(json.dumps({"data": [{"title": "Vik", "paragraphs": [{"context": context, "qas": [asked]}]}]}))
    return path


@pytest.mark.parametrize("stored", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("written", ["\n", "\r\n"])
@pytest.mark.parametrize("before", ["", "Another paragraph.\n\n"])
def test_the_same_place_is_found(tmp_path: Path, embedder: Embedder, stored: str, written: str, before: str) -> None:
    text = (before + TEXT).replace("\n", stored)
    store = Store(tmp_path / "store", embedder)
    store.put(Document(uri="file:///vik.txt", title="vik.txt", text=text))
    store.sync()
    gold = squad(tmp_path, TEXT.replace("\n", written))
    (question,) = read_gold(gold)
    place = StorePlaces(store, gold).place(question)
    assert place is not None and [text[start:end] for start, end in place.spans] == ["Eva Lund"]
    assert place.passages
    codes = {finding.code for finding in check_gold(gold, DocumentTexts.of_store(gold, store)).findings}
    assert "span" not in codes
    store.close()


def test_a_context_that_is_in_no_document_is_an_error(tmp_path: Path, embedder: Embedder) -> None:
    store = Store(tmp_path / "store", embedder)
    store.put(Document(uri="file:///other.txt", title="other.txt", text="Other words."))
    store.sync()
    gold = squad(tmp_path, TEXT)
    report = check_gold(gold, DocumentTexts.of_store(gold, store))
    assert any("is not in the store" in finding.message for finding in report.findings if finding.severity == "error")
    store.close()
