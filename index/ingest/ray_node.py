"""What is done on a node of a cluster: reading, cutting and embedding, as it would be done where the store is written.

The driver (`index.ingest.ray`) sends the files' content, so that a node needs neither them nor the store.
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

# Of the driver's environment, what decides how files are read; its threads are the node's own matter.
CARRIED = ("QA_LOAD_SECONDS", "QA_LOAD_MEMORY_MB", RUNTIME_VARIABLE)
# A task has one core: whatever starts threads by itself is told so.
_ONE_CORE = {THREADS_VARIABLE: "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
# Code points of text that are sent back together.
TEXT_TOGETHER = 4_000_000


def version() -> str:
    """The version of spanqa that is installed here, with that of its loaders."""
    return f"{importlib.metadata.version('spanqa')} (loaders {LOADERS})"


@dataclass(frozen=True, slots=True)
class Orders:
    """What a driver asks of every node: the same code, the same embedder and the same cutting as its own.

    `environment` holds the driver's variables of `CARRIED`, as pairs.
    """

    version: str
    embedder: str
    embedder_sha256: str
    runtime: str | None
    cut: CutSettings
    environment: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Some of what a file holds: `file` is its number among those of the task; `error` says why the file as a whole
    could not be read. After the `last` nothing more comes of it."""

    file: int
    found: tuple[CutDocument | NotRead, ...]
    error: str | None
    last: bool


def read_files(orders: Orders, files: Sequence[tuple[Path, bytes]]) -> Iterator[list[Part]]:
    """Read and cut files, given as path and content; yields what they hold in order, as much as is sent together.

    Raises ClusterError or ModelError where this node is not as the orders want it.
    """
    embedder = _prepared(orders)
    parts: list[Part] = []
    found: list[CutDocument | NotRead] = []
    size = 0
    for number, (path, content) in enumerate(files):
        error = None
        try:
            for entry in read_documents(path, content):
                found.append(entry if isinstance(entry, NotRead) else _cut(entry, embedder, orders.cut))
                size += 0 if isinstance(entry, NotRead) else len(entry.text)
                if size >= TEXT_TOGETHER:
                    yield [*parts, Part(number, tuple(found), None, last=False)]
                    parts, found, size = [], [], 0
        except InputError as failure:
            error = str(failure)
        parts.append(Part(number, tuple(found), error, last=True))
        found = []
    if parts:
        yield parts


def embed_texts(orders: Orders, texts: Sequence[str]) -> NDArray[np.float32]:
    """(texts, dimensions) float32, as the driver's embedder gives them; raises as `read_files` does."""
    return _prepared(orders).embed(texts)


def _cut(document: Document, embedder: Embedder, settings: CutSettings) -> CutDocument:
    return CutDocument(document, cut_passages(document, embedder.count_tokens, settings))


# A process serves one driver after the other, and the models of the last are enough.
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
