"""Indexing files and folders into a store, as `qa index` does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from index.documents import DEFAULT_COLLECTION, Document, Source, document_id
from index.errors import InputError
from index.ingest.plan import KnownFile, Plan, plan, require_some, stamp_of
from index.loading.files import NotRead, read_documents
from index.stopping import StoppedError, at_once
from index.store.engine import IndexingEngine
from index.store.filling import CutDocument
from index.store.store import Store

# How many files are recorded as read in one transaction; one each would cost as much as their documents.
NOTED_TOGETHER = 200
# The most passages of one document: ten times what a server accepts in one request; about 40 MB of prose, or as many
# rows of a table.
MOST_PASSAGES = 100_000
# Files are recorded at least this often, so that little is read again after a crash.
NOTED_S = 4.0


@dataclass(slots=True)
class Report:
    """The result of indexing, counted in files; `passages` counts those of new and changed files.

    `failed` pairs each file or folder that could not be read with the reason; the last good version of a file is kept.
    `partly_read` are the documents, of those that were read in this run, with parts that were not.
    `interrupted` means that indexing was stopped with `left` files still to do; the next run continues with them.
    """

    plan: Plan
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    passages: int = 0
    interrupted: bool = False
    failed: list[tuple[Path, str]] = field(default_factory=list)
    left: int = 0
    partly_read: list[Document] = field(default_factory=list)

    @property
    def passed_over(self) -> int:
        return self.plan.passed_over


def index_paths(
    store: Store,
    paths: Sequence[Path],
    progress: Callable[[int, int], None] | None = None,
    *,
    collection: str = DEFAULT_COLLECTION,
    tags: Sequence[str] | None = None,
    prune: bool | None = None,
    engine: IndexingEngine | None = None,
    stop: threading.Event | None = None,
    most_passages: int = MOST_PASSAGES,
) -> Report:
    """Bring a collection up to date with files and folders: new files are added, changed ones replaced, and those gone
    from a folder removed (see `index.ingest.plan.plan` for `prune`, and for what does not count as gone).

    A file that cannot be read is reported, and the others are still indexed. With `tags` None, documents keep their
    tags. `progress` is called with (files done, files in all). An `engine` reads, cuts and embeds elsewhere, with the
    same result in the store. Once `stop` is set, work in hand is finished or dropped, and the report says how far it
    got. A document of more than `most_passages` passages is reported, and its last good version is kept.

    Raises InputError if a named path does not exist, or if there is no file of a kind that can be read.
    """
    try:
        with at_once(stop):
            made = plan(paths, store.catalogue, collection, prune=prune)
    except StoppedError:
        return Report(Plan(), interrupted=True)
    require_some(made, paths)
    return follow(
        store,
        made,
        progress,
        collection=collection,
        tags=tags,
        engine=engine,
        stop=stop,
        most_passages=most_passages,
    )


def follow(
    store: Store,
    made: Plan,
    progress: Callable[[int, int], None] | None = None,
    *,
    collection: str = DEFAULT_COLLECTION,
    tags: Sequence[str] | None = None,
    engine: IndexingEngine | None = None,
    stop: threading.Event | None = None,
    most_passages: int = MOST_PASSAGES,
) -> Report:
    """Carry out a plan, until it is done or `stop` is set."""
    return _Run(store, made, collection, tags, progress, engine=engine, stop=stop, most_passages=most_passages).run()


class _Run:
    """One run. A file counts as read once all of its documents are stored; after an earlier crash it is read again."""

    def __init__(
        self,
        store: Store,
        made: Plan,
        collection: str,
        tags: Sequence[str] | None,
        progress: Callable[[int, int], None] | None,
        *,
        engine: IndexingEngine | None,
        stop: threading.Event | None,
        most_passages: int,
    ) -> None:
        self._store = store
        self._collection = collection
        self._tags = None if tags is None else tuple(tags)
        self._progress = progress
        self._engine = engine
        self._stop = stop
        self._most_passages = most_passages
        self._noted = time.monotonic()
        self._report = Report(made, failed=[*made.unreadable, *made.refused])
        self._open: dict[str, _Reading] = {}
        self._read: dict[Source, list[str] | None] = {}
        self._stored: set[str] = set()
        self._done = 0

    def run(self) -> Report:
        report = self._report
        try:
            if report.plan.gone:
                self._store.sync()
                self._store.catalogue.remove_sources(self._collection, report.plan.gone)
                report.removed = len(report.plan.gone)
            put = self._store.put_all(
                self._documents(), engine=self._engine, stop=self._stop, most_passages=self._most_passages
            )
            with closing(put) as changes:
                for change in changes:
                    reading = self._open[change.document.source or ""]
                    reading.waiting -= 1
                    if change.refused:
                        reading.documents -= 1
                        reason = f"{change.document.uri}: {change.refused}; divide it, or raise --max-passages"
                        self._part_failed(reading, NotRead(reason))
                    elif change.document.unread:
                        # Without its text, which may be long: only what it is called and lacks is told.
                        report.partly_read.append(change.document.model_copy(update={"text": "", "rows": ()}))
                    reading.changed |= change.changed
                    report.passages += change.passages
                    self._finish_if_read(reading)
            self._drop_moved()
        except StoppedError:
            report.interrupted, report.left = True, len(report.plan.files) - self._done
        finally:
            # Even when interrupted: committed documents must be searchable, and read files must not be read again.
            self._note()
            self._store.sync()
        return report

    def _drop_moved(self) -> None:
        """Remove what the files of moved content were indexed as before, where they are stored now."""
        moved = [old for new, old in self._report.plan.moved.items() if new in self._stored]
        if moved:
            self._note()
            self._store.sync()
            self._store.catalogue.remove_sources(self._collection, moved)

    def _documents(self) -> Iterator[Document | CutDocument]:
        files = self._report.plan.files
        wanted = (file.path for file in files if not self._need_not_read(file))
        reads = self._engine.read(wanted) if self._engine else map(read_documents, wanted)
        for file in files:
            uri = file.path.as_uri()
            if self._need_not_read(file):
                if file.source is not None and file.state != "unchanged":
                    self._read[file.source] = None
                self._count_unchanged()
                continue
            reading = self._open[uri] = _Reading(file)
            try:
                for entry in self._entries(reads):
                    if isinstance(entry, NotRead):
                        self._part_failed(reading, entry)
                        continue
                    whole = entry.document if isinstance(entry, CutDocument) else entry
                    document = self._described(whole, uri)
                    reading.ids.append(document.id)
                    reading.same_bytes &= file.source is not None and document.source_sha256 == file.source.sha256
                    reading.waiting += 1
                    reading.documents += 1
                    # The description of a document does not affect how its text is cut.
                    yield CutDocument(document, entry.passages) if isinstance(entry, CutDocument) else document
            except InputError as error:
                self._report.failed.append((file.path, str(error)))
                reading.failed = True
            reading.complete = True
            self._finish_if_read(reading)

    def _entries(
        self, reads: Iterator[Iterator[Document | CutDocument | NotRead]]
    ) -> Iterator[Document | CutDocument | NotRead]:
        """The contents of the next file; reading is interrupted once `stop` is set."""
        with at_once(self._stop):
            parts = next(reads)
        while True:
            with at_once(self._stop):
                part = next(parts, None)
            if part is None:
                return
            yield part

    def _need_not_read(self, file: KnownFile) -> bool:
        if self._tags is not None:
            return False
        return file.state == "unchanged" or (file.state == "touched" and file.source is not None)

    def _part_failed(self, reading: _Reading, part: NotRead) -> None:
        path = reading.file.path
        self._report.failed.append((path, part.reason))
        # The last good version of an unreadable part is kept, and reading it is tried again next time.
        reading.parts_failed = True
        if part.uri:
            reading.ids.append(document_id(part.uri, self._collection))

    def _described(self, document: Document, source: str) -> Document:
        described = document.model_copy(update={"collection": self._collection, "source": source})
        if self._tags is not None:
            return described.model_copy(update={"tags": tuple(dict.fromkeys(self._tags))})
        known = self._store.catalogue.record(described.id)
        if known is None and source in self._report.plan.moved:
            # What was said of a file holds wherever it is.
            before = described.uri.replace(source, self._report.plan.moved[source], 1)
            known = self._store.catalogue.record(document_id(before, self._collection))
        return described if known is None or described.tags else described.model_copy(update={"tags": known.tags})

    def _finish_if_read(self, reading: _Reading) -> None:
        if not reading.complete or reading.waiting:
            return
        del self._open[reading.file.path.as_uri()]
        self._advance()
        if reading.failed:
            return
        source = reading.file.source
        if source is not None:
            # A file that changed while it was read is read again, since it is not known which content was loaded.
            settled = reading.same_bytes or (source.stamp and stamp_of(reading.file.path) == source.stamp)
            whole = settled and not reading.parts_failed
            self._read[source if whole else replace(source, sha256="", stamp="")] = reading.ids
        if reading.parts_failed and not reading.documents:
            # Every part was reported; nothing of the file was stored.
            pass
        elif reading.file.state == "new":
            self._stored.add(reading.file.path.as_uri())
            self._report.added += 1
        elif reading.changed:
            self._report.changed += 1
        else:
            self._report.unchanged += 1
        if len(self._read) >= NOTED_TOGETHER or time.monotonic() - self._noted >= NOTED_S:
            self._note()

    def _note(self) -> None:
        if self._read:
            self._store.catalogue.keep_sources(self._collection, self._read)
            self._read = {}
        self._noted = time.monotonic()

    def _count_unchanged(self) -> None:
        self._report.unchanged += 1
        self._advance()

    def _advance(self) -> None:
        self._done += 1
        if self._progress:
            self._progress(self._done, len(self._report.plan.files))


@dataclass(slots=True)
class _Reading:
    """A file whose documents are being stored; `documents` counts them, `waiting` those that are not stored yet."""

    file: KnownFile
    ids: list[str] = field(default_factory=list)
    waiting: int = 0
    documents: int = 0
    same_bytes: bool = True
    failed: bool = False
    parts_failed: bool = False
    changed: bool = False
    complete: bool = False
