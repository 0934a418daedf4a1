"""Gold questions asked of a real store with made-up models: answers and ranks."""

from __future__ import annotations

from pathlib import Path

import pytest
from harbours import TOWNS, YearReader, engine_over, gold_set

from eval.gold.questions import read_gold
from eval.runs.asker import StoreAsker
from eval.runs.harness import evaluate
from index.documents import Document
from index.store.store import Store


def test_right_answers_ranks_and_citations_are_seen(harbour_store: Store, tmp_path: Path) -> None:
    gold = gold_set()
    asker = StoreAsker(engine_over(harbour_store), gold, tmp_path / "gold.jsonl")
    run = evaluate(gold, asker, passages=20, inside=asker, sources=asker)
    assert run.counts.questions == len(gold)
    for name in ("HasAnsF1", "NoAnsF1", "CitationValidity", "CitationPrecision", "HitRate@20"):
        assert run.values[name] == 1.0
    assert sum(one.retrieval_judged for one in run.results) == len(TOWNS)
    assert run.causes == {}


def test_a_failing_question_fails_alone_and_counts_as_wrong(harbour_store: Store, tmp_path: Path) -> None:
    gold = gold_set()[:6]
    bomb = gold[2].model_copy(update={"question": f"When did {YearReader.fails_on} open?"})
    gold = [*gold[:2], bomb, *gold[3:]]
    asker = StoreAsker(engine_over(harbour_store), gold, tmp_path / "gold.jsonl")
    run = evaluate(gold, asker)
    assert [result.status == "failed" for result in run.results] == [n == 2 for n in range(6)]
    assert run.counts.failed == 1


@pytest.mark.parametrize(
    ("stored", "named"),
    [
        ("file:///elsewhere/xylo.txt", "xylo.txt"),
        ("file:///elsewhere/old%20xylo.txt", "old xylo.txt"),
        ("{folder}/docs/xylo.txt", "gold/../docs/xylo.txt"),
    ],
)
def test_the_gold_document_is_found_beside_the_gold_file_or_by_its_name(
    harbour_store: Store, tmp_path: Path, stored: str, named: str
) -> None:
    text = "The harbour of Xylo opened in 1777."
    uri = stored.format(folder=tmp_path.resolve().as_uri())
    harbour_store.put(Document(uri=uri, title="xylo.txt", text=text))
    # One more of that name: only the path tells them apart.
    harbour_store.put(
        Document(uri="file:///another/xylo.txt" if "docs" in uri else "file:///else", title="x", text="Nothing.")
    )
    path = tmp_path / "gold.jsonl"
    path.write_text(
        '{"id": "1", "question": "When did boats first come to Xylo?", "document": "' + named + '", '
        '"answers": [{"text": "1777", "start": 30, "end": 34}]}\n'
    )
    gold = read_gold(path)
    asker = StoreAsker(engine_over(harbour_store), gold, path)
    run = evaluate(gold, asker, inside=asker, sources=asker)
    assert run.results[0].rank is not None
    assert run.results[0].right
