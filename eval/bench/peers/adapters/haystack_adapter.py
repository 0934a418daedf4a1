"""Haystack 3.4: both searches of the in-memory document store, reciprocal rank fusion, TransformersExtractiveReader.

It is given what it does not do by itself where that is to its good: token types, which its reader drops and a BERT was
trained with (see `with_token_types`), and stored embeddings as arrays, which its store otherwise makes of lists of
numbers at every question.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from haystack import Document, Pipeline
from haystack.components.joiners import DocumentJoiner
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
from haystack.components.writers import DocumentWriter
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack_integrations.components.embedders.sentence_transformers import (
    SentenceTransformersDocumentEmbedder,
    SentenceTransformersTextEmbedder,
)
from haystack_integrations.components.readers.transformers import TransformersExtractiveReader
from wire import passages, serve

STORE = "haystack.json"


def with_token_types(reader: Any) -> Any:
    """A reader that tells question and passage apart: 0 up to the first separator, 1 from there on."""
    reader.warm_up()
    separator = reader.tokenizer.sep_token_id

    def fill(_model: Any, args: Any, given: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        separators = (given["input_ids"] == separator).long().cumsum(dim=-1)
        behind = (separators - (given["input_ids"] == separator).long()) == 1
        return args, given | {"token_type_ids": behind.long()}

    if getattr(reader.model.config, "type_vocab_size", 0) > 1:
        reader.model.register_forward_pre_hook(fill, with_kwargs=True)
    return reader


def question_pipeline(store: Any, embedder: str, reader: str, *, dtype: str, passages: int, depth: int) -> Any:
    """Both searches `depth` deep, fused, and the best `passages` read."""
    arguments = {"dtype": getattr(torch, dtype)}
    pipeline = Pipeline()
    pipeline.add_component(
        "embedder", SentenceTransformersTextEmbedder(model=embedder, progress_bar=False, model_kwargs=arguments)
    )
    pipeline.add_component("dense", InMemoryEmbeddingRetriever(store, top_k=depth))
    pipeline.add_component("words", InMemoryBM25Retriever(store, top_k=depth))
    pipeline.add_component("fused", DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=passages))
    model = TransformersExtractiveReader(model=reader, top_k=1, no_answer=False, model_kwargs=arguments)
    pipeline.add_component("reader", with_token_types(model))
    pipeline.connect("embedder.embedding", "dense.query_embedding")
    pipeline.connect("dense", "fused")
    pipeline.connect("words", "fused")
    pipeline.connect("fused", "reader.documents")
    return pipeline


def ask_pipeline(pipeline: Any, question: str) -> tuple[str, list[str]]:
    """The best answer, "" for none, and the ids of the passages read."""
    given = {"embedder": {"text": question}, "words": {"query": question}, "reader": {"query": question}}
    result = pipeline.run(given, include_outputs_from={"fused"})
    answers = result["reader"]["answers"]
    return (answers[0].data or "") if answers else "", [document.id for document in result["fused"]["documents"]]


class Adapter:
    """What is asked for over the wire."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._store = InMemoryDocumentStore(return_embedding=False)
        self._indexing: Any = None
        self._pipeline: Any = None

    def warm(self, _request: dict[str, Any]) -> dict[str, Any]:
        """Load what indexing needs."""
        self._indexing = Pipeline()
        embedder = SentenceTransformersDocumentEmbedder(
            model=self._options.embedder,
            progress_bar=False,
            model_kwargs={"dtype": getattr(torch, self._options.dtype)},
        )
        self._indexing.add_component("embedder", embedder)
        self._indexing.add_component("writer", DocumentWriter(self._store))
        self._indexing.connect("embedder", "writer")
        embedder.warm_up()
        embedder.run([Document(content="warm")])
        return {}

    def index(self, request: dict[str, Any]) -> dict[str, Any]:
        """Index the documents `[first, last)`; seconds until they are searchable."""
        texts = passages(request["corpus"], request["first"], request["last"])
        begun = time.perf_counter()
        self._indexing.run({"embedder": {"documents": [Document(id=key, content=text) for key, text in texts]}})
        return {"seconds": time.perf_counter() - begun, "passages": len(texts)}

    def build(self, request: dict[str, Any]) -> dict[str, Any]:
        """Write and save a store of the documents `[first, last)` with the vectors given, (passages, dimensions)."""
        vectors = np.load(request["vectors"])
        texts = passages(request["corpus"], request["first"], request["last"])
        store = InMemoryDocumentStore(return_embedding=False)
        store.write_documents(
            [Document(id=key, content=text, embedding=vectors[int(key)].tolist()) for key, text in texts]
        )
        Path(request["folder"]).mkdir(parents=True, exist_ok=True)
        store.save_to_disk(str(Path(request["folder"]) / STORE))
        return {"passages": len(texts)}

    def open(self, request: dict[str, Any]) -> dict[str, Any]:
        """Open what `build` saved, and load what questions need."""
        self._store = InMemoryDocumentStore.load_from_disk(str(Path(request["folder"]) / STORE))
        for document in self._store.storage.values():
            document.embedding = np.asarray(document.embedding, dtype=np.float32)
        options = self._options
        self._pipeline = question_pipeline(
            self._store,
            options.embedder,
            options.reader,
            dtype=options.dtype,
            passages=request["passages"],
            depth=request["depth"],
        )
        return {}

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The best answer to a question, and the numbers of the passages read."""
        answer, keys = ask_pipeline(self._pipeline, request["question"])
        return {"answer": answer, "passages": [int(key) for key in keys]}


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
