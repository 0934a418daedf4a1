"""txtai 9.14: a hybrid embeddings index with content, and the Questions pipeline over each passage found.

txtai's own RAG joins the passages to one text and reads the first 512 tokens of it; here every passage is read, as by
the others. Its Questions pipeline answers a passage at a time and keeps the score to itself; a span on `[CLS]`, which
is how a reader says "no answer", stops it with an error. `Passages` therefore runs the same model in the same way, and
takes the best of all passages.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from txtai import Embeddings
from txtai.pipeline import Questions
from wire import passages, serve

INDEX = "txtai"


class Passages(Questions):  # type: ignore[misc, unused-ignore]
    """Questions over several passages: the best span of all of them, by its logits over those of `[CLS]`."""

    def best(self, question: str, texts: Sequence[str]) -> str:
        """The best span; "" where no passage holds one."""
        best, words = -np.inf, ""
        for text in texts:
            tokens = self.tokenizer(question, text, truncation="only_second", return_tensors="pt")
            with torch.inference_mode():
                outputs = self.model(**tokens)
            start, end = outputs.start_logits[0].float(), outputs.end_logits[0].float()
            outside = torch.tensor([owner != 1 for owner in tokens.sequence_ids(0)])
            first = int(start.masked_fill(outside, -torch.inf).argmax())
            # From its start on, the likeliest end.
            last = first + int(end.masked_fill(outside, -torch.inf)[first:].argmax())
            score = float(start[first] + end[last] - start[0] - end[0])
            if score > best:
                best, words = score, text[tokens.token_to_chars(first).start : tokens.token_to_chars(last).end]
        return words


class Adapter:
    """What is asked for over the wire."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._embeddings: Any = None
        self._reader: Any = None
        self._passages = self._indexed = 0

    def warm(self, _request: dict[str, Any]) -> dict[str, Any]:
        """Load what indexing needs."""
        self._embeddings = Embeddings(configuration(self._options.embedder, self._options.dtype))
        self._embeddings.transform("warm")
        return {}

    def index(self, request: dict[str, Any]) -> dict[str, Any]:
        """Index the documents `[first, last)`; seconds until they are searchable."""
        texts = passages(request["corpus"], request["first"], request["last"])
        begun = time.perf_counter()
        rows = [(key, text, None) for key, text in texts]
        (self._embeddings.upsert if self._indexed else self._embeddings.index)(rows)
        self._indexed += len(texts)
        return {"seconds": time.perf_counter() - begun, "passages": len(texts)}

    def build(self, request: dict[str, Any]) -> dict[str, Any]:
        """Write and save an index of the documents `[first, last)` with the vectors given, (passages, dimensions)."""
        vectors = np.load(request["vectors"])
        numbered = passages(request["corpus"], request["first"], request["last"])
        known = {text: vectors[int(key)] for key, text in numbered}

        def given(texts: Sequence[str]) -> Any:
            return np.stack([known[text] for text in texts])

        wanted = configuration(self._options.embedder, self._options.dtype)
        embeddings = Embeddings({**wanted, "path": None, "method": "external", "transform": given})
        embeddings.index([(key, text, None) for key, text in numbered])
        # Questions are embedded by txtai itself, as it would have embedded the passages.
        del embeddings.config["transform"]
        embeddings.config.update(wanted)
        folder = Path(request["folder"])
        folder.mkdir(parents=True, exist_ok=True)
        embeddings.save(str(folder / INDEX))
        return {"passages": len(numbered)}

    def open(self, request: dict[str, Any]) -> dict[str, Any]:
        """Open what `build` saved, and load what questions need."""
        self._embeddings, self._reader = opened(request["folder"], self._options.reader, self._options.dtype)
        self._passages = request["passages"]
        return {}

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The best answer to a question, and the numbers of the passages read."""
        question = request["question"]
        entries = self._embeddings.search(question, self._passages)
        answer = self._reader.best(question, [entry["text"] for entry in entries])
        return {"answer": answer, "passages": [int(entry["id"]) for entry in entries]}


def configuration(embedder: str, dtype: str) -> dict[str, Any]:
    """Meaning and words together, the texts kept beside."""
    return {
        "path": embedder,
        "method": "transformers",
        "hybrid": True,
        "content": True,
        "gpu": False,
        "vectors": {"dtype": dtype},
    }


def opened(folder: str, reader: str, dtype: str) -> tuple[Any, Passages]:
    """The saved index, and the reader."""
    embeddings = Embeddings()
    embeddings.load(str(Path(folder) / INDEX))
    return embeddings, Passages(reader, gpu=False, dtype=getattr(torch, dtype))


def _main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--embedder", "--reader", "--dtype"):
        parser.add_argument(name, required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    adapter = Adapter(options)
    # One question at a time, with every thread: its tokeniser may not be shared by threads.
    serve({name: getattr(adapter, name) for name in ("warm", "index", "build", "open", "ask")}, lanes=1)


if __name__ == "__main__":
    _main()
