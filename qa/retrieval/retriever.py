"""Retrieving: the passages to read for a question, from both searches and one snapshot of the catalogue."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from index.catalogue.protocol import Snapshot
from index.documents import StoredPassage
from index.errors import DamageError
from index.store.store import Store
from qa.asking.asked import Asked
from qa.retrieval.fusion import Fused, FusionWeights, fuse

# How deep each list is searched for each passage that is read: fusion needs to see past the cut.
DEPTH_FACTOR = 3
MIN_DEPTH = 60
# Hits beyond those that are read, in place of some that turn out to be stale.
SPARE_HITS = 10
# How often a search is repeated whose passages were replaced before they were fetched.
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class RetrievedPassage:
    """A passage with the search hit that led to it, and its similarity to the question (inner product, -1..1)."""

    passage: StoredPassage
    hit: Fused
    similarity: float


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The passages to read for a question, best first, and the snapshot that they are from. `reason` says why there are
    none, None where there are some."""

    snapshot: Snapshot
    passages: Sequence[RetrievedPassage]
    reason: Literal["empty_index", "nothing_retrieved"] | None
    embed_ms: float
    retrieve_ms: float


class Retriever:
    """Searches a store for the passages of questions."""

    def __init__(self, store: Store, fusion: FusionWeights) -> None:
        self._store = store
        self._fusion = fusion

    def retrieve(self, asked: Sequence[Asked]) -> list[Retrieved]:
        """The passages of each question, best first, at most `question.passages`; none of them stale."""
        self._store.check_embedder()
        begun = time.perf_counter()
        empty = self._store.catalogue.is_empty()
        if empty and not any(question.is_filtered for question in asked):
            snapshot = self._store.catalogue.snapshot([])
            return [Retrieved(snapshot, [], "empty_index", 0.0, 0.0) for _ in asked]
        # One by one: in a batch, a vector may differ in its last digits with the questions beside it, and with it the
        # confidence of the answer.
        vectors = [self._store.embedder.embed([question.text])[0] for question in asked]
        embed_ms = (time.perf_counter() - begun) * 1000 / max(1, len(asked))
        retrieved = [self._search(question, vector, embed_ms) for question, vector in zip(asked, vectors, strict=True)]
        # With filters an empty store is like one whose other documents are filtered out: nobody who may see only some
        # of the documents is told whether there are others.
        return [
            replace(entry, reason="empty_index") if empty and entry.reason and not question.is_filtered else entry
            for question, entry in zip(asked, retrieved, strict=True)
        ]

    def _search(self, asked: Asked, vector: NDArray[np.float32], embed_ms: float) -> Retrieved:
        begun = time.perf_counter()
        passages = asked.question.passages
        depth = max(MIN_DEPTH, DEPTH_FACTOR * passages)
        allowed = self._store.catalogue.allowed_documents(asked.selection) if asked.is_filtered else None
        for _ in range(1 + ATTEMPTS):
            result = self._store.search(asked.text, vector, depth, allowed, asked.selection)
            hits = fuse(result.dense, result.lexical, self._fusion)[: passages + SPARE_HITS]
            snapshot = self._store.catalogue.snapshot([hit.passage_id for hit in hits])
            # Where documents were replaced since the search, it cannot have seen what stands in their place.
            missing = [hit.passage_id for hit in hits if hit.passage_id not in snapshot.passages]
            if not missing:
                break
            if result.generation == snapshot.generation:
                # Nothing was changed in between: one of the two is not what it should be.
                raise DamageError(
                    f"the passage {missing[0]} was found by the search indexes of the store {self._store.location} and "
                    "is not in its catalogue: qa store check says what is damaged and what mends it"
                )
        kept = [
            RetrievedPassage(passage, hit, result.similarity.get(hit.passage_id, 0.0))
            for hit in hits
            if (passage := snapshot.passages.get(hit.passage_id)) is not None
            and (allowed is None or passage.document_id in allowed)
        ][:passages]
        retrieve_ms = (time.perf_counter() - begun) * 1000
        return Retrieved(snapshot, kept, None if kept else "nothing_retrieved", embed_ms, retrieve_ms)
