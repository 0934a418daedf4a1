"""Questions whose answering sentence is known (ReQA, Ahmad et al. 2019), set among sentences that do not answer."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from index.documents import Document
from index.errors import InputError
from index.models.embedder import Embedder
from index.store.store import Store
from qa.training.data import Row
from qa.training.making.negatives import retrieved

DISTRACTORS = 3
SEARCH_DEPTH = 12


def sentence_rows(
    folder: Path, *, embedder: Embedder, work: Path, known: Collection[str], seed: int, console: Console
) -> list[Row]:
    """For each question one row with the sentence that answers it and one without, among retrieved sentences.

    folder: `corpus.jsonl.gz`, `queries.jsonl.gz`, `qrels.tsv.gz` in BEIR's form. The span of a row is the whole
    sentence: where in it the answer stands is for a teacher to say. `known` questions are left out. The corpus is kept
    as a store in `work`, so that an interrupted run goes on.
    """
    sentences = {record["_id"]: record["text"] for record in _lines(folder / "corpus.jsonl.gz")}
    asked = {record["_id"]: record["text"] for record in _lines(folder / "queries.jsonl.gz")}
    answering: dict[str, set[str]] = {}
    for query, sentence in _judged(folder / "qrels.tsv.gz"):
        answering.setdefault(query, set()).add(sentence)
    store = Store(work, embedder)
    corpus = [Document(uri=key, title="sentence", text=text) for key, text in sentences.items()]
    for _ in track(store.put_all(corpus), "embedding the sentences", total=len(corpus), console=console):
        pass
    rng = random.Random(seed)
    queries = [key for key in answering if asked[key] not in known]
    vectors = embedder.embed([asked[key] for key in queries])
    rows = []
    for key, vector in track(list(zip(queries, vectors, strict=True)), "choosing sentences", console=console):
        right = {sentences[sentence] for sentence in answering[key]}
        passages = dict.fromkeys(retrieved(store, asked[key], vector, SEARCH_DEPTH, 2 * SEARCH_DEPTH))
        others = [text for text in passages if text not in right]
        answer = sentences[min(answering[key])]
        among = [answer, *others[:DISTRACTORS]]
        rng.shuffle(among)
        context = " ".join(among)
        start = context.index(answer)
        title = f"sentences-{key}"
        rows.append(Row(f"as-{key}", title, asked[key], context, start, start + len(answer), (answer,)))
        rows.append(Row(f"ns-{key}", title, asked[key], " ".join(others[: DISTRACTORS + 1]), None, None, ()))
    store.close()
    return rows


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
            yield from map(json.loads, lines)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error})") from error


def _judged(path: Path) -> Iterator[tuple[str, str]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(lines):
                if number:
                    query, sentence, grade = line.split("\t")
                    if int(grade) > 0:
                        yield query, sentence
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error})") from error
