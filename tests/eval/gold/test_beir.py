"""BEIR folders: reading, choosing a split, indexing with resumption, and measures against hand-made rankings."""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from eval.gold.beir import BeirSet, document_uri, evaluate_beir, index_beir, read_beir
from index.documents import Document, document_id
from index.errors import InputError
from index.store.store import Store
from qa.engine import Engine
from qa.judging.confidence import uncalibrated
from qa.reading.spans import Span

DOCUMENTS = [
    {"_id": "d/1", "title": "Harbour", "text": "The harbour of Lindal opened in 1911."},
    {"_id": "d/2", "title": "", "text": "The bridge of Borgard closed in 1934."},
    {"_id": "d/3", "title": "Only a title", "text": " "},
    {"_id": "d/4", "text": "Nothing is said of ships here."},
]
QUERIES = [
    {"_id": "q1", "text": "harbour Lindal opened"},
    {"_id": "q2", "text": "bridge Borgard closed"},
    {"_id": "q3", "text": "not judged"},
]


class WordEmbedder:
    """Hashed words as a vector; counts what it embeds."""

    name = "words"
    sha256 = "a" * 64
    dimensions = 64

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.embedded.extend(texts)
        vectors = np.full((len(texts), self.dimensions), 1e-3, dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, zlib.crc32(word.strip(".").encode()) % self.dimensions] += 1
        unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]


class NoReader:
    """Retrieval alone reads nothing."""

    name = "none"
    sha256 = "b" * 64

    def read(
        self, questions: Sequence[str], passages: Sequence[Sequence[str]], headings: object = None
    ) -> list[list[list[Span]]]:
        raise AssertionError("nothing is to be read")


def make(folder: Path, qrels: dict[str, list[tuple[str, str, int]]], *, packed: bool = False) -> Path:
    def write(name: str, text: str) -> None:
        path = folder / (f"{name}.gz" if packed else name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())

    write("corpus.jsonl", "".join(f"{json.dumps(entry)}\n" for entry in DOCUMENTS))
    write("queries.jsonl", "".join(f"{json.dumps(entry)}\r\n" for entry in QUERIES))
    for name, rows in qrels.items():
        write(name, "query-id\tcorpus-id\tscore\r\n" + "".join(f"{q}\t{d}\t{s}\r\n" for q, d, s in rows))
    return folder


def engine(store: Store) -> Engine:
    return Engine(store, NoReader(), uncalibrated())


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["qrels/test.tsv", "qrels_test.tsv"])
def test_a_folder_is_read(tmp_path: Path, name: str, packed: bool) -> None:
    beir = read_beir(make(tmp_path / "set", {name: [("q1", "d/1", 2), ("q1", "d/4", -1)]}, packed=packed))
    assert (beir.name, beir.split, beir.size) == ("set", "test", 4)
    assert beir.queries == {"q1": "harbour Lindal opened"}
    assert beir.grades == {"q1": {"d/1": 2, "d/4": -1}}
    documents = list(beir.documents())
    assert [document.text for document in documents[1:3]] == ["The bridge of Borgard closed in 1934.", "Only a title"]
    assert [(document.title, document.own_title) for document in documents[:2]] == [("Harbour", True), ("d/2", False)]


def test_the_split_is_the_only_one_or_test_or_the_one_named(tmp_path: Path) -> None:
    row = [("q1", "d/1", 1)]
    assert read_beir(make(tmp_path / "one", {"qrels.tsv": row})).split == "all"
    two = make(tmp_path / "two", {"qrels/dev.tsv": row, "qrels/test.tsv": row})
    assert (read_beir(two).split, read_beir(two, "dev").split) == ("test", "dev")
    with pytest.raises(InputError, match=r"no split 'train'.*dev, test"):
        read_beir(two, "train")
    with pytest.raises(InputError, match=r"several splits.*--split: dev, train"):
        read_beir(make(tmp_path / "three", {"qrels/dev.tsv": row, "qrels/train.tsv": row}))
    with pytest.raises(InputError, match=r"'dev' stands in dev\.tsv and in qrels_dev\.tsv"):
        read_beir(make(tmp_path / "four", {"qrels/dev.tsv": row, "qrels_dev.tsv": row}))


def test_indexing_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beir = read_beir(make(tmp_path / "set", {"qrels.tsv": [("q1", "d/1", 1)]}))
    store = Store(tmp_path / "store", WordEmbedder())
    monkeypatch.setattr("index.store.store.EMBED_TOGETHER", 1)

    def stop(done: int, _: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index_beir(store, beir, stop)
    kept = store.catalogue.counts()[0]
    assert kept in {2, 3}  # what was being written is finished
    again = WordEmbedder()
    seen: list[tuple[int, int]] = []
    index_beir(Store(tmp_path / "store", again), beir, lambda done, of: seen.append((done, of)))
    assert len(again.embedded) == 4 - kept
    assert seen == [(number, 4) for number in range(1, 5)]


def test_a_store_with_other_documents_is_refused(tmp_path: Path) -> None:
    beir = read_beir(make(tmp_path / "set", {"qrels.tsv": [("q1", "d/1", 1)]}))
    store = Store(tmp_path / "store", WordEmbedder())
    store.put(Document(uri="file:///own.txt", title="own", text="My own note."))
    with pytest.raises(InputError, match="1 documents that are not in"):
        index_beir(store, beir)


class Ranked:
    """An engine that retrieves what it is told, by query."""

    def __init__(self, ranked: dict[str, list[str]]) -> None:
        self._ranked = ranked

    def retrieve(self, asked: Sequence[Any]) -> list[Any]:
        return [_Retrieved([document_id(document_uri(own)) for own in self._ranked[entry.text]]) for entry in asked]


class _Retrieved:
    def __init__(self, documents: list[str]) -> None:
        self.passages = [_Entry(own) for own in documents]


class _Entry:
    def __init__(self, document: str) -> None:
        self.passage = self
        self.document_id = document


def test_measures_of_a_known_ranking() -> None:
    grades = {"a": {"x": 2, "y": 1, "z": 0}, "b": {"x": 1}, "c": {"y": 1, "w": -1}}
    beir = BeirSet("set", "test", {name: f"query {name}" for name in grades}, grades, Path("corpus.jsonl"), 4)
    # A second passage of a document does not count as a second document; the third query retrieves nothing.
    ranked = {"query a": ["z", "z", "y", "x", "z"], "query b": ["w", "q", "v", "u", "t", "x"], "query c": []}
    done: list[tuple[int, int]] = []
    scores = evaluate_beir(Ranked(ranked), beir, progress=lambda *at: done.append(at))  # type: ignore[arg-type]
    ndcg_a = (1 / math.log2(3) + 2 / math.log2(4)) / (2 + 1 / math.log2(3))
    ndcg_b = 1 / math.log2(7)
    assert scores.measures == pytest.approx(
        {
            "HitRate@1": 0.0,
            "HitRate@5": 1 / 3,
            "HitRate@20": 2 / 3,
            "MRR@10": (1 / 2 + 1 / 6) / 3,
            "nDCG@10": (ndcg_a + ndcg_b) / 3,
        }
    )
    assert (scores.queries, done) == (3, [(3, 3)])


def test_a_store_is_measured_from_folder_to_scores(tmp_path: Path) -> None:
    beir = read_beir(make(tmp_path / "set", {"qrels.tsv": [("q1", "d/1", 1), ("q2", "d/2", 1)]}))
    store = Store(tmp_path / "store", WordEmbedder())
    index_beir(store, beir)
    scores = evaluate_beir(engine(store), beir)
    assert scores.measures == {"HitRate@1": 1, "HitRate@5": 1, "HitRate@20": 1, "MRR@10": 1, "nDCG@10": 1}
