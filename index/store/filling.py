"""Documents on their way into a catalogue: one batch is cut while another is embedded and a third is written."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from index.catalogue.protocol import Writing
from index.documents import Document, Passage
from index.stopping import check
from index.text.passages import embedding_text

# How many passages are embedded between two looks whether to stop: a long document may have ten thousand.
EMBED_BETWEEN_LOOKS = 64


@dataclass(frozen=True, slots=True)
class Change:
    """What putting one document came to: whether the store changed, and how many passages were made of it for that.

    `refused` says why it was not taken: then the store holds of it what it held before.
    """

    document: Document
    changed: bool
    passages: int
    refused: str = ""


@dataclass(frozen=True, slots=True)
class CutDocument:
    """A document with its passages, to be embedded and stored."""

    document: Document
    passages: list[Passage]

    def texts(self) -> list[str]:
        """What is embedded of each passage."""
        return [embedding_text(p.context, self.document.text[p.start : p.end]) for p in self.passages]


# What is to be stored, or what was already settled without.
Batch = Sequence[CutDocument | Change]


class Filling:
    """Embeds and writes batches, each stage in a thread of its own; whoever calls it loads and cuts meanwhile.

    At most one batch is written and `ahead` others are embedded. A batch is written in one transaction, so that
    small documents do not wait for the disk one by one; what has been yielded is durable. An error of a stage is raised
    by the next call; StoppedError, once `stop` is set, while a batch is embedded.
    """

    def __init__(
        self,
        catalogue: Writing,
        embed: Callable[[list[str]], NDArray[np.float32]],
        ahead: int = 1,
        *,
        stop: threading.Event | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._embed = embed
        self._ahead = ahead
        self._stop = stop
        self._stack = ExitStack()
        self._embedding = self._stack.enter_context(ThreadPoolExecutor(ahead, "embedding"))
        self._writing = self._stack.enter_context(ThreadPoolExecutor(1, "writing"))
        self._embedded: deque[tuple[Batch, Future[NDArray[np.float32]] | None]] = deque()
        self._written: Future[list[Change]] | None = None

    def __enter__(self) -> Filling:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def push(self, batch: Batch) -> Iterator[Change]:
        """Take a batch in, once there is room; yields what has been stored by then, in the order it was pushed in."""
        if len(self._embedded) == self._ahead:
            yield from self._move_on()
        texts = [text for entry in batch if isinstance(entry, CutDocument) for text in entry.texts()]
        # Nothing to embed must not load a model.
        self._embedded.append((batch, self._embedding.submit(self._embed_looking, texts) if texts else None))

    def drain(self) -> Iterator[Change]:
        """Finish what is on its way; yields it as it is stored."""
        while self._embedded:
            yield from self._move_on()
        yield from self._move_on()

    def settle(self) -> Iterator[Change]:
        """Store what is embedded already and drop the rest; yields what is stored. Afterwards nothing is on its way."""
        while self._embedded:
            vectors = self._embedded[0][1]
            if vectors is not None and (not vectors.done() or vectors.exception() is not None):
                break
            yield from self._move_on()
        for _, vectors in self._embedded:
            if vectors is not None:
                vectors.cancel()
        self._embedded.clear()
        yield from self._move_on()

    def _embed_looking(self, texts: list[str]) -> NDArray[np.float32]:
        if self._stop is None:
            return self._embed(texts)
        parts = []
        for begin in range(0, len(texts), EMBED_BETWEEN_LOOKS):
            check(self._stop)
            parts.append(self._embed(texts[begin : begin + EMBED_BETWEEN_LOOKS]))
        return np.concatenate(parts)

    def _move_on(self) -> Iterator[Change]:
        """Give the first batch that is embedded to the writer, once that is done with the one before."""
        embedded = self._embedded.popleft() if self._embedded else None
        vectors = embedded[1].result() if embedded and embedded[1] else np.empty((0, 0), np.float32)
        written, self._written = self._written, None
        done = written.result() if written else []
        if embedded:
            self._written = self._writing.submit(self._write, embedded[0], vectors)
        yield from done

    def _write(self, batch: Batch, vectors: NDArray[np.float32]) -> list[Change]:
        entries = []
        begin = 0
        for entry in batch:
            if isinstance(entry, CutDocument):
                end = begin + len(entry.passages)
                entries.append((entry.document, entry.passages, vectors[begin:end]))
                begin = end
        changed = iter(self._catalogue.put_all(entries) if entries else [])
        return [
            Change(entry.document, next(changed), len(entry.passages)) if isinstance(entry, CutDocument) else entry
            for entry in batch
        ]
