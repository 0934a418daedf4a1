"""BM25 over texts in memory: the passages of one document, or of a set to train on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from index.text.words import words

# The usual constants (Robertson and Zaragoza 2009): how soon a word's repeats stop counting, and how far length does.
K1, B = 1.2, 0.75


class Bm25:
    """Ranks `texts` for a question by the words that they share, as `index.text.words` sees them."""

    def __init__(self, texts: Sequence[str]) -> None:
        counts: dict[str, dict[int, int]] = defaultdict(dict)
        lengths = np.zeros(len(texts))
        for number, text in enumerate(texts):
            own = words(text)
            lengths[number] = len(own)
            for word in own:
                counts[word][number] = counts[word].get(number, 0) + 1
        norm = K1 * (1 - B + B * lengths / max(1.0, float(lengths.mean()) if len(texts) else 1.0))
        self._count = len(texts)
        # By word: the texts that hold it, and what it adds to the score of each.
        self._postings: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
        for word, holding in counts.items():
            numbers = np.array(list(holding), np.int64)
            repeats = np.array(list(holding.values()), np.float64)
            rarity = np.log(1 + (self._count - len(numbers) + 0.5) / (len(numbers) + 0.5))
            self._postings[word] = numbers, rarity * repeats * (K1 + 1) / (repeats + norm[numbers])

    def scores(self, question: str) -> NDArray[np.float64]:
        """The score of each text (texts,); 0 where it shares no word with the question."""
        total = np.zeros(self._count)
        for word in dict.fromkeys(words(question)):
            if word in self._postings:
                numbers, added = self._postings[word]
                total[numbers] += added
        return total

    def best(self, question: str, count: int | None = None) -> list[int]:
        """The numbers of the `count` best texts, or of all, best first; equal ones in the order of the texts."""
        order: list[int] = np.argsort(-self.scores(question), kind="stable").tolist()
        return order[:count]
