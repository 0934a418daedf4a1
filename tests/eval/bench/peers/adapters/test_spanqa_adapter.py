"""The adapter of spanqa asks through its engine, as a user would."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import numpy as np

from eval.bench.peers.adapters import wire
from eval.bench.peers.adapters.spanqa_adapter import Adapter
from eval.bench.peers.systems import Models
from eval.bench.peers.texts import Corpus
from eval.gold.questions import GoldQuestion
from index.models.embedder import open_embedder


def test_spanqa_is_asked_through_its_engine(
    gold: list[GoldQuestion], corpus_of: Callable[..., Corpus], models: Models, tmp_path: Path
) -> None:
    corpus = corpus_of(gold, passages=40, questions=4)
    adapter = Adapter(Namespace(reader=str(models.reader), embedder=str(models.embedder)))
    everything = {"corpus": str(corpus.path), "first": 0, "last": corpus.documents}
    vectors = tmp_path / "vectors.npy"
    adapter.build({"folder": str(tmp_path / "store"), "vectors": str(vectors), **everything})
    texts = [text for _, text in wire.passages(str(corpus.path), 0, corpus.documents)]
    expected = open_embedder(str(models.embedder)).embed(texts)
    assert np.allclose(np.load(vectors), expected, atol=1e-4)
    adapter.open({"folder": str(tmp_path / "store"), "passages": 7, **everything})
    reply = adapter.ask({"question": gold[0].question})
    assert len(set(reply["passages"])) == 7 and any(reply["answer"] in texts[number] for number in reply["passages"])
    adapter.warm({"folder": str(tmp_path / "other")})
    indexed = adapter.index({**everything, "last": 3})
    assert indexed["passages"] == sum(corpus.passages_of[:3]) and indexed["seconds"] > 0
