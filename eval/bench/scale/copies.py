"""Any number of passages made of a real store's: its own, then copies of them, moved a little in vector and words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.catalogue.protocol import Feed
from index.errors import InputError

MAX_SOURCE_PASSAGES = 200_000
"""Of a larger store only so many passages are taken: they are held in memory."""
CHUNK_ROWS = 20_000
"""Rows are made so many at a time, each chunk from a seed of its own: any of them can be made again alone. They are
whole documents (see building.PASSAGES_A_DOCUMENT)."""
NOISE = 0.5
"""The length of what is added to a unit vector before it is made one again: the cosine to the original is about .89."""
SWAPPED_WORDS = 1 / 8
"""The share of a copy's words that are another passage's."""
SEED = 13
_MOST_SWAPPED = 32

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of a scaled store, from `begin`: vectors (n, dimensions), and the texts and contexts of the passages."""

    begin: int
    vectors: Vectors
    texts: list[str]
    contexts: list[str]


class Copies:
    """The passages of a store in an order of their own, repeated with changes as often as is wanted.

    Row i is passage `base(i)` of the source: the first `originals` rows are the passages themselves, all later ones
    are copies of them in the same order.
    """

    def __init__(
        self, vectors: Vectors, texts: Sequence[str], contexts: Sequence[str], order: NDArray[np.int64]
    ) -> None:
        self._vectors, self._texts, self._contexts, self._order = vectors, texts, contexts, order
        self._vocabulary = [word for text in texts[:: max(1, len(texts) // 2_000)] for word in text.split()] or ["word"]

    @classmethod
    def of_store(cls, catalogue: Feed, first: Sequence[int]) -> tuple[Copies, dict[int, int]]:
        """The copies of a store's passages, those with the ids `first` first; and the row of each of these ids.

        Raises InputError where the store is empty, or holds more than `MAX_SOURCE_PASSAGES` and not these among them.
        """
        ids: list[int] = []
        parts: list[Vectors] = []
        texts: list[str] = []
        contexts: list[str] = []
        for batch, vectors, passages in catalogue.changes_since(0).added:
            ids.extend(batch.tolist())
            parts.append(vectors)
            texts.extend(passage.text for passage in passages)
            contexts.extend(passage.context for passage in passages)
            if len(ids) >= MAX_SOURCE_PASSAGES:
                break
        if not ids:
            raise InputError("the store holds no passage to make copies of")
        at = {number: place for place, number in enumerate(ids)}
        missing = [number for number in first if number not in at]
        if missing:
            raise InputError(f"{len(missing)} passages of the questions are not among the store's first {len(ids)}")
        leading = [at[number] for number in first]
        rest = np.setdiff1d(np.arange(len(ids)), leading)
        order = np.concatenate([np.array(leading, np.int64), np.random.default_rng(SEED).permutation(rest)])
        return cls(np.concatenate(parts), texts, contexts, order), {number: row for row, number in enumerate(first)}

    @property
    def originals(self) -> int:
        return len(self._order)

    @property
    def dimensions(self) -> int:
        return int(self._vectors.shape[1])

    @property
    def mean_bytes(self) -> float:
        """Of a passage's text, in UTF-8."""
        sample = self._texts[:: max(1, len(self._texts) // 1_000)]
        return sum(len(text.encode("utf-8", "surrogatepass")) for text in sample) / len(sample)

    def base(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which of the original rows these are copies of, themselves where they are originals."""
        return rows % self.originals

    def vectors(self, number: int, rows: int) -> Vectors:
        """The vectors of the first `rows` rows of a chunk, (rows, dimensions), of unit length as the originals."""
        begin = number * CHUNK_ROWS
        numbers = np.arange(begin, begin + rows)
        vectors = self._vectors[self._order[self.base(numbers)]]
        first_copy = max(0, self.originals - begin)
        if first_copy < rows:
            noise = np.random.default_rng((SEED, number)).standard_normal((CHUNK_ROWS, self.dimensions), np.float32)
            moved = vectors[first_copy:] + noise[first_copy:rows] * np.float32(NOISE / np.sqrt(self.dimensions))
            vectors[first_copy:] = moved / np.linalg.norm(moved, axis=1, keepdims=True)
        return vectors

    def chunk(self, number: int, rows: int) -> Chunk:
        """The first `rows` rows of a chunk."""
        begin = number * CHUNK_ROWS
        bases = self._order[self.base(np.arange(begin, begin + rows))].tolist()
        texts = [self._texts[base] for base in bases]
        first_copy = max(0, self.originals - begin)
        if first_copy < rows:
            random = np.random.default_rng((SEED, number, 1))
            drawn = random.integers(2**31, size=(CHUNK_ROWS, 2 * _MOST_SWAPPED)).tolist()
            texts[first_copy:] = [
                self._swapped(text, numbers)
                for text, numbers in zip(texts[first_copy:], drawn[first_copy:rows], strict=True)
            ]
        return Chunk(begin, self.vectors(number, rows), texts, [self._contexts[base] for base in bases])

    def _swapped(self, text: str, numbers: list[int]) -> str:
        words = text.split(" ")
        swaps = min(_MOST_SWAPPED, max(1, int(len(words) * SWAPPED_WORDS)))
        for place, word in zip(numbers[:swaps], numbers[_MOST_SWAPPED : _MOST_SWAPPED + swaps], strict=True):
            words[place % len(words)] = self._vocabulary[word % len(self._vocabulary)]
        return " ".join(words)
