"""Dense search: the protocol and the FAISS backend, derived from the catalogue."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

from index.checksums import checksum
from index.errors import StoreError

Hit = tuple[int, float]


class VectorIndex(Protocol):
    """Passage vectors by passage id. `generation` is the catalogue's that it was brought up to."""

    generation: int

    def add(self, ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        """Add (n,) ids with (n, dimensions) vectors; an id that is already there is replaced."""
        ...

    def remove(self, ids: list[int]) -> None:
        """Forget ids; unknown ones are ignored."""
        ...

    def search(self, vector: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None = None) -> list[Hit]:
        """At most `k` (id, inner product), best first; only `allowed` ids where given."""
        ...

    def similarities(self, vector: NDArray[np.float32], ids: Sequence[int]) -> list[float | None]:
        """The inner product with each id's vector, None for an id that is not here."""
        ...

    def commit(self, generation: int) -> None:
        """Make the changes durable, marked with the generation."""
        ...

    def __len__(self) -> int: ...


class FaissVectorIndex:
    """Exact inner-product search (FAISS flat), in memory, kept in a file that is swapped in atomically.

    folder None keeps it in memory only. The file's name carries the generation and a checksum, so that content and
    generation cannot disagree after a crash, and a damaged file is not read: FAISS would believe it.
    """

    def __init__(self, folder: Path | None, dimensions: int) -> None:
        self._folder = folder
        self._dimensions = dimensions
        self.generation = 0
        self._index: faiss.Index = faiss.IndexIDMap2(faiss.IndexFlatIP(dimensions))
        if folder is not None:
            self._load(folder)

    def add(self, ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        if vectors.shape != (len(ids), self._dimensions):
            raise ValueError(f"{len(ids)} ids do not fit vectors of shape {vectors.shape}")
        self._index.remove_ids(faiss.IDSelectorBatch(ids))
        self._index.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), ids)

    def remove(self, ids: list[int]) -> None:
        if ids:
            self._index.remove_ids(faiss.IDSelectorBatch(np.array(ids, dtype=np.int64)))

    def search(self, vector: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None = None) -> list[Hit]:
        k = min(k, len(self))
        if k <= 0 or (allowed is not None and not len(allowed)):
            return []
        parameters = None
        if allowed is not None:
            parameters = faiss.SearchParameters(sel=faiss.IDSelectorBatch(allowed))  # type: ignore[call-arg]
        scores, ids = self._index.search(np.asarray(vector, np.float32).reshape(1, -1), k, params=parameters)
        return [(int(i), float(s)) for i, s in zip(ids[0], scores[0], strict=True) if i >= 0]

    def similarities(self, vector: NDArray[np.float32], ids: Sequence[int]) -> list[float | None]:
        query = np.asarray(vector, np.float32).reshape(-1)
        found: list[float | None] = []
        for passage_id in ids:
            try:
                found.append(float(query @ self._index.reconstruct(int(passage_id))))
            except RuntimeError:
                # FAISS raises this, and nothing else, for an id that it does not hold.
                found.append(None)
        return found

    def commit(self, generation: int) -> None:
        self.generation = generation
        if self._folder is None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            beside = self._folder / "index.tmp"
            faiss.write_index(self._index, str(beside))
            with beside.open("rb") as written:
                os.fsync(written.fileno())
            target = self._folder / f"{generation:012d}-{checksum([beside])}.faiss"
            os.replace(beside, target)
            for old in self._folder.glob("*.faiss"):
                if old != target:
                    old.unlink(missing_ok=True)
        except (OSError, RuntimeError) as error:
            raise StoreError(f"the vector index in {self._folder} cannot be written: {error}") from error

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def _load(self, folder: Path) -> None:
        for path in sorted(folder.glob("*.faiss"), reverse=True):
            name = re.fullmatch(r"(\d{12})-([0-9a-f]{8})", path.stem)
            if name is None:
                continue
            try:
                if checksum([path]) != name.group(2):
                    continue
                index = faiss.read_index(str(path))
            except (OSError, RuntimeError):
                # A damaged or vanished file is no loss: an index at generation 0 is filled from the catalogue.
                continue
            if index.d == self._dimensions:
                self._index, self.generation = index, int(name.group(1))
                return
