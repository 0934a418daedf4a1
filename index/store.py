"""The store: catalogue, vector index and lexical index behind one door, kept in step by generation."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from index.catalogue import Catalogue, SqliteCatalogue, embedding_text
from index.documents import Document, Passage
from index.embedder import Embedder
from index.errors import ModelError, StoreError
from index.lexical import LexicalIndex, TantivyLexicalIndex
from index.passages import CutSettings, cut_passages
from index.vectors import FaissVectorIndex, Hit, VectorIndex

# How many passages are embedded together: documents are small, batches are fast.
EMBED_TOGETHER = 512
LOCK_TIMEOUT_S = 120
CATALOGUE_FILE = "catalogue.sqlite"
DERIVED_FOLDER = "derived"


@dataclass(frozen=True, slots=True)
class Change:
    """What putting one document came to: whether the store changed, and its number of passages if so."""

    document: Document
    changed: bool
    passages: int


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Both ranked lists of a search, best first, as (passage id, score); and each found id's inner product."""

    dense: list[Hit]
    lexical: list[Hit]
    similarity: dict[int, float]


class Store:
    """A folder of documents that can be searched.

    The catalogue is the truth. The other two indexes are derived from it: they lag until `sync`, may be deleted, and
    are never believed without the catalogue (see `Catalogue.snapshot`).
    """

    def __init__(
        self, folder: Path, embedder: Embedder, *, cut: CutSettings | None = None, create: bool = True
    ) -> None:
        self.folder = folder
        self.embedder = embedder
        self._cut = cut or CutSettings()
        self._guard = threading.RLock()
        self._derived: _Derived | None = None
        if not create and not (folder / CATALOGUE_FILE).is_file():
            raise StoreError(f"no store at {folder}; create it with: qa index PATH --store {folder}")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"the store {folder} cannot be created: {error.strerror}") from error
        self.catalogue: Catalogue = SqliteCatalogue(folder / CATALOGUE_FILE)

    def put_all(self, documents: Iterable[Document]) -> Iterator[Change]:
        """Add or replace documents, a transaction each; yields as they are stored. Call `sync` afterwards.

        An unchanged document costs no embedding. Memory is bounded by one batch of passages and its documents.
        """
        self.check_embedder(pin=True)
        # Indexes of a catalogue that went back are noticed as long as they are ahead of it (see _open_derived).
        self.sync()
        waiting: list[_Waiting] = []
        for document in documents:
            if self._is_stored(document):
                yield Change(document, False, 0)
                continue
            waiting.append(_Waiting(document, cut_passages(document, self.embedder.count_tokens, self._cut)))
            if sum(len(entry.cut) for entry in waiting) >= EMBED_TOGETHER:
                yield from self._put_batch(waiting)
                waiting = []
        yield from self._put_batch(waiting)

    def put(self, document: Document) -> Change:
        """Add or replace one document, searchable on return."""
        change = next(iter(self.put_all([document])))
        self.sync()
        return change

    def remove(self, document_id: str) -> bool:
        """Remove a document; False where there is none with that id. It cannot answer once this returns."""
        self.sync()
        removed = self.catalogue.remove(document_id)
        if removed:
            self.sync()
        return removed

    def search(
        self, question: str, vector: NDArray[np.float32], k: int, documents: set[str] | None = None
    ) -> SearchResult:
        """The `k` best passages of each index. Hits may be stale: read them through `Catalogue.snapshot`."""
        self.sync()
        with self._guard:
            derived = self._opened()
            allowed = None if documents is None else self.catalogue.passage_ids(documents)
            dense = derived.vectors.search(vector, k, allowed)
            lexical = derived.lexical.search(question, k, None if documents is None else sorted(documents))
            ids = list({passage for passage, _ in dense} | {passage for passage, _ in lexical})
            values = derived.vectors.similarities(vector, ids)
        similarity = {passage: value for passage, value in zip(ids, values, strict=True) if value is not None}
        return SearchResult(dense, lexical, similarity)

    def sync(self) -> None:
        """Bring the derived indexes up to the catalogue's generation, where they lag."""
        with self._guard:
            now = self.catalogue.generation()
            if self._derived is not None and self._derived.generation == now:
                return
            lock = FileLock(self.folder / "derived.lock", timeout=LOCK_TIMEOUT_S)
            try:
                with lock:
                    # Another process may have caught up on disk already.
                    self._derived = self._open_derived()
                    self._derived.catch_up(self.catalogue)
            except Timeout as error:
                raise StoreError(
                    f"another process has been updating the store {self.folder} for {LOCK_TIMEOUT_S} s; try again later"
                ) from error
            except OSError as error:
                raise StoreError(f"the indexes of the store {self.folder} cannot be updated: {error}") from error

    def check_embedder(self, *, pin: bool = False) -> None:
        """Raise ModelError unless the store's embedder is this one; `pin` makes it so in a store that has none."""
        name, sha256 = self.catalogue.setting("embedder"), self.catalogue.setting("embedder_sha256")
        if sha256 is None:
            if pin:
                self.catalogue.set_settings(self._embedder_settings())
        elif sha256 != self.embedder.sha256:
            raise ModelError(
                f"the store {self.folder} was embedded with {name} ({sha256[:12]}), not with {self.embedder.name} "
                f"({self.embedder.sha256[:12]}); use that embedder, or: qa index --re-embed --embedder "
                f"{self.embedder.name} --store {self.folder}"
            )

    def re_embed(self) -> None:
        """Embed every passage anew with this embedder and pin the store to it, in one transaction."""
        self.sync()
        self.catalogue.re_embed(self.embedder.embed, self._embedder_settings())
        self.sync()

    def close(self) -> None:
        self.catalogue.close()

    def _is_stored(self, document: Document) -> bool:
        known = self.catalogue.record(document.id)
        return known is not None and known.holds(document)

    def _put_batch(self, waiting: list[_Waiting]) -> Iterator[Change]:
        if not waiting:
            return
        vectors = self.embedder.embed([text for entry in waiting for text in entry.texts()])
        begin = 0
        for entry in waiting:
            end = begin + len(entry.cut)
            changed = self.catalogue.put(entry.document, entry.cut, vectors[begin:end])
            begin = end
            yield Change(entry.document, changed, len(entry.cut))

    def _embedder_settings(self) -> dict[str, str]:
        return {
            "embedder": self.embedder.name,
            "embedder_sha256": self.embedder.sha256,
            "dimensions": str(self.embedder.dimensions),
        }

    def _opened(self) -> _Derived:
        assert self._derived is not None
        return self._derived

    def _open_derived(self) -> _Derived:
        """The derived indexes as they are on disk, empty where they are missing, damaged or of another catalogue."""
        store_id = self.catalogue.setting("store_id") or ""
        model = self.catalogue.setting("embedder_sha256") or ""
        dimensions = int(self.catalogue.setting("dimensions") or self.embedder.dimensions)
        base = self.folder / DERIVED_FOLDER
        # Named by catalogue and embedder, so that neither a re-created catalogue nor new embeddings meet old indexes.
        own = base / f"{store_id[:16]}-{model[:16]}"
        for other in base.iterdir() if base.is_dir() else ():
            if other != own:
                shutil.rmtree(other, ignore_errors=True)
        derived = _Derived(FaissVectorIndex(own / "vectors", dimensions), TantivyLexicalIndex(own / "lexical"))
        now = self.catalogue.generation()
        if max(derived.vectors.generation, derived.lexical.generation) > now:
            # The catalogue went back (a restored backup): what was derived from its future is void.
            shutil.rmtree(own)
            derived = _Derived(FaissVectorIndex(own / "vectors", dimensions), TantivyLexicalIndex(own / "lexical"))
        return derived


@dataclass(slots=True)
class _Waiting:
    document: Document
    cut: list[Passage]

    def texts(self) -> list[str]:
        return [embedding_text(p.context, self.document.text[p.start : p.end]) for p in self.cut]


@dataclass(slots=True)
class _Derived:
    vectors: VectorIndex
    lexical: LexicalIndex
    generation: int = field(default=-1)

    def catch_up(self, catalogue: Catalogue) -> None:
        now = catalogue.generation()
        if self.vectors.generation < now:
            changes = catalogue.changes_since(self.vectors.generation)
            self.vectors.remove(changes.removed)
            for ids, vectors, _ in changes.added:
                self.vectors.add(ids, vectors)
            self.vectors.commit(changes.generation)
        if self.lexical.generation < now:
            changes = catalogue.changes_since(self.lexical.generation)
            self.lexical.remove(changes.removed)
            for _, _, passages in changes.added:
                self.lexical.add(passages)
            self.lexical.commit(changes.generation)
        self.generation = min(self.vectors.generation, self.lexical.generation)
