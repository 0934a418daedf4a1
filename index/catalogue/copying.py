"""Copying a store's catalogue into another: online, resumable, and checked by hashes of all that it holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from index.catalogue.protocol import Catalogue, Entry
from index.documents import Source
from index.errors import StoreError

# How many passages, and documents at most, are copied in one transaction.
PASSAGES_TOGETHER = 2_000
DOCUMENTS_TOGETHER = 256
# How often the whole is compared while others go on changing the store that is copied.
ROUNDS = 20
CLAIM = "copied_from"
# Set in a store until all of another was copied into it: such a one is neither asked nor added to.
UNFINISHED = "unfinished_copy"
# Set in a store that a backup was put in place of: the ids that it had, the latest first.
RESTORED_OVER = "restored_over"
# What is a store's own, not what it holds.
_OWN_SETTINGS = {"store_id", "generation", "format_version", CLAIM, UNFINISHED, RESTORED_OVER}


@dataclass(frozen=True, slots=True)
class Moved:
    """What a copy came to: counts, and one hash over every document, passage, vector, file record and setting."""

    documents: int
    passages: int
    sha256: str
    generation: int
    copied: int
    removed: int


@dataclass(frozen=True, slots=True)
class _Claim:
    """What the target knows of its copying: from which store, how far by passage numbers, and the generations between
    which its own must lie, or somebody else has changed it."""

    store_id: str
    after: int
    least: int
    most: int


def copy_catalogue(source: Catalogue, target: Catalogue, progress: Callable[[int, int], None]) -> Moved:
    """Make the target hold what the source holds, embeddings included; progress is called with (passages done, all).

    The source may be changed meanwhile. Interrupted, the next call goes on; until it is done, the target says that it
    is unfinished, and is not searched (see `Store.check_embedder`). Returns once both hold the same, at a generation of
    the source that did not change while they were compared.

    Raises StoreError where the target holds documents that this did not put there, or was changed by somebody else, or
    where the source changes all the time.
    """
    copying = _Copying(source, target)
    copying.fill(progress)
    for _ in range(ROUNDS):
        before = source.generation()
        copying.copy_settings()
        copying.copy_sources()
        sha256 = copying.copy_differences()
        if sha256 is not None and source.generation() == before:
            copying.claim(0)
            documents, passages = target.counts()
            if (documents, passages) == source.counts():
                copying.finish()
                return Moved(documents, passages, sha256, before, copying.copied, copying.removed)
    raise StoreError(
        f"the store that is copied was changed each of the {ROUNDS} times that both were compared; what is copied is "
        "kept: stop its writers for a moment and give the same command again"
    )


def contents_sha256(catalogue: Catalogue) -> str:
    """A hash over every document, passage, vector, file record and setting of a catalogue, and the order of passages:
    two that indexed the same files by different ways have the same."""
    digest = hashlib.sha256()
    after = ""
    while ids := catalogue.document_ids(after, DOCUMENTS_TOGETHER):
        hashes_by_id = _hashes(catalogue, ids)
        digest.update("".join(f"{one} {hashes_by_id[one]}\n" for one in ids).encode())
        after = ids[-1]
    place = 0
    while (page := catalogue.document_order(place, PASSAGES_TOGETHER))[0]:
        ordered, place = page
        digest.update(json.dumps(ordered).encode())
    digest.update(_described(catalogue).encode())
    return digest.hexdigest()


class _Copying:
    def __init__(self, source: Catalogue, target: Catalogue) -> None:
        self._source = source
        self._target = target
        self.copied = self.removed = 0
        if source.setting(UNFINISHED):
            raise StoreError("the store to copy is an unfinished copy itself; copy it to the end first")
        self._store_id = source.setting("store_id") or ""
        if self._store_id == target.setting("store_id"):
            raise StoreError("a store is not copied into itself; name another")
        known = target.setting(CLAIM)
        if known:
            self._claim = _Claim(**json.loads(known))
            if self._claim.store_id != self._store_id:
                raise StoreError("the store to copy into was copied from another store; name an empty one")
            self._require_untouched()
        elif not target.is_empty():
            raise StoreError(
                "the store to copy into holds documents of its own, which would be lost; name one that is empty or "
                "not there yet"
            )
        else:
            self._claim = _Claim(self._store_id, 0, target.generation(), target.generation())

    def fill(self, progress: Callable[[int, int], None]) -> None:
        """Copy all documents in the order of their passages, so that equally good hits stand in the same order."""
        _, total = self._source.counts()
        self.copy_settings()
        done = self._target.counts()[1]
        progress(done, max(total, done))
        while True:
            ids, last = self._source.document_order(self._claim.after, PASSAGES_TOGETHER)
            if not ids:
                return
            for batch in _batches(ids):
                done += self._put(batch)
                progress(done, max(total, done))
            self.claim(0, after=last)

    def finish(self) -> None:
        """Note in the target that it is whole."""
        if self._target.setting(UNFINISHED):
            self._target.set_settings({UNFINISHED: ""})

    def copy_settings(self) -> None:
        values = _shared_settings(self._source)
        if values != _shared_settings(self._target):
            # A setting is never removed, only emptied.
            gone = dict.fromkeys(set(_shared_settings(self._target)) - set(values), "")
            self._target.set_settings(values | gone)

    def copy_sources(self) -> None:
        """Copy what is known of indexed files; where the source forgot one, the target does."""
        for collection in {*self._source.source_collections(), *self._target.source_collections()}:
            wanted, there = self._source.sources(collection), self._target.sources(collection)
            gone = sorted(set(there) - set(wanted))
            new: dict[Source, None] = {entry: None for uri, entry in wanted.items() if there.get(uri) != entry}
            if gone or new:
                self.claim(2)
            if gone:
                # Documents of theirs that the source keeps come again with the differences.
                self.removed += len(self._target.remove_sources(collection, gone))
            if new:
                self._target.keep_sources(collection, new)

    def copy_differences(self) -> str | None:
        """Copy documents that differ, and remove those that the source has no more. Where there was nothing to do, the
        hash of all that both hold."""
        same = True
        digest = hashlib.sha256()
        for ids, wanted, there in self._compared():
            for one in ids:
                digest.update(f"{one} {wanted.get(one)}\n".encode())
            differing = [one for one in ids if wanted.get(one) != there.get(one)]
            if not differing:
                continue
            same = False
            for batch in _batches([one for one in differing if one in wanted]):
                self._put(batch, anew=True)
            for one in differing:
                if one not in wanted:
                    self.claim(1)
                    self.removed += self._target.remove(one)
        described = _described(self._target)
        if not same or described != _described(self._source):
            return None
        digest.update(described.encode())
        return digest.hexdigest()

    def claim(self, changes: int, after: int | None = None) -> None:
        """Note in the target that it is a copy, about to be changed so many times by this."""
        self._require_untouched()
        generation = self._target.generation()
        place = self._claim.after if after is None else after
        self._claim = _Claim(self._store_id, place, generation, generation + changes)
        values = {name: getattr(self._claim, name) for name in _Claim.__slots__}
        # Once it is changed, and until both were found to hold the same, it is of no moment of the source.
        unfinished = {UNFINISHED: "yes"} if changes else {}
        self._target.set_settings({CLAIM: json.dumps(values)} | unfinished)

    def _require_untouched(self) -> None:
        if not self._claim.least <= self._target.generation() <= self._claim.most:
            raise StoreError(
                "the store to copy into was changed since it was copied, and its changes would be lost; name an empty "
                "one"
            )

    def _put(self, ids: Sequence[str], *, anew: bool = False) -> int:
        """Copy these documents where they still exist; how many passages came with them."""
        entries = self._source.entries(ids)
        if anew:
            # The same document with other passages or vectors would be taken for unchanged.
            there = self._target.documents([entry[0].id for entry in entries])
            for known in sorted(there):
                self.claim(1)
                self._target.remove(known)
        self.claim(len(entries))
        changed = self._target.put_all(entries)
        self.copied += sum(changed)
        if anew and any(document.source for document, _, _ in entries):
            # Putting a document in place of another forgets the file of that one.
            self.copy_sources()
        return sum(len(cut) for (_, cut, _), new in zip(entries, changed, strict=True) if new)

    def _compared(self) -> Iterator[tuple[list[str], dict[str, str], dict[str, str]]]:
        """The ids of all documents of either, in batches, with the hashes of them in the source and in the target."""
        after = ""
        while True:
            pages = [each.document_ids(after, DOCUMENTS_TOGETHER) for each in (self._source, self._target)]
            # Up to where both pages reach: behind it, one of them may go on.
            full = [page[-1] for page in pages if len(page) == DOCUMENTS_TOGETHER]
            ids = sorted({one for page in pages for one in page if not full or one <= min(full)})
            if not ids:
                return
            yield ids, _hashes(self._source, ids), _hashes(self._target, ids)
            after = ids[-1]


def _shared_settings(catalogue: Catalogue) -> dict[str, str]:
    return {name: value for name, value in catalogue.settings().items() if name not in _OWN_SETTINGS and value}


def _described(catalogue: Catalogue) -> str:
    """Settings and file records as text."""
    collections = sorted(catalogue.source_collections())
    files = {one: sorted(map(repr, catalogue.sources(one).values())) for one in collections}
    return json.dumps([sorted(_shared_settings(catalogue).items()), sorted(files.items())])


def _hashes(catalogue: Catalogue, ids: Sequence[str]) -> dict[str, str]:
    hashes_by_id: dict[str, str] = {}
    for begin in range(0, len(ids), DOCUMENTS_TOGETHER // 8):
        for entry in catalogue.entries(ids[begin : begin + DOCUMENTS_TOGETHER // 8]):
            hashes_by_id[entry[0].id] = _sha256(entry)
    return hashes_by_id


def _sha256(entry: Entry) -> str:
    """The hash of a document with its text, passages and vectors."""
    document, cut, vectors = entry
    digest = hashlib.sha256(document.model_dump_json().encode("utf-8", "surrogatepass"))
    for passage in cut:
        digest.update(json.dumps([passage.start, passage.end, passage.context]).encode())
    digest.update(vectors.astype("<f4").tobytes())
    return digest.hexdigest()


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for begin in range(0, len(ids), DOCUMENTS_TOGETHER):
        yield ids[begin : begin + DOCUMENTS_TOGETHER]
