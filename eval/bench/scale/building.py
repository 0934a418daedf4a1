"""Building a store of any size, through the catalogue's own transactions and the indexes' own catching up."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from eval.bench.scale.copies import CHUNK_ROWS, Chunk, Copies
from index.documents import Document, Passage
from index.errors import StoreError
from index.models.embedder import Embedder
from index.store.store import Store

PASSAGES_A_DOCUMENT = 40
BETWEEN_PASSAGES = "\n\n"
NOTE = "built.json"

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Built:
    """What building cost: seconds to write `written` passages to the catalogue (what an interrupted build had written
    before is not among them), seconds to bring both search indexes up to all `size` of them, and bytes on the disk."""

    size: int
    written: int
    write_s: float
    index_s: float
    disk_bytes: int

    @property
    def rate(self) -> float:
        """Passages a second, cut and embedded already: written, and searchable."""
        return 1 / (self.write_s / self.written + self.index_s / self.size)


def disk_need(size: int, copies: Copies) -> int:
    """About how many bytes building a store of so many passages takes at the most: vectors in the catalogue, in the
    index and, while that is made, once more; texts and words; the inverted file."""
    return round(size * (13 * copies.dimensions + 2 * copies.mean_bytes + 600))


def build(folder: Path, embedder: Embedder, copies: Copies, size: int, progress: Progress) -> Built:
    """A store of `size` passages in `folder`; what an interrupted build left there is gone on with.

    progress is called with (passages written, in all). Raises StoreError.
    """
    note = folder / NOTE
    store = Store(folder, embedder, create=True)
    try:
        if note.exists():
            return Built(**json.loads(note.read_text("ascii")))
        store.check_embedder(pin=True)
        # A chunk is a transaction: it is there, or it is not.
        before = store.catalogue.counts()[1]
        begun = time.perf_counter()
        with ThreadPoolExecutor(1, "writing") as writing:
            waiting = None
            for number in range(before // CHUNK_ROWS, -(-size // CHUNK_ROWS)):
                chunk = copies.chunk(number, min(CHUNK_ROWS, size - number * CHUNK_ROWS))
                if waiting is not None:
                    waiting.result()
                waiting = writing.submit(_write, store, chunk)
                progress(chunk.begin, size)
            if waiting is not None:
                waiting.result()
        write_s = time.perf_counter() - begun
        progress(size, size)
        begun = time.perf_counter()
        store.sync()
        index_s = time.perf_counter() - begun
        stored = store.catalogue.counts()[1]
        if stored != size:
            raise StoreError(f"{folder} holds {stored} passages instead of {size}; delete it and begin anew")
    finally:
        store.close()
    disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if before < size:
        built = Built(size, size - before, write_s, index_s, disk)
        note.write_text(json.dumps(asdict(built)), "ascii")
        return built
    # Interrupted after the last transaction: what writing cost is not known, and as good as nothing of it was done.
    return Built(size, size, write_s, index_s, disk)


def _write(store: Store, chunk: Chunk) -> None:
    entries = []
    for begin in range(0, len(chunk.texts), PASSAGES_A_DOCUMENT):
        end = min(begin + PASSAGES_A_DOCUMENT, len(chunk.texts))
        texts, contexts = chunk.texts[begin:end], chunk.contexts[begin:end]
        passages, at = [], 0
        for text, context in zip(texts, contexts, strict=True):
            passages.append(Passage(start=at, end=at + len(text), context=context))
            at += len(text) + len(BETWEEN_PASSAGES)
        number = (chunk.begin + begin) // PASSAGES_A_DOCUMENT
        document = Document(uri=f"scale:{number:08}", title=f"Document {number}", text=BETWEEN_PASSAGES.join(texts))
        entries.append((document, passages, chunk.vectors[begin:end]))
    store.catalogue.put_all(entries)
