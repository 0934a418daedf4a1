"""Searching a built store in a process of its own, as one that answers questions has it."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from eval.bench.process import own_resident_bytes
from index.errors import StoreError
from index.models.embedder import open_embedder
from index.search.protocol import Hit
from index.store.store import Store
from qa.asking.asked import Asked
from qa.engine import Engine
from qa.judging.confidence import load_calibration
from qa.reading.reader import open_reader
from qa.retrieval.retriever import DEPTH_FACTOR, MIN_DEPTH
from qa.types import Question

WARM_UP = 20


@dataclass(frozen=True, slots=True)
class Searched:
    """What searching came to: seconds to open the store, of the first question, and of each after the warm-up
    (retrieval alone: both searches, fusion, and the passages read from the catalogue); resident bytes after all of
    them, models included; and for each question the dense and lexical lists, and the ids of the passages to read."""

    opened_s: float
    first_s: float
    retrieve_s: list[float]
    resident_bytes: int
    dense: list[list[int]]
    lexical: list[list[Hit]]
    retrieved: list[list[int]]


def search_alone(folder: Path, embedder: str, reader: str, questions: Sequence[str], passages: int) -> Searched:
    """`search` in a fresh process, so that opening and memory are those of a process that does nothing else."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_uninterrupted) as pool:
        try:
            return pool.submit(search, folder, embedder, reader, list(questions), passages).result()
        except BrokenProcessPool as error:
            raise StoreError(f"the process that searched {folder} ended: was there memory enough?") from error


def search(folder: Path, embedder: str, reader: str, questions: Sequence[str], passages: int) -> Searched:
    """Open a store and retrieve `passages` for each question, one after the other."""
    models = open_embedder(embedder), open_reader(reader)
    begun = time.perf_counter()
    store = Store(folder, models[0], create=False)
    store.sync()
    opened = time.perf_counter()
    engine = Engine(store, models[1], load_calibration())
    asked = [Asked(Question(question=text, passages=passages)) for text in questions]
    first = engine.retrieve(asked[:1])[0]
    for question in asked[:WARM_UP]:
        engine.retrieve([question])
    found = [engine.retrieve([question])[0] for question in asked]
    vectors = models[0].embed(list(questions))
    depth = max(MIN_DEPTH, DEPTH_FACTOR * passages)
    lists = [store.search(text, vector, depth) for text, vector in zip(questions, vectors, strict=True)]
    resident = own_resident_bytes()
    store.close()
    return Searched(
        opened_s=opened - begun,
        first_s=first.retrieve_ms / 1000,
        retrieve_s=[retrieved.retrieve_ms / 1000 for retrieved in found],
        resident_bytes=resident,
        dense=[[number for number, _ in result.dense] for result in lists],
        lexical=[result.lexical for result in lists],
        retrieved=[[entry.passage.id for entry in retrieved.passages] for retrieved in found],
    )


def _uninterrupted() -> None:
    # Ctrl-C is for the process that waits.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
