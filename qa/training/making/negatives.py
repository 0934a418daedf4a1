"""Hard negatives: passages that our own retriever ranks high for a question and that lack its answer."""

from __future__ import annotations

import io
import json
import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from index.disk.private import unfinished, write_to
from index.documents import Document
from index.models.embedder import Embedder
from index.store.store import Store
from qa.retrieval.fusion import fuse
from qa.training.data import Row

# Fused ranks that a negative is drawn from: what the reader meets most often.
DEPTH = 8
SEARCH_DEPTH = 20
_WORDS = re.compile(r"\w+")


def mine_negatives(
    rows: list[Row],
    distractors: Iterable[Document],
    *,
    embedder: Embedder,
    folder: Path,
    seed: int,
    console: Console,
    each: int = 1,
) -> list[Row]:
    """At most `each` negatives for each answerable row: retrieved passages of other contexts without the answer.

    The corpus is the rows' own contexts and `distractors`, kept as a store in `folder`, so that an interrupted run goes
    on. A passage counts as lacking the answer when none of the answers' words stand in it in a row.
    """
    store = Store(folder, embedder)
    corpus = [*_contexts(rows), *distractors]
    for _ in track(store.put_all(corpus), "embedding the mining corpus", total=len(corpus), console=console):
        pass
    asked = [row for row in rows if row.answerable]
    vectors = embedder.embed([row.question for row in asked])
    rng = random.Random(seed)
    negatives = []
    for row, vector in track(list(zip(asked, vectors, strict=True)), "mining", console=console):
        texts = [text for text in retrieved(store, row.question, vector, SEARCH_DEPTH, DEPTH) if _lacks(text, row)]
        for number in range(min(each, len(texts))):
            # Better ranks more often: the first half of what is left is drawn twice as often as all of it.
            depth = len(texts) if rng.random() < 0.5 else (len(texts) + 1) // 2
            text = texts.pop(rng.randrange(depth))
            name = f"hn-{row.id}" if number == 0 else f"hn{number + 1}-{row.id}"
            negatives.append(Row(name, row.title, row.question, text, None, None, ()))
    store.close()
    return negatives


def save_rows(rows: list[Row], path: Path) -> None:
    """Write made rows as JSON lines in the form that `read_rows` reads."""
    beside = unfinished(path)
    with io.TextIOWrapper(write_to(beside), encoding="utf-8", newline="\n") as file:
        for row in rows:
            answers = [{"text": row.context[row.start : row.end], "answer_start": row.start}] if row.answerable else []
            record = {
                "id": row.id,
                "title": row.title,
                "context": row.context,
                "question": row.question,
                "answers": answers,
                "is_impossible": not row.answerable,
                "heading": row.heading,
            }
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
    beside.replace(path)


def _contexts(rows: list[Row]) -> Iterator[Document]:
    seen: set[str] = set()
    for row in rows:
        if row.context not in seen:
            seen.add(row.context)
            yield Document(uri=f"context:{len(seen)}", title=row.title or "context", text=row.context)


def retrieved(
    store: Store, question: str, vector: np.ndarray[tuple[int], np.dtype[np.float32]], search_depth: int, depth: int
) -> list[str]:
    """The texts of the first `depth` passages of the fused lists, each searched to `search_depth`."""
    result = store.search(question, vector, search_depth)
    hits = fuse(result.dense, result.lexical)[:depth]
    snapshot = store.catalogue.snapshot([hit.passage_id for hit in hits])
    return [snapshot.passages[hit.passage_id].text for hit in hits if hit.passage_id in snapshot.passages]


def _lacks(text: str, row: Row) -> bool:
    if text in row.context or row.context in text:
        return False
    words = f" {' '.join(_WORDS.findall(text.lower()))} "
    return not any(f" {' '.join(_WORDS.findall(answer.lower()))} " in words for answer in row.answers)
