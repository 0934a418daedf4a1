"""spanqa, through its engine: as it answers, cited and weighed, without an answer cache."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from eval.bench.peers.adapters.wire import documents, serve
from index.documents import Document
from index.models.embedder import open_embedder
from index.store.store import Store
from qa.engine import Engine
from qa.judging.confidence import load_calibration
from qa.reading.reader import open_reader
from qa.types import Question

STORE = "spanqa"


class Adapter:
    """What is asked for over the wire; stores lie in the folder `STORE` of those named."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._reader = options.reader
        self._embedder = open_embedder(options.embedder)
        self._store: Store | None = None
        self._engine: Engine | None = None
        self._numbers: dict[tuple[str, int, int], int] = {}
        self._passages = 0

    def warm(self, request: dict[str, Any]) -> dict[str, Any]:
        """Load what indexing needs."""
        self._store = Store(Path(request["folder"]) / STORE, self._embedder)
        self._embedder.embed(["warm"])
        return {}

    def index(self, request: dict[str, Any]) -> dict[str, Any]:
        """Index the documents `[first, last)`, cutting included; seconds until they are searchable."""
        assert self._store is not None
        loaded = [_document(row) for row in documents(request["corpus"], request["first"], request["last"])]
        begun = time.perf_counter()
        made = sum(change.passages for change in self._store.put_all(loaded))
        self._store.sync()
        return {"seconds": time.perf_counter() - begun, "passages": made}

    def build(self, request: dict[str, Any]) -> dict[str, Any]:
        """A store of the documents `[first, last)`, and the vectors of its passages by number where a file for them is
        named; what is there already costs little."""
        store = Store(Path(request["folder"]) / STORE, self._embedder)
        rows = list(documents(request["corpus"], request["first"], request["last"]))
        for _ in store.put_all(_document(row) for row in rows):
            pass
        store.sync()
        if request.get("vectors"):
            np.save(request["vectors"], _vectors(store, _numbers(rows)))
        store.close()
        return {"passages": sum(len(row["passages"]) for row in rows)}

    def open(self, request: dict[str, Any]) -> dict[str, Any]:
        """Open what `build` made, and load what questions need."""
        store = Store(Path(request["folder"]) / STORE, self._embedder, create=False)
        store.sync()
        self._numbers = _numbers(list(documents(request["corpus"], request["first"], request["last"])))
        self._passages = request["passages"]
        self._engine = Engine(store, open_reader(self._reader), load_calibration())
        return {}

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The best answer to a question, whatever its confidence, and the numbers of the passages read."""
        assert self._engine is not None
        question = Question(question=request["question"], passages=self._passages, candidates=True)
        (trace,) = self._engine.trace([question])
        places = [(e.passage.document_id, e.passage.start, e.passage.end) for e in trace.read]
        best = trace.response.best
        return {"answer": best.text if best else "", "passages": [self._numbers[place] for place in places]}


def _document(row: dict[str, Any]) -> Document:
    return Document(uri=row["uri"], title=row["title"], text=row["text"])


def _numbers(rows: list[dict[str, Any]]) -> dict[tuple[str, int, int], int]:
    """The numbers of the passages by document and place."""
    return {
        (_document(row).id, start, end): row["number"] + place
        for row in rows
        for place, (start, end) in enumerate(row["passages"])
    }


def _vectors(store: Store, numbers: dict[tuple[str, int, int], int]) -> Any:
    vectors = np.zeros((len(numbers), store.embedder.dimensions), dtype=np.float32)
    for _, rows, passages in store.catalogue.changes_since(0).added:
        at = [numbers[passage.document_id, passage.start, passage.end] for passage in passages]
        vectors[at] = rows
    return vectors


def _main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--embedder", "--reader", "--dtype"):
        parser.add_argument(name, required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    adapter = Adapter(options)
    # As `qa serve` answers: a question a thread.
    serve({name: getattr(adapter, name) for name in ("warm", "index", "build", "open", "ask")}, lanes=options.threads)


if __name__ == "__main__":
    _main()
