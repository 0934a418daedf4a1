"""The store: catalogue, vector index and lexical index behind one door, kept in step by generation."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from index.catalogue import Catalogue, SqliteCatalogue
from index.checksums import room_at
from index.clearing import mirror, on_frozen_disk
from index.derived import Derived, LocalIndexes, SearchResult
from index.documents import Document
from index.embedder import Embedder
from index.engine import IndexingEngine
from index.errors import ChangingError, ModelError, StoreError
from index.filling import Batch, Change, CutDocument, Filling
from index.location import Location
from index.passages import CutSettings, cut_passages
from index.selection import EVERYTHING, Selection

if TYPE_CHECKING:
    from index.postgres import PostgresCatalogue

# How many passages are embedded together, and of how many documents at most: documents are small, batches are fast.
EMBED_TOGETHER = 512
WRITTEN_TOGETHER = 256
# And how many passages at a time where somebody watches.
EMBED_BETWEEN_PROGRESS = 64
LOCK_TIMEOUT_S = 120
# How often a check begins anew because a writer was faster.
CHECKS = 5
# Of a store on a read-only disk, what is larger is linked to and not copied.
COPIED_BYTES = 64 << 10
CATALOGUE_FILE = "catalogue.sqlite"
RESTORING = ".restore-"
# Set in a store while another is copied into it (see `index.moving`).
UNFINISHED = "unfinished_copy"
FINISH_COPY = "copy it to the end: qa migrate-store FROM"
DERIVED_FOLDER = "derived"


class Store:
    """Documents that can be searched, in a folder or in servers (see `index.location`).

    The catalogue is the truth. The other two indexes are derived from it: they lag until `sync`, may be deleted, and
    are never believed without the catalogue (see `Catalogue.snapshot`).
    """

    def __init__(
        self, location: Location, embedder: Embedder, *, cut: CutSettings | None = None, create: bool = True
    ) -> None:
        self.location = location
        # What is of this machine: of a store in servers, search indexes alone.
        self.folder = location if isinstance(location, Path) else location.derived
        self.embedder = embedder
        # Of a store on a read-only disk, search indexes are opened in a folder of links to them, where they can be
        # brought up as well.
        self._mirror: tempfile.TemporaryDirectory[str] | None = None
        self._frozen = isinstance(location, Path) and on_frozen_disk(location)
        self._cut = cut or CutSettings()
        self._guard = threading.RLock()
        self._derived: Derived | None = None
        if create or not isinstance(location, Path):
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                room = room_at(self.folder.parent)
                raise StoreError(f"the store {self.folder} cannot be created ({room}): {error.strerror}") from error
        self.catalogue: Catalogue
        # Where a server searches: its URL, and the catalogue whose locks all who use it share.
        self._server: tuple[str, PostgresCatalogue] | None = None
        if isinstance(location, Path):
            self.catalogue = _open_folder(location, create=create)
        else:
            from index.postgres import PostgresCatalogue

            self.catalogue = PostgresCatalogue(location, create=create)
            if location.milvus is not None:
                self._server = (location.milvus, self.catalogue)

    def put_all(
        self,
        documents: Iterable[Document | CutDocument],
        progress: Callable[[int, int], None] | None = None,
        *,
        engine: IndexingEngine | None = None,
    ) -> Generator[Change, None, None]:
        """Add or replace documents, a transaction each batch; yields as they are stored. Call `sync` afterwards.

        An unchanged document costs no embedding. Memory is bounded by three batches of passages and their documents:
        one is cut while another is embedded and a third written. Where `documents` raises, whole batches before it are
        stored and yielded first. Close the iterator when leaving it early: a batch may still be on its way.

        Documents that come cut are not cut here, and an `engine` embeds in place of the store's embedder, several
        batches at once: memory is then bounded by as many more.
        """
        self.check_embedder(pin=True)
        # Indexes of a catalogue that went back are noticed as long as they are ahead of it (see _open_derived).
        self.sync()
        own = self.embedder.embed if progress is None else partial(self._embed, progress=progress)
        with Filling(self.catalogue, engine.embed if engine else own, engine.ahead if engine else 1) as filling:
            try:
                for batch in self._batches(documents):
                    yield from filling.push(batch)
            except Exception:
                yield from filling.drain()
                raise
            yield from filling.drain()

    def put(self, document: Document, progress: Callable[[int, int], None] | None = None) -> Change:
        """Add or replace one document, searchable on return. progress is called with (passages embedded, in all)."""
        with closing(self.put_all([document], progress)) as changes:
            change = next(changes)
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
        self,
        question: str,
        vector: NDArray[np.float32],
        k: int,
        documents: set[str] | None = None,
        selection: Selection = EVERYTHING,
    ) -> SearchResult:
        """The `k` best passages of each index. Hits may be stale: read them through `Catalogue.snapshot`.

        `documents` limits it to these; `selection` is what they were selected by, which a server may look for itself.
        Raises ModelError where the store was embedded with another embedder meanwhile.
        """
        if self._server is not None:
            self.sync()
            return self._search_server(question, vector, k, documents, selection)
        derived = self._current()
        if derived.embedder_sha256 not in (None, self.embedder.sha256):
            # Embedded anew since the question was embedded: its vector says nothing among these.
            self.check_embedder()
            raise ChangingError(f"the store {self.location} is being embedded anew; try again in a moment")
        return derived.search(question, vector, k, documents, selection)

    def sync(self) -> None:
        """Bring the derived indexes up to the catalogue's generation, where they lag."""
        with self._guard:
            if self._is_current():
                return
            with self._alone():
                # Another process may have caught up already.
                derived = self._open_derived()
                try:
                    derived.catch_up(self.catalogue)
                except ValueError:
                    if derived.embedder_sha256 == self.catalogue.setting("embedder_sha256"):
                        raise
                    # Embedded anew after they were opened: the vectors have another size now.
                    derived = self._open_derived()
                    derived.catch_up(self.catalogue)
                self._derived = derived

    def _is_current(self) -> bool:
        now = self.catalogue.generation()
        if self._derived is None or self._derived.generation == now:
            return self._derived is not None
        try:
            self._derived.refresh()
        except StoreError:
            # What was opened may be gone: opening it anew tells, or makes it again.
            return False
        # Read after it, as the catalogue may have moved on as well.
        return self._derived.generation == self.catalogue.generation()

    def _current(self) -> Derived:
        """The indexes to search. While another thread brings them up to date, those of before: what this process has
        changed since is not acknowledged yet, and what is gone is found stale."""
        before = self._derived
        if (before is None or before.generation != self.catalogue.generation()) and self._guard.acquire(
            blocking=before is None
        ):
            try:
                self.sync()
            finally:
                self._guard.release()
        return self._opened()

    def _search_server(
        self, question: str, vector: NDArray[np.float32], k: int, documents: set[str] | None, selection: Selection
    ) -> SearchResult:
        derived = self._opened()
        try:
            return derived.search(question, vector, k, documents, selection)
        except StoreError:
            # So that the next search looks whether the server still has what it had.
            with self._guard:
                if self._derived is derived:
                    self._derived = None
            raise

    def check_embedder(self, *, pin: bool = False) -> None:
        """Raise ModelError unless the store's embedder is this one; `pin` makes it so in a store that has none.

        Raises StoreError for a copy of another store that was interrupted, which is neither asked nor added to.
        """
        if self.catalogue.setting(UNFINISHED):
            raise StoreError(f"{self.location} is an unfinished copy of another store; {FINISH_COPY} {self.location}")
        name, sha256 = self.catalogue.setting("embedder"), self.catalogue.setting("embedder_sha256")
        if sha256 is None:
            if pin:
                self.catalogue.set_settings(self._embedder_settings())
        elif sha256 != self.embedder.sha256:
            raise ModelError(
                f"the store {self.location} was embedded with {name} ({sha256[:12]}), not with {self.embedder.name} "
                f"({self.embedder.sha256[:12]}); use that embedder, or: qa index --re-embed --embedder "
                f"{self.embedder.name} --store {self.location}"
            )

    def re_embed(self) -> None:
        """Embed every passage anew with this embedder and pin the store to it, in one transaction."""
        self.sync()
        self.catalogue.re_embed(self.embedder.embed, self._embedder_settings())
        self.sync()

    def purge(self) -> None:
        """Leave nothing of what was removed or replaced in any file of the store; may take as long as indexing words
        anew. Raises StoreError where others keep it from that, or where servers keep the store."""
        with self._guard:
            if self._server is None:
                with self._alone():
                    self._purge_local()
        self.catalogue.purge()

    def _purge_local(self) -> None:
        derived = self._local()
        derived.catch_up(self.catalogue)
        derived.purge()
        self._derived = derived
        # Copies of a catalogue that a restoration which was killed left behind.
        for left in self.folder.glob(f"{RESTORING}*"):
            shutil.rmtree(left)

    def traces(self, document_id: str, passage_ids: Sequence[int]) -> dict[str, int]:
        """How many texts, passages and, on this machine, index entries are left of a document: none once it is gone."""
        self.sync()
        found = {
            "texts": int(self.catalogue.record(document_id) is not None),
            "passages": len(self.catalogue.embeddings(passage_ids)),
        }
        derived = self._opened()
        return found | (derived.traces(passage_ids) if isinstance(derived, LocalIndexes) else {})

    def check_derived(self) -> list[str]:
        """What differs between the search indexes on this machine and the catalogue, a sentence each; brings them up
        first. Empty where servers search."""
        with self._guard, self._alone():
            for _ in range(CHECKS):
                derived = self._local()
                derived.catch_up(self.catalogue)
                try:
                    return derived.problems()
                except StoreError:
                    if derived.generation == self.catalogue.generation():
                        raise
        raise StoreError(f"the store {self.location} changes faster than it can be checked; try again later")

    def rebuild_derived(self) -> None:
        """Make the search indexes on this machine anew from the catalogue."""
        with self._guard, self._alone():
            derived = self._local()
            derived.clear()
            derived.catch_up(self.catalogue)
            self._derived = derived

    def _local(self) -> LocalIndexes:
        derived = self._open_derived()
        if not isinstance(derived, LocalIndexes):
            raise StoreError(f"the store {self.location} is searched by a server, whose files are not at hand")
        return derived

    @property
    def searched_by_server(self) -> bool:
        """Whether its search indexes are in a server and not in files of this machine."""
        return self._server is not None

    def close(self) -> None:
        self.catalogue.close()
        if self._mirror is not None:
            self._mirror.cleanup()

    @property
    def cut_settings(self) -> CutSettings:
        """How its documents are cut."""
        return self._cut

    def _batches(self, documents: Iterable[Document | CutDocument]) -> Iterator[Batch]:
        """The documents with their passages, those that need none as what came of them; bounded in both."""
        batch: list[CutDocument | Change] = []
        passages = 0
        for given in documents:
            document = given.document if isinstance(given, CutDocument) else given
            known = self.catalogue.document(document.id)
            if known == document:
                batch.append(Change(document, False, 0))
            elif known is not None and known.reads_like(document) and self.catalogue.describe(document):
                batch.append(Change(document, True, 0))
            else:
                cut = given if isinstance(given, CutDocument) else self._cut_here(given)
                batch.append(cut)
                passages += len(cut.passages)
            if passages >= EMBED_TOGETHER or len(batch) >= WRITTEN_TOGETHER:
                yield batch
                batch, passages = [], 0
        if batch:
            yield batch

    def _cut_here(self, document: Document) -> CutDocument:
        return CutDocument(document, cut_passages(document, self.embedder.count_tokens, self._cut))

    def _embed(self, texts: list[str], progress: Callable[[int, int], None]) -> NDArray[np.float32]:
        parts = []
        for begin in range(0, len(texts), EMBED_BETWEEN_PROGRESS):
            progress(begin, len(texts))
            parts.append(self.embedder.embed(texts[begin : begin + EMBED_BETWEEN_PROGRESS]))
        progress(len(texts), len(texts))
        return np.concatenate(parts)

    def _embedder_settings(self) -> dict[str, str]:
        return {
            "embedder": self.embedder.name,
            "embedder_sha256": self.embedder.sha256,
            "dimensions": str(self.embedder.dimensions),
        }

    def _opened(self) -> Derived:
        assert self._derived is not None
        return self._derived

    def _open_derived(self) -> Derived:
        """The derived indexes as they are, empty where they are missing or of another catalogue."""
        dimensions = int(self.catalogue.setting("dimensions") or self.embedder.dimensions)
        if self._server is not None:
            from index.servers import ServerIndexes

            return ServerIndexes(*self._server, dimensions)
        return LocalIndexes(self._derived_folder(), self.catalogue, dimensions)

    def _derived_folder(self) -> Path:
        own = self.folder / DERIVED_FOLDER
        if not self._frozen:
            return own
        if self._mirror is None:
            self._mirror = tempfile.TemporaryDirectory(prefix="spanqa-")
            mirror(own, Path(self._mirror.name), up_to=COPIED_BYTES)
        return Path(self._mirror.name)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock on the derived indexes: of this folder, or of the servers where they are there."""
        try:
            if self._server is not None:
                with self._server[1].exclusive("search indexes", LOCK_TIMEOUT_S):
                    yield
            elif self._frozen:
                yield
            else:
                with FileLock(self.folder / "derived.lock", timeout=LOCK_TIMEOUT_S):
                    yield
        except (Timeout, TimeoutError) as error:
            raise StoreError(
                f"another process has been updating the store {self.location} for {LOCK_TIMEOUT_S} s; try again later"
            ) from error
        except OSError as error:
            raise StoreError(
                f"the indexes of the store {self.location} cannot be updated ({room_at(self.folder)}): {error}"
            ) from error


def _open_folder(folder: Path, *, create: bool) -> Catalogue:
    if not create and not (folder / CATALOGUE_FILE).is_file():
        raise StoreError(f"no store at {folder}; create it with: qa index PATH --store {folder}")
    return SqliteCatalogue(folder / CATALOGUE_FILE)
