"""Storing one uploaded document: on what condition, with what progress."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from starlette.types import Scope

from api import sse
from api.problems import CHANGED, ProblemError, problem_of
from api.service.access import Access
from api.service.auditing import note_change
from api.service.service import Service
from api.service.uploading.abandoning import Abandonment
from index.documents import Document, DocumentRecord
from index.errors import AbandonedError, DamageError
from index.pacing import Pacing
from index.store.store import Store


def etag_of(record: DocumentRecord) -> str:
    """A strong ETag of all that is known of a document, its text's hash among it (RFC 9110, section 8.8.3)."""
    # Escaped to ASCII: what is left of a damaged document may be no Unicode.
    return f'"{hashlib.sha256(json.dumps(record.model_dump()).encode("ascii")).hexdigest()[:32]}"'


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a request's conditions say of the document as it is (RFC 9110, section 13.1)."""

    if_match: str | None = None
    if_none_match: str | None = None

    @staticmethod
    def matches(header: str, etag: str, *, strongly: bool = False) -> bool:
        """Whether one of a header's ETags is this one; `*` is any. One that is weak (`W/`) is none `strongly`."""
        given = [part.strip() for part in header.split(",")]
        return "*" in given or etag in [part if strongly else part.removeprefix("W/") for part in given]

    def require(self, record: DocumentRecord | None) -> None:
        """Raise ProblemError 412 unless the document, None where there is none, is as expected."""
        met = self.if_match is None or (
            record is not None and self.matches(self.if_match, etag_of(record), strongly=True)
        )
        if not met:
            raise ProblemError(CHANGED, "the document is not the one that If-Match names")
        if self.if_none_match is not None and record is not None and self.matches(self.if_none_match, etag_of(record)):
            raise ProblemError(CHANGED, "there is a document already that If-None-Match excludes")


@dataclass(slots=True)
class Put:
    """A document that is to be stored for whom `access` says; `progress` is how far that is, None before it begins;
    `replaces` whether another version was there."""

    access: Access
    load: Callable[[], Document]
    expectation: Expectation = Expectation()
    progress: dict[str, Any] | None = field(default=None)
    replaces: bool = False
    abandonment: Abandonment = field(default_factory=Abandonment)

    async def events(self, service: Service, scope: Scope) -> AsyncIterator[str]:
        """The events of storing it."""
        task = service.start(put(service, self))
        async for text in sse.progress_of(task, lambda: self.progress):
            yield text
        error = task.exception()
        if error is not None:
            yield sse.event("problem", problem_of(scope, error).model_dump(exclude_none=True))
        else:
            record, changed = task.result()
            yield sse.event("stored", {"changed": changed, "document": record.model_dump(), "etag": etag_of(record)})


async def put(service: Service, job: Put) -> tuple[DocumentRecord, bool]:
    """Store a document when its turn comes; returns its record and whether anything changed.

    Raises ProblemError where there is no room, the models are not loaded, or a condition is not met, and AbandonedError
    where it was given up: nothing is stored then.
    """
    record, changed = await service.upload(job.access.client, partial(_put, service, job), job.abandonment)
    if changed and job.replaces:
        service.purging.note()
    return record, changed


def _known(store: Store, document_id: str) -> DocumentRecord | None:
    """The document that is replaced; of one that is damaged what can be read, since replacing it mends it."""
    try:
        return store.catalogue.record(document_id)
    except DamageError:
        return store.catalogue.remains(document_id)


def _put(service: Service, job: Put) -> tuple[DocumentRecord, bool]:
    store: Store = service.engine.store
    begun = time.perf_counter()
    job.progress = {"stage": "reading", "done": 0, "total": 0}

    def advance(done: int, total: int) -> None:
        job.progress = {"stage": "embedding", "done": done, "total": total}

    @contextmanager
    def turn() -> Iterator[None]:
        job.abandonment.require()
        with service.turns.batch():
            job.abandonment.require()
            yield

    pacing = Pacing(turn, service.settings.max_document_characters, service.settings.max_document_passages)
    try:
        job.abandonment.require()
        document = job.load()
        pacing.require_short(document)
        loaded = time.perf_counter()
        with service.taken.hold(document.id, job.abandonment):
            known = _known(store, document.id)
            job.expectation.require(known)
            job.replaces = known is not None
            change = store.put(document, advance, pacing=pacing)
    except Exception as error:
        service.metrics.count_failed_upload("abandoned" if isinstance(error, AbandonedError) else "failed")
        raise
    service.metrics.count_upload(
        {"read": loaded - begun, "store": time.perf_counter() - loaded}, changed=change.changed
    )
    if change.changed:
        note_change(store, job.access.actor, "documents put", document.id)
    record = store.catalogue.record(document.id)
    if record is None:
        raise ProblemError(CHANGED, "the document was stored, and removed again by another request")
    return record, change.changed
