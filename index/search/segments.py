"""Segments of the vector index: files that are written once, opened without being read whole, and never changed."""

from __future__ import annotations

import os
import weakref
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import faiss
import numpy as np
from numpy.typing import NDArray

from index.disk.checksums import flush
from index.disk.private import make_file, write_to

Ids = NDArray[np.int64]
Positions = NDArray[np.int64]
Vectors = NDArray[np.float32]
Mask = NDArray[np.bool_]

# Up to here a scan of all vectors is about as fast as any index of them, and exact (see `qa bench scale`).
FLAT_ROWS = 20_000
# What the quantised vectors of one segment may take in memory at eight bits a dimension; beyond, they take four.
MEMORY_BUDGET_BYTES = 1 << 30
# The share of an inverted file that a search looks at, and how many candidates it compares exactly for each hit.
PROBED_SHARE = 1 / 8
RERANKED_PER_HIT = 2
MIN_RERANKED = 100
_TRAINING_ROWS_PER_LIST = 48
_TRAINING_ROUNDS = 8
_CHUNK_ROWS = 32_768
_SEED = 13
_IDS, _VECTORS, _LISTS = "ids", "vectors", "ivf"
_ID_BYTES = 8


class Head(NamedTuple):
    """The first bytes of an inverted file, which FAISS believes when it opens it: how many, and their CRC-32."""

    size: int
    crc: int


class Segment:
    """Vectors in ascending order of id: `NAME.ids` (int64) and `NAME.vectors` (float32), both little-endian.

    A large segment also has `NAME.ivf`: a FAISS inverted file of scalar-quantised copies, mapped into memory. It
    proposes candidates; scores are always inner products with the exact vectors, which are read from their file one by
    one and so take no memory.
    """

    def __init__(self, folder: Path, name: str, rows: int, dimensions: int, head: Head | None) -> None:
        """Open a segment. Raises OSError, ValueError or RuntimeError where its files are not as they were written.

        What a damaged file could do more than give wrong candidates is checked here; the rest by
        `index.disk.checksums`.
        """
        self.folder, self.name, self.rows, self.dimensions, self.head = folder, name, rows, dimensions, head
        self._row_bytes = 4 * dimensions
        for kind, size in ((_IDS, _ID_BYTES * rows), (_VECTORS, self._row_bytes * rows)):
            if self._path(kind).stat().st_size != size:
                raise ValueError(f"{self._path(kind)} does not hold {rows} rows")
        self.ids: Ids = np.memmap(self._path(_IDS), dtype="<i8", mode="r", shape=(rows,))
        self._lists: Any = None if head is None else _open_lists(self._path(_LISTS), head, rows, dimensions)
        self._flat = self._mapped() if self._lists is None else None
        self._file = os.open(self._path(_VECTORS), os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)

    @property
    def is_flat(self) -> bool:
        """Whether a search compares every vector."""
        return self._lists is None

    @property
    def files(self) -> list[str]:
        """The names of its files."""
        kinds = (_IDS, _VECTORS) if self.is_flat else (_IDS, _VECTORS, _LISTS)
        return [self._path(kind).name for kind in kinds]

    def positions(self, ids: Ids) -> Positions:
        """Where each of (n,) ids stands, -1 for one that is not here."""
        at = np.searchsorted(self.ids, ids)
        at[at == self.rows] = 0
        positions: Positions = np.where(self.ids[at] == ids, at, -1)
        return positions

    def vectors(self, positions: Positions) -> Vectors:
        """The exact vectors at (n,) positions, (n, dimensions)."""
        size = self._row_bytes
        data = b"".join([os.pread(self._file, size, at * size) for at in positions.tolist()])
        return np.frombuffer(data, dtype="<f4").reshape(-1, self.dimensions)

    def gathered(self, positions: Positions) -> Vectors:
        """As `vectors`, faster for very many."""
        return np.asarray(self._mapped()[positions])

    def search(self, vector: Vectors, k: int, dead: Mask | None, allowed: Positions | None) -> tuple[Ids, Vectors]:
        """Ids and inner products of at least the `k` best, in no order: none that is dead, none but the `allowed`
        positions where given. With `allowed` every allowed vector is looked at."""
        if allowed is not None and dead is not None:
            allowed = allowed[~dead[allowed]]
        if self._flat is not None:
            if allowed is None and dead is not None:
                allowed = np.flatnonzero(~dead)
            return _nearest(self.ids, self._flat, vector, k, allowed)
        positions = self._candidates(vector, max(k * RERANKED_PER_HIT, k + MIN_RERANKED), dead, allowed)
        return self.ids[positions], products(self.vectors(positions), vector)

    def _candidates(self, vector: Vectors, count: int, dead: Mask | None, allowed: Positions | None) -> Positions:
        """Positions of about the `count` best by their quantised vectors, ascending."""
        lists = self._lists
        # Lists enough to hold the candidates several times over.
        share = max(PROBED_SHARE, min(1.0, 8 * count / self.rows))
        chosen: Mask | None = None
        if allowed is not None:
            share = 1.0
            chosen = np.zeros(self.rows, dtype=bool)
            chosen[allowed] = True
        elif dead is not None:
            chosen = ~dead
        selector = None
        if chosen is not None:
            selector = faiss.IDSelectorBitmap(np.packbits(chosen, bitorder="little"))  # type: ignore[call-arg, arg-type]
        probed = max(1, round(lists.nlist * share))
        parameters = faiss.SearchParametersIVF(nprobe=probed, sel=selector)  # type: ignore[call-arg]
        with _one_thread():
            _, labels = lists.search(vector.reshape(1, -1), min(count, self.rows), params=parameters)
        return np.sort(labels[0][(labels[0] >= 0) & (labels[0] < self.rows)])

    def empty_lists(self) -> Any:
        """An empty inverted file with this one's lists and quantiser."""
        lists = self._lists
        empty = faiss.IndexIVFScalarQuantizer(
            faiss.clone_index(lists.quantizer), lists.d, lists.nlist, lists.sq.qtype, faiss.METRIC_INNER_PRODUCT
        )
        empty.sq, empty.by_residual, empty.is_trained = lists.sq, lists.by_residual, True
        return empty

    def _path(self, kind: str) -> Path:
        return self.folder / f"{self.name}.{kind}"

    def _mapped(self) -> Vectors:
        return np.memmap(self._path(_VECTORS), dtype="<f4", mode="r", shape=(self.rows, self.dimensions))


def products(vectors: Vectors, vector: Vectors) -> Vectors:
    """The inner products of (n, dimensions) vectors with one, (n,)."""
    # Not BLAS, which would wake its threads for it.
    values: Vectors = np.einsum("ij,j->i", vectors, vector)
    return values


@contextmanager
def _one_thread() -> Iterator[None]:
    """Search with the calling thread alone: for one query others cost more than they bring, and many times more where
    the cores have something else to do. What OpenMP is told counts for the thread that tells it."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def write_segment(
    folder: Path,
    name: str,
    dimensions: int,
    parts: Sequence[tuple[Segment, Mask | None]],
    budget: int = MEMORY_BUDGET_BYTES,
) -> Segment:
    """A new segment of everything in `parts` but the dead; an id may be alive in one of them only.

    Raises OSError, ValueError or RuntimeError. Memory is bounded by that of the inverted file.
    """
    alive = [np.arange(part.rows) if dead is None else np.flatnonzero(~dead) for part, dead in parts]
    ids = np.concatenate([np.asarray(part.ids)[rows] for (part, _), rows in zip(parts, alive, strict=True)])
    owner = np.repeat(np.arange(len(parts)), [len(rows) for rows in alive])
    row = np.concatenate(alive)
    order = np.argsort(ids, kind="stable")

    def pieces() -> Iterator[Vectors]:
        for begin in range(0, len(order), _CHUNK_ROWS):
            taken = order[begin : begin + _CHUNK_ROWS]
            piece = np.empty((len(taken), dimensions), dtype="<f4")
            for number, (part, _) in enumerate(parts):
                here = owner[taken] == number
                if here.any():
                    piece[here] = part.gathered(row[taken[here]])
            yield piece

    template = max((part for part, _ in parts if not part.is_flat), key=lambda part: part.rows, default=None)
    return _write(folder, name, ids[order], pieces(), dimensions=dimensions, template=template, budget=budget)


def write_flat(folder: Path, name: str, ids: Ids, vectors: Vectors) -> Segment:
    """A new flat segment of (n,) distinct ids and (n, dimensions) vectors. Raises OSError."""
    order = np.argsort(ids)
    return _write(folder, name, ids[order], iter([vectors[order]]), dimensions=vectors.shape[1], lists=False)


def _write(
    folder: Path,
    name: str,
    ids: Ids,
    pieces: Iterator[Vectors],
    *,
    dimensions: int,
    lists: bool = True,
    template: Segment | None = None,
    budget: int = MEMORY_BUDGET_BYTES,
) -> Segment:
    of_ids, of_vectors, of_lists = (folder / f"{name}.{kind}" for kind in (_IDS, _VECTORS, _LISTS))
    with write_to(of_ids) as file:
        file.write(np.ascontiguousarray(ids, dtype="<i8").tobytes())
    flush(of_ids)
    with write_to(of_vectors) as file:
        for piece in pieces:
            file.write(np.ascontiguousarray(piece, dtype="<f4").tobytes())
    flush(of_vectors)
    segment = Segment(folder, name, len(ids), dimensions, None)
    if not lists or len(ids) <= FLAT_ROWS:
        return segment
    filled = _lists_for(segment, template, budget)
    for begin in range(0, len(ids), _CHUNK_ROWS):
        filled.add(segment.gathered(np.arange(begin, min(begin + _CHUNK_ROWS, len(ids)))))
    make_file(of_lists)
    faiss.write_index(filled, str(of_lists))
    flush(of_lists)
    return Segment(folder, name, len(ids), dimensions, _head_of(of_lists, len(ids) * (filled.code_size + _ID_BYTES)))


def _lists_for(segment: Segment, template: Segment | None, budget: int) -> Any:
    """An empty inverted file for a segment: the template's lists until it has outgrown them, else trained ones."""
    bits = 8 if segment.rows * segment.dimensions <= budget else 4
    empty = template.empty_lists() if template is not None else None
    # Twice the lists are for four times the rows.
    if empty is not None and empty.sq.bits == bits and _list_count(segment.rows) <= 2 * empty.nlist:
        return empty
    return _train(segment, bits)


def _train(segment: Segment, bits: int) -> Any:
    count = _list_count(segment.rows)
    random = np.random.default_rng(_SEED)
    drawn = random.choice(segment.rows, min(segment.rows, count * _TRAINING_ROWS_PER_LIST), replace=False)
    kind = faiss.ScalarQuantizer.QT_8bit if bits == 8 else faiss.ScalarQuantizer.QT_4bit
    lists = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(segment.dimensions), segment.dimensions, count, kind, faiss.METRIC_INNER_PRODUCT
    )
    lists.cp.niter, lists.cp.seed, lists.cp.spherical = _TRAINING_ROUNDS, _SEED, True
    lists.cp.min_points_per_centroid = 1
    lists.train(segment.gathered(np.sort(drawn)))
    return lists


def _list_count(rows: int) -> int:
    """About 4 sqrt(rows), a power of two: finer lists find more among as many vectors, and cost more to choose from."""
    return 1 << max(1, round(float(np.log2(4 * np.sqrt(rows)))))


def _head_of(path: Path, contents: int) -> Head:
    size = path.stat().st_size - contents
    with path.open("rb") as file:
        return Head(size, zlib.crc32(file.read(size)))


def _open_lists(path: Path, head: Head, rows: int, dimensions: int) -> Any:
    with path.open("rb") as file:
        if zlib.crc32(file.read(head.size)) != head.crc:
            raise ValueError(f"{path} begins otherwise than it was written")
    lists: Any = faiss.read_index(str(path), faiss.IO_FLAG_MMAP)
    if (lists.ntotal, lists.d) != (rows, dimensions):
        raise ValueError(f"{path} is of {lists.ntotal} rows and {lists.d} dimensions")
    if path.stat().st_size != head.size + rows * (lists.code_size + _ID_BYTES):
        raise ValueError(f"{path} has not the size that it was written with")
    # Reading ahead starts threads for every search.
    on_disk: Any = faiss.downcast_InvertedLists(lists.invlists)
    on_disk.prefetch_nthread = 0
    return lists


def _nearest(ids: Ids, vectors: Vectors, vector: Vectors, k: int, allowed: Positions | None) -> tuple[Ids, Vectors]:
    """The `k` best of (n, dimensions) vectors, or of those at the `allowed` positions, by comparing each."""
    if allowed is not None:
        ids, vectors = ids[allowed], vectors[allowed]
    if not len(ids):
        return np.empty(0, np.int64), np.empty(0, np.float32)
    with _one_thread():
        scores, nearest = faiss.knn(vector.reshape(1, -1), vectors, min(k, len(ids)), metric=faiss.METRIC_INNER_PRODUCT)
    return ids[nearest[0]], scores[0]
