"""A fake embedder: hashed words as a vector, words as tokens; it counts what it embeds."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class FakeEmbedder:
    def __init__(self, name: str = "fake", dimensions: int = 64) -> None:
        self.name = name
        self.sha256 = f"{zlib.crc32(name.encode()):08x}" * 8
        self.dimensions = dimensions
        self.embedded: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.embedded.extend(texts)
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for number, text in enumerate(texts):
            for word in text.lower().split():
                vectors[number, zlib.crc32(f"{self.name} {word.strip('.,?')}".encode()) % self.dimensions] += 1
        unit: NDArray[np.float32] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return unit

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]
