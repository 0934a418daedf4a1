"""Routes that answer, search and check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Body, Depends

from api.http.examples import (
    ABSTENTION,
    CITATION,
    FORMATTED,
    QUESTION,
    RESPONSE,
    SEARCH_REQUEST,
    SEARCH_RESPONSE,
    VERDICT,
)
from api.http.openapi import example, examples, links, problems
from api.schemas import (
    CitationList,
    FoundPassage,
    ListPlace,
    OneOrManyCitations,
    SearchRequest,
    SearchResponse,
    SearchTimes,
    VerdictList,
)
from api.service.access import Access, AccessDep
from api.service.service import ServiceDep, require_json
from index.catalogue.protocol import Documents
from index.documents import Document, DocumentVersion
from qa.asking.asked import Asked
from qa.citing.formats import FormattedCitation, formatted
from qa.citing.verify import DocumentSource, Verdict, verify
from qa.engine import Engine
from qa.retrieval.retriever import RetrievedPassage
from qa.types import Citation, DocumentRef, Question, Response

_CITATION = "$response.body#/answers/0/citation"
router = APIRouter(prefix="/v1", dependencies=[Depends(require_json)])
_BODY_PROBLEMS = problems(
    _400="The body is not JSON.",
    _413="The body is too large.",
    _415="The body is not application/json.",
    _422="A field is missing or wrong; `errors` names it.",
)
_MODEL_PROBLEMS = problems(
    _409="The store was embedded with another model.",
    _503="The models are not loaded, the store cannot be used, or too many questions wait; see Retry-After.",
)


@router.post(
    "/ask",
    tags=["questions"],
    summary="Ask a question",
    responses={
        200: {
            "description": "The answers, or an abstention with its reason.",
            "content": {
                "application/json": {"examples": examples(answered=RESPONSE, abstained=ABSTENTION)},
            },
            **links(
                verify_citations={"requestBody": _CITATION},
                format_citation={"requestBody": _CITATION},
                show_text={"parameters": {"document_id": f"{_CITATION}/document/id"}},
            ),
        },
        **_BODY_PROBLEMS,
        **_MODEL_PROBLEMS,
    },
)
async def ask(
    question: Annotated[Question, Body(openapi_examples={"question": {"value": QUESTION}})],
    service: ServiceDep,
    access: AccessDep,
) -> Response:
    """The exact span that answers, with a citation that can be checked, or an honest abstention."""
    allowed = question.model_copy(update={"filters": access.narrow(question.filters)})
    # Whether an answer was kept tells whether anything in the store has changed since.
    return access.shown(await service.ask(allowed, keep=access.collections is None))


@router.post(
    "/search",
    tags=["questions"],
    summary="Search for passages",
    responses={
        200: {
            **example(SEARCH_RESPONSE)[200],
            "description": "Passages, best first, with their places in both ranked lists.",
            **links(show_text={"parameters": {"document_id": "$response.body#/passages/0/document/id"}}),
        },
        **_BODY_PROBLEMS,
        **_MODEL_PROBLEMS,
    },
)
async def search(
    request: Annotated[SearchRequest, Body(openapi_examples={"search": {"value": SEARCH_REQUEST}})],
    service: ServiceDep,
    access: AccessDep,
) -> SearchResponse:
    """The passages that would be read for a question, and how each of the two searches ranks them."""
    found = await service.search(partial(search_passages, service.engine, request, access))
    service.metrics.count_search(found.elapsed_ms)
    return found


@router.post(
    "/citations/verify",
    tags=["questions"],
    summary="Check citations",
    responses={
        200: {
            "description": "A verdict for one citation, verdicts for a list.",
            "content": {
                "application/json": {"examples": examples(one=VERDICT, many={"verdicts": [VERDICT]})},
            },
        },
        **_BODY_PROBLEMS,
        **problems(_503="The store cannot be used, or too many requests wait; see Retry-After."),
    },
)
async def verify_citations(
    citations: Annotated[
        OneOrManyCitations,
        Body(openapi_examples={"one": {"value": CITATION}, "many": {"value": {"citations": [CITATION]}}}),
    ],
    service: ServiceDep,
    access: AccessDep,
) -> Verdict | VerdictList:
    """Whether each quote still stands where its citation says, in the version of the document that it names."""
    return await service.lookups.run(
        partial(_verify, VisibleDocuments(service.engine.store.catalogue, access), citations)
    )


@router.post(
    "/citations/format",
    tags=["questions"],
    summary="Write a citation in forms to paste",
    responses={
        **example(FORMATTED, description="The citation as plain text, Markdown, W3C Web Annotation and deep link."),
        **_BODY_PROBLEMS,
        **problems(_503="Too many requests wait; see Retry-After."),
    },
)
async def format_citation(
    citation: Annotated[Citation, Body(openapi_examples={"citation": {"value": CITATION}})], service: ServiceDep
) -> FormattedCitation:
    """The citation as given, which is not checked here, in each form."""
    return await service.lookups.run(partial(formatted, citation))


def search_passages(engine: Engine, request: SearchRequest, access: Access) -> SearchResponse:
    """The passages that would be read for a question, of the documents that the access sees."""
    filters = access.narrow(request.filters)
    question = Question(question=request.question, passages=request.passages, filters=filters)
    found = engine.retrieve([Asked(question)])[0]
    if access.collections is not None:
        found = replace(found, passages=_apart_from_others(engine, request.question, found.passages))
    refs = {document.id: _ref(document) for document in found.snapshot.documents.values()}
    return SearchResponse(
        question=request.question,
        reason=found.reason,
        passages=tuple(
            _passage(rank, entry, refs[entry.passage.document_id]) for rank, entry in enumerate(found.passages, start=1)
        ),
        store_generation=found.snapshot.generation if access.collections is None else None,
        elapsed_ms=SearchTimes(embed=round(found.embed_ms, 2), retrieve=round(found.retrieve_ms, 2)),
    )


def _apart_from_others(engine: Engine, question: str, passages: Sequence[RetrievedPassage]) -> list[RetrievedPassage]:
    """The passages with numbers that do not move with documents of other collections: without scores of the word
    search, which counts how common words are in the whole store, and with inner products of each vector for itself,
    since the last digits of an index's own depend on what else it holds."""
    if not passages:
        return []
    query = engine.store.embedder.embed([question])[0].astype(np.float64)
    vectors = engine.store.catalogue.embeddings([entry.passage.id for entry in passages])
    shown = []
    for entry in passages:
        vector = vectors.get(entry.passage.id)
        similarity = entry.similarity if vector is None else round(float(vector.astype(np.float64) @ query), 6)
        hit = replace(entry.hit, lexical_score=None, dense_score=None if entry.hit.dense_score is None else similarity)
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
        found = self._catalogue.document(document_id)
        return found if found is not None and self._access.sees(found.collection) else None


class _ReadOnce:
    """Documents of a source, each read once: citations sent together are judged by the same version."""

    def __init__(self, source: DocumentSource) -> None:
        self._source = source
        self._known: dict[str, Document | None] = {}

    def document(self, document_id: str) -> Document | None:
        if document_id not in self._known:
            self._known[document_id] = self._source.document(document_id)
        return self._known[document_id]


def _verify(source: DocumentSource, citations: Citation | CitationList) -> Verdict | VerdictList:
    if isinstance(citations, Citation):
        return verify(citations, source)
    verdicts: dict[int, Verdict] = {}
    # Document by document, so that one text at a time is held.
    by_document = sorted(enumerate(citations.citations), key=lambda entry: entry[1].document.id)
    for _, group in groupby(by_document, key=lambda entry: entry[1].document.id):
        once = _ReadOnce(source)
        verdicts |= {number: verify(citation, once) for number, citation in group}
    return VerdictList(verdicts=tuple(verdicts[number] for number in range(len(verdicts))))
