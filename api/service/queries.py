"""What may be looked up without a reader: documents, passages and citations, within what an access sees."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from api.problems import INVALID, NOT_FOUND, ProblemError
from api.schemas import (
    CitationList,
    DocumentList,
    DocumentText,
    FoundPassage,
    ListPlace,
    ListQuery,
    SearchRequest,
    SearchResponse,
    SearchTimes,
    VerdictList,
)
from api.service.access import Access
from index.catalogue.protocol import Documents
from index.documents import Document, DocumentRecord, DocumentVersion
from index.errors import DamageError
from index.store.store import Store
from qa.asking.asked import Asked
from qa.citing.verify import DocumentSource, Verdict, verify
from qa.engine import Engine
from qa.retrieval.retriever import RetrievedPassage
from qa.types import Citation, DocumentRef, Question


def find_record(store: Store, document_id: str, access: Access) -> DocumentRecord:
    """A document's record; raises ProblemError 404 where there is none, or none that the access sees."""
    record = store.catalogue.record(document_id)
    if record is None or not access.sees(record.collection):
        raise ProblemError(NOT_FOUND, f"no document has the id {document_id[:100]!r}")
    return record


def find_remains(store: Store, document_id: str, access: Access) -> DocumentRecord:
    """As `find_record`, of a damaged document what can be read: for whoever removes or replaces it."""
    try:
        return find_record(store, document_id, access)
    except DamageError:
        record = store.catalogue.remains(document_id)
    if record is None or not access.sees(record.collection):
        raise ProblemError(NOT_FOUND, f"no document has the id {document_id[:100]!r}")
    return record


def read_text(store: Store, document_id: str, access: Access) -> DocumentText:
    """A document's text; raises ProblemError as `find_record` does."""
    document = store.catalogue.document(document_id)
    if document is None or not access.sees(document.collection):
        raise ProblemError(NOT_FOUND, f"no document has the id {document_id[:100]!r}")
    return DocumentText(id=document.id, sha256=document.sha256, text=document.text)


def list_records(store: Store, query: ListQuery, access: Access) -> DocumentList:
    """A page of the documents that the filters leave and the access sees; raises ProblemError 422 for a bad cursor."""
    selection = access.narrow(query).selection()
    after = _cursor_place(query.cursor) if query.cursor is not None else None
    # One more than are shown tells whether there are more.
    records = store.catalogue.records(selection, after=after, limit=query.limit + 1, offset=query.offset)
    shown = tuple(records[: query.limit])
    following = _cursor(shown[-1]) if len(records) > query.limit else None
    return DocumentList(documents=shown, total=store.catalogue.count(selection), next_cursor=following)


def _cursor(record: DocumentRecord) -> str:
    place = json.dumps([record.uri, record.collection], separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(place.encode("utf-8")).decode("ascii")


def _cursor_place(cursor: str) -> tuple[str, str]:
    try:
        place = json.loads(base64.b64decode(cursor.encode("ascii"), b"-_", validate=True))
        uri, collection = place
        # Encoding says whether the catalogue could take it: JSON may spell half a character.
        if isinstance(uri, str) and isinstance(collection, str) and f"{uri}{collection}".encode():
            return uri, collection
    except (ValueError, TypeError, binascii.Error, RecursionError):
        pass
    raise ProblemError(INVALID, "cursor: is not the next_cursor of a list")


def search_passages(engine: Engine, request: SearchRequest, access: Access) -> SearchResponse:
    """The passages that would be read for a question, of the documents that the access sees."""
    filters = access.narrow(request.filters)
    question = Question(question=request.question, passages=request.passages, filters=filters)
    retrieved = engine.retrieve([Asked(question)])[0]
    if access.collections is not None:
        retrieved = replace(retrieved, passages=_apart_from_others(engine, request.question, retrieved.passages))
    refs = {document.id: _ref(document) for document in retrieved.snapshot.documents.values()}
    return SearchResponse(
        question=request.question,
        reason=retrieved.reason,
        passages=tuple(
            _passage(rank, entry, refs[entry.passage.document_id])
            for rank, entry in enumerate(retrieved.passages, start=1)
        ),
        store_generation=retrieved.snapshot.generation if access.collections is None else None,
        elapsed_ms=SearchTimes(embed=round(retrieved.embed_ms, 2), retrieve=round(retrieved.retrieve_ms, 2)),
    )


def _apart_from_others(engine: Engine, question: str, passages: Sequence[RetrievedPassage]) -> list[RetrievedPassage]:
    """The passages with numbers that do not move with documents of other collections: without scores of the word
    search, which counts how common words are in the whole store, with the reciprocal of the rank for the fused score,
    which they are part of, and with inner products of each vector for itself, since the last digits of an index's own
    depend on what else it holds."""
    if not passages:
        return []
    query = engine.store.embedder.embed([question])[0].astype(np.float64)
    vectors = engine.store.catalogue.embeddings([entry.passage.id for entry in passages])
    shown = []
    for rank, entry in enumerate(passages, start=1):
        vector = vectors.get(entry.passage.id)
        similarity = entry.similarity if vector is None else round(float(vector.astype(np.float64) @ query), 6)
        dense_score = None if entry.hit.dense_score is None else similarity
        hit = replace(entry.hit, score=1 / rank, lexical_score=None, dense_score=dense_score)
        shown.append(replace(entry, hit=hit, similarity=similarity))
    return shown


def _passage(rank: int, entry: RetrievedPassage, ref: DocumentRef) -> FoundPassage:
    hit = entry.hit
    return FoundPassage(
        rank=rank,
        document=ref,
        start=entry.passage.start,
        end=entry.passage.end,
        text=entry.passage.text,
        context=entry.passage.context,
        score=hit.score,
        similarity=entry.similarity,
        dense=_place(hit.dense_rank, hit.dense_score),
        lexical=_place(hit.lexical_rank, hit.lexical_score),
    )


def _place(rank: int | None, score: float | None) -> ListPlace | None:
    return None if rank is None else ListPlace(rank=rank, score=score)


def _ref(document: DocumentVersion) -> DocumentRef:
    return DocumentRef(
        id=document.id, uri=document.uri, title=document.title, sha256=document.sha256, date=document.date
    )


class VisibleDocuments:
    """The documents of a catalogue that an access sees; the others are not there."""

    def __init__(self, catalogue: Documents, access: Access) -> None:
        self._catalogue = catalogue
        self._access = access

    def document(self, document_id: str) -> Document | None:
        document = self._catalogue.document(document_id)
        return document if document is not None and self._access.sees(document.collection) else None


class _ReadOnce:
    """Documents of a source, each read once: citations sent together are judged by the same version."""

    def __init__(self, source: DocumentSource) -> None:
        self._source = source
        self._known: dict[str, Document | None] = {}

    def document(self, document_id: str) -> Document | None:
        if document_id not in self._known:
            self._known[document_id] = self._source.document(document_id)
        return self._known[document_id]


def verify_all(source: DocumentSource, citations: Citation | CitationList) -> Verdict | VerdictList:
    """A verdict for one citation, verdicts for a list in its order."""
    if isinstance(citations, Citation):
        return verify(citations, source)
    verdicts: dict[int, Verdict] = {}
    # Document by document, so that one text at a time is held.
    by_document = sorted(enumerate(citations.citations), key=lambda entry: entry[1].document.id)
    for _, group in groupby(by_document, key=lambda entry: entry[1].document.id):
        once = _ReadOnce(source)
        verdicts |= {number: verify(citation, once) for number, citation in group}
    return VerdictList(verdicts=tuple(verdicts[number] for number in range(len(verdicts))))
