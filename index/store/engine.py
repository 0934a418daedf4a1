"""Who reads, cuts and embeds what is indexed: this process, or an engine that spreads it over others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from index.documents import Document
    from index.loading.files import NotRead
    from index.store.filling import CutDocument


class IndexingEngine(Protocol):
    """Does elsewhere what this process would do for a store: what comes of it must be the same, in the same order."""

    @property
    def ahead(self) -> int:
        """How many batches of passages it embeds at once: `embed` is called in so many threads."""
        ...

    def read(self, paths: Iterable[Path]) -> Iterator[Iterator[Document | CutDocument | NotRead]]:
        """What each file holds, as `loaders.read_documents` gives it, file by file, cut into passages or not.

        An iterator of a file raises InputError where the file as a whole cannot be read. Each is to be used up before
        the next.
        """
        ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As `Embedder.embed`."""
        ...
