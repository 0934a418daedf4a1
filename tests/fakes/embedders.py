"""Embedders that need no weights. Each takes words for tokens, and gives unit vectors."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from index.text.words import words


class FakeEmbedder:
    """Hashed words as a vector; it keeps what it embeds, and may have any name and number of dimensions."""

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


class HashedWordsEmbedder:
    """Unit vectors of hashed words: texts that share words are near."""

    name = "fake-embedder"
    sha256 = "e" * 64
    dimensions = 64

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.full((len(texts), self.dimensions), 1e-3, dtype=np.float32)
        for row, text in enumerate(texts):
            for word in words(text):
                vectors[row, hashlib.sha256(word.encode()).digest()[0] % self.dimensions] += 1
        unit: NDArray[np.float32] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return unit

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]


class LetterEmbedder:
    """Vectors of letter pairs: alike words are near each other."""

    name = "letters"
    sha256 = "e" * 64
    dimensions = 64

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.full((len(texts), self.dimensions), 0.01, dtype=np.float32)
        for row, text in enumerate(texts):
            for pair in zip(text.lower(), text.lower()[1:], strict=False):
                rows[row, (31 * ord(pair[0]) + ord(pair[1])) % self.dimensions] += 1
        unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [max(1, len(text.split())) for text in texts]
