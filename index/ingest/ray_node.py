"""The work of a cluster node: reading, cutting and embedding, exactly as the machine with the store would do it.

The driver (`index.ingest.ray`) sends the content of the files, so a node needs neither the files nor the store.
"""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.documents import Document
from index.errors import ClusterError, InputError, ModelError
from index.ingest.plan import LOADERS
from index.loading.files import NotRead, read_documents
from index.models.embedder import Embedder, open_embedder
from index.models.hardware import THREADS_VARIABLE
from index.models.runtime import RUNTIME_VARIABLE
from index.store.filling import CutDocument
from index.text.passages import CutSettings, cut_passages

# The driver's variables that affect how files are read; the number of threads is up to the node.
CARRIED = ("QA_LOAD_SECONDS", "QA_LOAD_MEMORY_MB", RUNTIME_VARIABLE)
# A task has one core, and libraries that start threads must know.
_ONE_CORE = {THREADS_VARIABLE: "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
# How many code points of text are sent back together.
TEXT_TOGETHER = 4_000_000


def version() -> str:
    """The version of spanqa installed here, and of its loaders."""
    return f"{importlib.metadata.version('spanqa')} (loaders {LOADERS})"


@dataclass(frozen=True, slots=True)
class Orders:
    """What a driver requires of every node: the same code, embedder and cutting as its own.

    `environment` holds the driver's values of the variables in `CARRIED`, as pairs.
    """

    version: str
    embedder: str
    embedder_sha256: str
    runtime: str | None
    cut: CutSettings
    environment: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the contents of a file: `file` is its number within the task; `error` says why the file as a whole could
    not be read; `last` marks the last part of the file."""

    file: int
    entries: tuple[CutDocument | NotRead, ...]
    error: str | None
    last: bool


def read_files(orders: Orders, files: Sequence[tuple[Path, bytes]]) -> Iterator[list[Part]]:
    """Read and cut files, given as path and content; yields their contents in order, in blocks that are sent together.

    Raises ClusterError or ModelError if this node does not meet the orders.
    """
    embedder = _prepared(orders)
    parts: list[Part] = []
    entries: list[CutDocument | NotRead] = []
    size = 0
    for number, (path, content) in enumerate(files):
        error = None
        try:
            for entry in read_documents(path, content):
                entries.append(entry if isinstance(entry, NotRead) else _cut(entry, embedder, orders.cut))
                size += 0 if isinstance(entry, NotRead) else len(entry.text)
                if size >= TEXT_TOGETHER:
                    yield [*parts, Part(number, tuple(entries), None, last=False)]
                    parts, entries, size = [], [], 0
        except InputError as failure:
            error = str(failure)
        parts.append(Part(number, tuple(entries), error, last=True))
        entries = []
    if parts:
        yield parts


def embed_texts(orders: Orders, texts: Sequence[str]) -> NDArray[np.float32]:
    """The vectors of the texts, (texts, dimensions) float32, as the driver's embedder computes them; raises like
    `read_files`."""
    return _prepared(orders).embed(texts)


def _cut(document: Document, embedder: Embedder, settings: CutSettings) -> CutDocument:
    return CutDocument(document, cut_passages(document, embedder.count_tokens, settings))


# A process serves one driver after another, so only the models of the last one are kept.
@lru_cache(maxsize=1)
def _prepared(orders: Orders) -> Embedder:
    if version() != orders.version:
        raise ClusterError(
            f"a node has spanqa {version()}, and here it is {orders.version}; install the same version on every node"
        )
    for name in CARRIED:
        os.environ.pop(name, None)
    os.environ.update(dict(orders.environment) | _ONE_CORE)
    embedder = open_embedder(orders.embedder, orders.runtime)
    if embedder.sha256 != orders.embedder_sha256:
        raise ModelError(
            f"the embedder {orders.embedder} of a node has other weights ({embedder.sha256[:12]}) than here "
            f"({orders.embedder_sha256[:12]}); put the same model on every node"
        )
    return embedder
