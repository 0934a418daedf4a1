"""Routes that answer, search and check."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Body, Depends

from api.http.dependencies import AccessDep, ServiceDep, require_json
from api.http.examples import (
    CITATION,
    EXPLAINED,
    EXPLAINED_QUESTION,
    FORMATTED,
    NOT_A_SPAN_QUESTION,
    NOT_FOUND,
    QUESTION,
    RESPONSE,
    SEARCH_REQUEST,
    SEARCH_RESPONSE,
    UNSURE,
    VERDICT,
)
from api.http.openapi import example, examples, links, problems
from api.schemas import (
    OneOrManyCitations,
    SearchRequest,
    SearchResponse,
    VerdictList,
)
from api.service.queries import VisibleDocuments, search_passages, verify_all
from qa.citing.formats import FormattedCitation, formatted
from qa.citing.verify import Verdict
from qa.types import Citation, Question, Response

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
            "description": "The answers; or candidates where none is sure enough; or that none was found, and why.",
            "content": {
                "application/json": {
                    "examples": examples(
                        answered=RESPONSE,
                        unsure=UNSURE,
                        not_found=NOT_FOUND,
                        not_a_span_question=NOT_A_SPAN_QUESTION,
                        explained=EXPLAINED,
                    )
                },
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
    question: Annotated[Question, Body(openapi_examples=examples(question=QUESTION, explained=EXPLAINED_QUESTION))],
    service: ServiceDep,
    access: AccessDep,
) -> Response:
    """The exact span that answers, with a citation that can be checked; else what comes closest, or that nothing was
    found.

    With `explain: true` the response has an `explanation`: every passage that was read, with its places in both ranked
    lists and the best span in it; the candidates, with what each feature adds to their confidence; and what would have
    changed the outcome. It speaks of no document that the key may not see.
    """
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
    response = await service.search(partial(search_passages, service.engine, request, access))
    service.metrics.count_search(response.elapsed_ms)
    return response


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
        partial(verify_all, VisibleDocuments(service.engine.store.catalogue, access), citations)
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
