"""The shortest txtai program that answers one question from a saved index."""

from __future__ import annotations

import sys

import torch
from txtai_adapter import opened


def _main() -> None:
    folder, _embedder, reader, dtype, threads, passages, _depth, question = sys.argv[1:]
    torch.set_num_threads(int(threads))
    embeddings, model = opened(folder, reader, dtype)
    entries = embeddings.search(question, int(passages))
    sys.stdout.write(model.best(question, [entry["text"] for entry in entries]) + "\n")


if __name__ == "__main__":
    _main()
