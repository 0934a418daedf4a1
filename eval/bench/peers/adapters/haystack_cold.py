"""The shortest Haystack program that answers one question from a saved store."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack_adapter import STORE, ask_pipeline, question_pipeline


def _main() -> None:
    folder, embedder, reader, dtype, threads, passages, depth, question = sys.argv[1:]
    torch.set_num_threads(int(threads))
    store = InMemoryDocumentStore.load_from_disk(str(Path(folder) / STORE))
    pipeline = question_pipeline(store, embedder, reader, dtype=dtype, passages=int(passages), depth=int(depth))
    sys.stdout.write(ask_pipeline(pipeline, question)[0] + "\n")


if __name__ == "__main__":
    _main()
