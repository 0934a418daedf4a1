"""The store: catalogue, vector index and lexical index behind one door, kept in step by generation."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path

import numpy as np
from filelock import Timeout
from numpy.typing import NDArray

from index.catalogue.copying import RESTORED_OVER, UNFINISHED
from index.catalogue.integrity.audit import Damage, Problem
from index.catalogue.protocol import Catalogue
from index.disk.checksums import room_at
from index.documents import Document, Passage
from index.errors import ChangingError, DamageError, ModelError, StoreError
from index.location import Location
from index.models.embedder import Embedder
from index.pacing import Pacing
from index.search.index_folders import store_mark
from index.search.local import LocalIndexes
from index.search.protocol import Derived, SearchResult
from index.selection import EVERYTHING, Selection
from index.stopping import StoppedError, at_once
from index.store.backend import LOCK_TIMEOUT_S, open_backend
from index.store.engine import IndexingEngine
from index.store.filling import Batch, Change, CutDocument, Filling
from index.text.passages import CutSettings, cut_passages

# How many passages are embedded together, and of how many documents at most: documents are small, batches are fast.
# A batch is lost where work ends in the middle of it, so it is some seconds of it and no more.
EMBED_TOGETHER = 128
WRITTEN_TOGETHER = 256
GATHERED_S = 4.0
# And how many passages at a time where somebody watches, or waits for a turn: one batch of the embedder.
EMBED_BETWEEN_PROGRESS = 32
# How often a check, or the opening of search indexes, begins anew because a writer was faster.
CHECKS = 5
OPENINGS = 3
FINISH_COPY = "copy it to the end: qa migrate-store FROM"


class Store:
    """Documents that can be searched, in a folder or in servers (see `index.location`).

    The catalogue is the truth. The other two indexes are derived from it: they lag until `sync`, may be deleted, and
    are never believed without the catalogue (see `Catalogue.snapshot`).
    """

    def __init__(
        self, location: Location, embedder: Embedder, *, cut: CutSettings | None = None, create: bool = True
    ) -> None:
        self.location = location
        self.embedder = embedder
        self.backend = open_backend(location, create=create)
        self._cut = cut or CutSettings()
        self._guard = threading.RLock()
        self._derived: Derived | None = None

    @property
    def catalogue(self) -> Catalogue:
        """The truth about what the store holds."""
        return self.backend.catalogue

    @property
    def folder(self) -> Path:
        """What the store has on this machine: of one in servers, search indexes at most."""
        return self.backend.folder

    def put_all(
        self,
        documents: Iterable[Document | CutDocument],
        progress: Callable[[int, int], None] | None = None,
        *,
        engine: IndexingEngine | None = None,
        stop: threading.Event | None = None,
        pacing: Pacing | None = None,
        most_passages: int | None = None,
    ) -> Generator[Change, None, None]:
        """Add or replace documents, a transaction each batch; yields as they are stored. Call `sync` afterwards.

        An unchanged document costs no embedding. Memory is bounded by three batches of passages and their documents:
        one is cut while another is embedded and a third written. Where `documents` raises, whole batches before it are
        stored and yielded first. Close the iterator when leaving it early: a batch may still be on its way.

        Documents that come cut are not cut here, and an `engine` embeds in place of the store's embedder, several
        batches at once: memory is then bounded by as many more. `pacing` bounds documents, and says when a batch of
        passages is embedded. One of more than `most_passages` is refused, and the others go on (see `Change`).

        Once `stop` is set, what is embedded by then is stored and yielded, and StoppedError is raised.
        """
        self.check_embedder(pin=True)
        # Indexes of a catalogue that went back are noticed as long as they are ahead of it (see _open_derived).
        self.sync()
        watched = progress is not None or pacing is not None
        embed = partial(self._embed, progress=progress, pacing=pacing) if watched else self.embedder.embed
        filled = (
            # An engine looks by itself: it works on many batches at once.
            Filling(self.catalogue, engine.embed, engine.ahead) if engine else Filling(self.catalogue, embed, stop=stop)
        )
        with filled as filling:
            try:
                try:
                    for batch in self._batches(documents, stop, pacing, most_passages):
                        yield from filling.push(batch)
                except StoppedError:
                    raise
                except Exception:
                    yield from filling.drain()
                    raise
                yield from filling.drain()
            except StoppedError:
                yield from filling.settle()
                raise

    def put(
        self,
        document: Document,
        progress: Callable[[int, int], None] | None = None,
        *,
        pacing: Pacing | None = None,
    ) -> Change:
        """Add or replace one document, searchable on return. progress is called with (passages embedded, in all).

        Raises TooLongError for one that `pacing` does not take, and whatever a turn of it raises: nothing is stored
        then.
        """
        with closing(self.put_all([document], progress, pacing=pacing)) as changes:
            change = next(changes)
        self.sync()
        return change

    def remove(self, document_id: str) -> bool:
        """Remove a document, damaged or not; False where there is none with that id. It cannot answer once this
        returns."""
        # Damage, of this or another document, may keep the search indexes from being brought up, but not this: a hit is
        # looked up before it is read.
        with suppress(DamageError):
            self.sync()
        removed = self.catalogue.remove(document_id)
        if removed:
            with suppress(DamageError):
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
        if self.searched_by_server:
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
                self._derived = self._caught_up()

    def _caught_up(self) -> Derived:
        for _ in range(OPENINGS):
            pinned = self._pinned()
            derived = self._open_derived()
            try:
                derived.catch_up(self.catalogue)
            except ValueError:
                # Where it was embedded anew while they were opened, the vectors have another size now.
                if self._pinned() == pinned:
                    raise
                continue
            if self._pinned() == pinned:
                return derived
            # A backup was put in place, or all was embedded anew, in the middle: what they took in is of both.
            if isinstance(derived, LocalIndexes):
                derived.clear()
        raise ChangingError(f"the store {self.location} is being replaced or embedded anew; try again in a moment")

    def _pinned(self) -> tuple[str | None, ...]:
        return tuple(self.catalogue.setting(name) for name in ("store_id", "embedder_sha256", "dimensions"))

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
            if not self.searched_by_server:
                with self._alone():
                    self._purge_local()
        self.catalogue.purge()

    def _purge_local(self) -> None:
        derived = self.backend.open_local_indexes(self._dimensions())
        derived.catch_up(self.catalogue)
        derived.purge()
        self._derived = derived
        self.discard_others()

    def traces(self, document_id: str, passage_ids: Sequence[int]) -> dict[str, int]:
        """How many texts, passages and, on this machine, index entries are left of a document: none once it is gone."""
        with suppress(DamageError):
            self.sync()
        left = {
            "texts": int(self.catalogue.remains(document_id) is not None),
            "passages": int(np.isin(self.catalogue.passage_ids([document_id]), list(passage_ids)).sum()),
        }
        derived = self._derived
        return left | ({} if derived is None else derived.traces(passage_ids))

    def check_derived(self) -> list[str]:
        """What differs between the search indexes on this machine and the catalogue, a sentence each; brings them up
        first. Raises StoreError where a server searches."""
        with self._guard, self._alone():
            for _ in range(CHECKS):
                derived = self.backend.open_local_indexes(self._dimensions())
                derived.catch_up(self.catalogue)
                try:
                    return derived.problems()
                except StoreError:
                    if derived.generation == self.catalogue.generation():
                        raise
        raise StoreError(f"the store {self.location} changes faster than it can be checked; try again later")

    def mend(self, problems: Sequence[Problem]) -> list[str]:
        """Bring back in the catalogue what its sound texts allow; what was done, a sentence each.

        Raises ModelError where passages are to be embedded and this is not the store's embedder.
        """
        if any(problem.kind in (Damage.PASSAGES, Damage.EMBEDDINGS) for problem in problems):
            self.check_embedder()
        return self.catalogue.mend(problems, self._cut_and_embed)

    def _cut_and_embed(self, document: Document) -> tuple[list[Passage], NDArray[np.float32]]:
        cut = self._cut_here(document)
        if not cut.passages:
            return [], np.empty((0, self.embedder.dimensions), np.float32)
        return cut.passages, self._embed(cut.texts(), None, None)

    def rebuild_derived(self) -> None:
        """Make the search indexes on this machine anew from the catalogue."""
        with self._guard, self._alone():
            derived = self.backend.open_local_indexes(self._dimensions())
            derived.clear()
            derived.catch_up(self.catalogue)
            self._derived = derived

    def other_indexes(self) -> list[Path]:
        """Search indexes of other catalogues that lie in this store's folder (see `Backend.other_indexes`)."""
        return self.backend.other_indexes()

    def foreign_indexes(self) -> list[Path]:
        """Those of them that were not its own before a backup was restored over it: a restoration that was killed
        leaves those behind, which says nothing of the catalogue."""
        former = {store_mark(one) for one in (self.catalogue.setting(RESTORED_OVER) or "").split()}
        return [folder for folder in self.other_indexes() if store_mark(folder.name) not in former]

    def discard_others(self) -> None:
        """Remove those, and what a restoration that was killed left behind. Raises StoreError."""
        self.backend.discard_leftovers()

    @property
    def searched_by_server(self) -> bool:
        """Whether its search indexes are in a server and not in files of this machine."""
        return self.backend.searched_by_server

    @property
    def frozen(self) -> bool:
        """Whether it lies on a read-only disk, and can be asked but not changed."""
        return self.backend.frozen

    def close(self) -> None:
        self.backend.close()

    @property
    def cut_settings(self) -> CutSettings:
        """How its documents are cut."""
        return self._cut

    def _batches(
        self,
        documents: Iterable[Document | CutDocument],
        stop: threading.Event | None = None,
        pacing: Pacing | None = None,
        most_passages: int | None = None,
    ) -> Iterator[Batch]:
        """The documents with their passages, those that need none as what came of them; bounded in both, and in the
        time that gathering them takes."""
        batch: list[CutDocument | Change] = []
        passages, begun = 0, time.monotonic()
        for given in documents:
            document = given.document if isinstance(given, CutDocument) else given
            try:
                known = self.catalogue.document(document.id)
            except DamageError:
                # It is replaced by the one at hand, whatever is left of it.
                known = None
            if known == document:
                batch.append(Change(document, False, 0))
            elif known is not None and known.reads_like(document) and self.catalogue.describe(document):
                batch.append(Change(document, True, 0))
            else:
                with at_once(stop):
                    cut = given if isinstance(given, CutDocument) else self._cut_here(given)
                if pacing is not None:
                    pacing.require_few(cut.passages)
                if most_passages is not None and len(cut.passages) > most_passages:
                    reason = f"comes to {len(cut.passages):,} passages, more than the {most_passages:,} that are taken"
                    batch.append(Change(document, False, 0, reason))
                else:
                    batch.append(cut)
                    passages += len(cut.passages)
            full = passages >= EMBED_TOGETHER or len(batch) >= WRITTEN_TOGETHER
            if full or time.monotonic() - begun >= GATHERED_S:
                yield batch
                batch, passages, begun = [], 0, time.monotonic()
        if batch:
            yield batch

    def _cut_here(self, document: Document) -> CutDocument:
        return CutDocument(document, cut_passages(document, self.embedder.count_tokens, self._cut))

    def _embed(
        self, texts: list[str], progress: Callable[[int, int], None] | None, pacing: Pacing | None
    ) -> NDArray[np.float32]:
        turn: Callable[[], AbstractContextManager[None]] = nullcontext if pacing is None else pacing.turn
        parts = []
        for begin in range(0, len(texts), EMBED_BETWEEN_PROGRESS):
            if progress is not None:
                progress(begin, len(texts))
            with turn():
                parts.append(self.embedder.embed(texts[begin : begin + EMBED_BETWEEN_PROGRESS]))
        if progress is not None:
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
        return self.backend.open_indexes(self._dimensions())

    def _dimensions(self) -> int:
        return int(self.catalogue.setting("dimensions") or self.embedder.dimensions)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock on the derived indexes."""
        try:
            with self.backend.lock_indexes():
                yield
        except (Timeout, TimeoutError) as error:
            raise StoreError(
                f"another process has been updating the store {self.location} for {LOCK_TIMEOUT_S} s; try again later"
            ) from error
        except OSError as error:
            raise StoreError(
                f"the indexes of the store {self.location} cannot be updated ({room_at(self.folder)}): {error}"
            ) from error
