"""Dense search by FAISS, derived from the catalogue."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from index.disk.checksums import FileState, damaged, flush, room_at, text_checksum, trusted, worth_noting
from index.disk.private import is_file, make_folder, write_to
from index.documents import StoredPassage
from index.errors import StoreError
from index.search.protocol import Hit
from index.search.segments import (
    FLAT_ROWS,
    MEMORY_BUDGET_BYTES,
    Head,
    Ids,
    Mask,
    Segment,
    Vectors,
    products,
    write_flat,
    write_segment,
)

# Uncommitted vectors beyond this many go to disk, so that filling an index takes bounded memory.
SPILLED_ROWS = 65_536
# How many vectors are read at once where all are.
ENTRIES_AT_ONCE = 4_000
# A segment is written anew without its dead rows once they are this share of it.
DEAD_SHARE = 0.25
# A segment is merged with the newer ones as long as it has no more than this many times their rows.
FLAT_GROWTH = 2
LISTS_GROWTH = 3
_FORMAT = 1
_OWN_FILE = re.compile(r"[0-9a-f]{16}\.(ids|vectors|ivf|[0-9a-f]{16}\.dead)|\d{12}-[0-9a-f]{8}\.manifest|manifest\.tmp")


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A segment, which of its rows are dead (None: none), and the file that says so."""

    segment: Segment
    dead: Mask | None = None
    dead_file: str | None = None

    @property
    def alive(self) -> int:
        return self.segment.rows - (0 if self.dead is None else int(self.dead.sum()))

    def without(self, ids: Ids) -> _Part:
        """The same with these ids dead."""
        at = self.segment.positions(ids)
        at = at[at >= 0]
        if not len(at) or (self.dead is not None and self.dead[at].all()):
            return self
        dead = np.zeros(self.segment.rows, dtype=bool) if self.dead is None else self.dead.copy()
        dead[at] = True
        return replace(self, dead=dead, dead_file=None)


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """All that a search sees; replaced as a whole, so that it needs no lock against changes."""

    parts: tuple[_Part, ...] = ()
    ids: Ids = field(default_factory=lambda: np.empty(0, np.int64))
    vectors: Vectors = field(default_factory=lambda: np.empty((0, 0), np.float32))


class FaissVectorIndex:
    """Inner-product search over segments: small ones are scanned, large ones are FAISS inverted files (`Segment`).

    A commit writes what is new, and a manifest that names every segment; it is swapped in atomically, and its name
    carries the generation and its own checksum. Removed ids are marked dead; segments are merged as they grow
    (the logarithmic method of Bentley and Saxe 1980), so that an addition costs about as much as it is large.

    Opening reads the manifest, not the vectors: each file is checked once against its checksum, then known by its size,
    time of change and inode. Searches may run while another thread changes the index. folder None keeps the files in
    a temporary folder.
    """

    def __init__(self, folder: Path | None, dimensions: int, *, memory_budget: int = MEMORY_BUDGET_BYTES) -> None:
        self._temporary = None if folder is not None else tempfile.TemporaryDirectory(prefix="spanqa-vectors-")
        self._folder = folder if folder is not None else Path(self._temporary.name)  # type: ignore[union-attr]
        self._dimensions = dimensions
        self._budget = memory_budget
        self.generation = 0
        self._files: dict[str, FileState] = {}
        self._noted = self._files
        self._state = self._nothing = _State(vectors=np.empty((0, dimensions), np.float32))
        if folder is not None:
            self._load()

    def add(self, ids: Ids, vectors: Vectors, passages: Sequence[StoredPassage] | None = None) -> None:
        if vectors.shape != (len(ids), self._dimensions):
            raise ValueError(f"{len(ids)} ids do not fit vectors of shape {vectors.shape}")
        if not len(ids):
            return
        # The last of equal ids counts.
        _, last = np.unique(ids[::-1], return_index=True)
        last = len(ids) - 1 - last
        ids, vectors = np.asarray(ids[last], np.int64), np.asarray(vectors[last], np.float32)
        state = _without(self._state, ids)
        state = replace(state, ids=np.concatenate([state.ids, ids]), vectors=np.concatenate([state.vectors, vectors]))
        self._state = self._spilled(state) if len(state.ids) > SPILLED_ROWS else state

    def remove(self, ids: list[int]) -> None:
        if ids:
            self._state = _without(self._state, np.array(ids, dtype=np.int64))

    def search(self, vector: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None = None) -> list[Hit]:
        if k <= 0 or (allowed is not None and not len(allowed)):
            return []
        state = self._state
        query = np.ascontiguousarray(vector, np.float32).reshape(-1)
        ids, scores = state.ids, products(state.vectors, query)
        if allowed is not None:
            kept = np.isin(ids, allowed)
            ids, scores = ids[kept], scores[kept]
        results = [(ids, scores)]
        for part in state.parts:
            positions = None
            if allowed is not None:
                positions = part.segment.positions(allowed)
                positions = positions[positions >= 0]
            results.append(part.segment.search(query, k, part.dead, positions))
        ids, scores = (np.concatenate(column) for column in zip(*results, strict=True))
        best = np.lexsort((ids, -scores))[:k]
        return [(int(i), float(s)) for i, s in zip(ids[best], scores[best], strict=True)]

    def similarities(self, vector: NDArray[np.float32], ids: Sequence[int]) -> list[float | None]:
        state = self._state
        query = np.ascontiguousarray(vector, np.float32).reshape(-1)
        wanted = np.array(ids, dtype=np.int64)
        values: list[float | None] = [None] * len(wanted)

        def note(at: NDArray[np.intp], vectors: Vectors) -> None:
            for number, value in zip(at.tolist(), products(vectors, query).tolist(), strict=True):
                values[number] = value

        for part in state.parts:
            positions = part.segment.positions(wanted)
            here = positions >= 0
            if part.dead is not None:
                here[here] = ~part.dead[positions[here]]
            if here.any():
                note(np.flatnonzero(here), part.segment.vectors(positions[here]))
        if len(state.ids):
            order = np.argsort(state.ids)
            at = order[np.minimum(np.searchsorted(state.ids, wanted, sorter=order), len(order) - 1)]
            here = state.ids[at] == wanted
            note(np.flatnonzero(here), state.vectors[at[here]])
        return values

    def commit(self, generation: int) -> None:
        try:
            make_folder(self._folder)
            self._state = self._merged(self._spilled(self._state))
            self._state = replace(self._state, parts=tuple(self._dead_written(part) for part in self._state.parts))
            self._write_manifest(generation)
        except (OSError, RuntimeError) as error:
            raise self._unwritable(error) from error
        self.generation = generation

    def damage(self) -> list[Path]:
        """The committed files that no longer hold what was written, all of them read."""
        return damaged(self._folder, self._files)

    def entries(self) -> Iterator[tuple[Ids, Vectors]]:
        """All (n,) ids with their (n, dimensions) vectors, in batches."""
        state = self._state
        for part in state.parts:
            alive = np.arange(part.segment.rows) if part.dead is None else np.flatnonzero(~part.dead)
            for begin in range(0, len(alive), ENTRIES_AT_ONCE):
                rows = alive[begin : begin + ENTRIES_AT_ONCE]
                yield np.asarray(part.segment.ids)[rows], part.segment.gathered(rows)
        if len(state.ids):
            yield state.ids, state.vectors

    def purge(self) -> None:
        """Write every segment that has dead rows anew without them: nothing of removed vectors is left in the folder.

        Raises StoreError where it cannot be written.
        """
        try:
            parts = []
            for part in self._state.parts:
                if part.dead is None:
                    parts.append(part)
                elif part.alive:
                    sources = [(part.segment, part.dead)]
                    name = _new_name()
                    parts.append(_Part(write_segment(self._folder, name, self._dimensions, sources, self._budget)))
            self._state = replace(self._state, parts=tuple(parts))
            if self._folder.is_dir():
                self._write_manifest(self.generation)
        except (OSError, RuntimeError) as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: Exception) -> StoreError:
        return StoreError(f"the vector index in {self._folder} cannot be written ({room_at(self._folder)}): {error}")

    def __len__(self) -> int:
        return len(self._state.ids) + sum(part.alive for part in self._state.parts)

    def _spilled(self, state: _State) -> _State:
        """The state with its vectors in memory written to a segment of their own."""
        if not len(state.ids):
            return state
        make_folder(self._folder)
        segment = write_flat(self._folder, _new_name(), state.ids, state.vectors)
        return replace(self._nothing, parts=(*state.parts, _Part(segment)))

    def _merged(self, state: _State) -> _State:
        """The state with few segments, none of which holds many dead rows."""
        kept = [part for part in state.parts if part.alive]
        merging = _to_merge(kept)
        if not merging:
            return replace(state, parts=tuple(kept))
        sources = [(part.segment, part.dead) for part in merging]
        segment = write_segment(self._folder, _new_name(), self._dimensions, sources, self._budget)
        kept = [part for part in kept if part not in merging]
        return self._merged(replace(state, parts=(*kept, _Part(segment))))

    def _dead_written(self, part: _Part) -> _Part:
        if part.dead is None or part.dead_file is not None:
            return part
        path = self._folder / f"{part.segment.name}.{_new_name()}.dead"
        with write_to(path) as file:
            file.write(np.packbits(part.dead, bitorder="little").tobytes())
        flush(path)
        return replace(part, dead_file=path.name)

    def _write_manifest(self, generation: int) -> None:
        parts = self._state.parts
        names = {name for part in parts for name in (*part.segment.files, part.dead_file) if name}
        files = {name: self._files.get(name) or FileState.of(self._folder / name) for name in sorted(names)}
        content = json.dumps(
            {
                "format": _FORMAT,
                "dimensions": self._dimensions,
                "segments": [
                    {
                        "name": part.segment.name,
                        "rows": part.segment.rows,
                        "head": part.segment.head,
                        "dead": part.dead_file,
                    }
                    for part in parts
                ],
                "files": files,
            }
        )
        beside = self._folder / "manifest.tmp"
        with write_to(beside) as file:
            file.write(content.encode("ascii"))
        flush(beside)
        target = self._folder / f"{generation:012d}-{text_checksum(content)}.manifest"
        os.replace(beside, target)
        flush(self._folder)
        self._files = files
        # An older reader has its files open, and reads them on.
        for path in self._folder.iterdir():
            if path != target and path.name not in names and is_vector_file(path.name) and is_file(path):
                path.unlink(missing_ok=True)

    def _load(self) -> None:
        for path in sorted(self._folder.glob("*.manifest"), reverse=True):
            name = re.fullmatch(r"(\d{12})-([0-9a-f]{8})", path.stem)
            if name is None:
                continue
            try:
                content = path.read_text(encoding="ascii")
                if text_checksum(content) != name.group(2):
                    continue
                if self._take(json.loads(content)):
                    self.generation = int(name.group(1))
                    self._note()
                    return
            except (OSError, ValueError, RuntimeError):
                # A damaged or vanished file is no loss: an index at generation 0 is filled from the catalogue.
                continue

    def _note(self) -> None:
        """Keep what is known of large files that had to be read, so that the next to open them need not."""
        if worth_noting(self._noted, self._files):
            # A store that may only be read is as good; it takes longer to open.
            with suppress(OSError):
                self._write_manifest(self.generation)

    def _take(self, manifest: dict[str, Any]) -> bool:
        """Open what a sound manifest names; False where it is of another kind, or a file is damaged."""
        if (manifest["format"], manifest["dimensions"]) != (_FORMAT, self._dimensions):
            return False
        noted = {name: FileState(*state) for name, state in manifest["files"].items()}
        files = trusted(self._folder, noted)
        if files is None:
            return False
        parts = []
        for entry in manifest["segments"]:
            head = Head(*entry["head"]) if entry["head"] else None
            segment = Segment(self._folder, entry["name"], entry["rows"], self._dimensions, head)
            dead = None
            if entry["dead"]:
                bits = np.fromfile(self._folder / entry["dead"], dtype=np.uint8)
                dead = np.unpackbits(bits, count=segment.rows, bitorder="little").astype(bool)
            parts.append(_Part(segment, dead, entry["dead"]))
        self._state, self._files, self._noted = replace(self._nothing, parts=tuple(parts)), files, noted
        return True


def is_vector_file(name: str) -> bool:
    """Whether a file of this name is one that this index writes."""
    return _OWN_FILE.fullmatch(name) is not None


def _new_name() -> str:
    return uuid4().hex[:16]


def _without(state: _State, ids: Ids) -> _State:
    parts = tuple(part.without(ids) for part in state.parts)
    # What is added is mostly younger than all that is here.
    if len(state.ids) and ids.min() <= state.ids.max() and (gone := np.isin(state.ids, ids)).any():
        return _State(parts, state.ids[~gone], state.vectors[~gone])
    return replace(state, parts=parts)


def _to_merge(parts: Iterable[_Part]) -> list[_Part]:
    """Which segments to write as one: dead rows in plenty, too many small ones, or large ones of about equal size."""
    by_size = sorted(parts, key=lambda part: part.alive)
    flat = [part for part in by_size if part.segment.is_flat]
    lists = [part for part in by_size if not part.segment.is_flat]
    merging = _newest(flat, FLAT_GROWTH)
    if sum(part.alive for part in flat) > FLAT_ROWS:
        merging = flat
        total = sum(part.alive for part in flat)
        for part in lists:
            if part.alive > LISTS_GROWTH * total:
                break
            merging.append(part)
            total += part.alive
    elif len(merging) < 2:
        merging = []
    if not merging:
        merging = [p for p in by_size if p.segment.rows - p.alive > DEAD_SHARE * p.segment.rows][:1]
    return merging


def _newest(by_size: list[_Part], growth: int) -> list[_Part]:
    """The smallest segments, as long as the next has at most `growth` times the rows of those before it."""
    taken: list[_Part] = []
    total = 0
    for part in by_size:
        if taken and part.alive > growth * total:
            break
        taken.append(part)
        total += part.alive
    return taken
