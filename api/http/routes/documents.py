"""Routes that add, show and remove documents."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from api import sse
from api.http.dependencies import AccessDep, ServiceDep, require_unicode_query
from api.http.examples import DOCUMENT_LIST, DOCUMENT_RECORD, DOCUMENT_TEXT, DOCUMENT_UPLOAD
from api.http.openapi import example, links, problems
from api.problems import NOT_FOUND, ProblemError
from api.schemas import DocumentList, DocumentQuery, DocumentText, DocumentUpload, ListQuery
from api.service.access import Access
from api.service.auditing import note_change
from api.service.queries import find_record, find_remains, list_records, read_text
from api.service.uploading.abandoning import Abandonment, while_awaited
from api.service.uploading.bodies import (
    SUFFIXES,
    from_content,
    from_json,
    is_json,
    read_address,
    read_json,
    require_content,
)
from api.service.uploading.fairness import Taken
from api.service.uploading.storing import Expectation, Put, etag_of, put
from index.documents import DocumentRecord
from index.errors import StoreError
from index.store.store import Store

logger = logging.getLogger("spanqa.http")
router = APIRouter(prefix="/v1/documents", tags=["documents"], dependencies=[Depends(require_unicode_query)])

DocumentId = Annotated[str, Path(description="The document's id.", examples=[DOCUMENT_RECORD["id"]])]
IfMatch = Annotated[
    str | None, Header(max_length=1_000, description="Do it only to a document with one of these ETags.")
]
IfNoneMatch = Annotated[
    str | None, Header(max_length=1_000, description="ETags that the client has; `*`: only if there is no document.")
]
_UNKNOWN = problems(_404="No document has that id.", _503="The store cannot be used.")
_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "It is as the client has it."}}
_TEXT_BODY: dict[str, Any] = {"schema": {"type": "string", "minLength": 1}, "example": DOCUMENT_UPLOAD["text"]}
_FILE_BODY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}, "example": "(the file's bytes)"}
_ONE = {"parameters": {"document_id": "$response.body#/id"}}
_TO_DOCUMENT = links(show_document=_ONE, show_text=_ONE, remove_document=_ONE)
_FIRST = {"parameters": {"document_id": "$response.body#/documents/0/id"}}
_TO_TEXT = links(show_text=_ONE, remove_document=_ONE)
_TO_DOCUMENTS = links(
    show_document=_FIRST, show_text=_FIRST, list_documents={"parameters": {"cursor": "$response.body#/next_cursor"}}
)
_ETAG = {"headers": {"ETag": {"description": "The version of the document.", "schema": {"type": "string"}}}}

_PLACE = {
    "headers": {**_ETAG["headers"], "Location": {"description": "Its path.", "schema": {"type": "string"}}},
}


@router.post(
    "",
    status_code=201,
    summary="Add or replace a document",
    response_model=DocumentRecord,
    responses={
        201: {
            **example(DOCUMENT_RECORD, 201)[201],
            "description": "The document is new, or something of it has changed.",
            **_PLACE,
            **_TO_DOCUMENT,
        },
        200: {
            "model": DocumentRecord,
            "description": "The same document was already there; or events, where those were asked for.",
            "content": {
                "application/json": {"example": DOCUMENT_RECORD},
                sse.MEDIA_TYPE: {"schema": {"type": "string"}},
            },
            **_PLACE,
            **_TO_DOCUMENT,
        },
        **problems(
            _400="The body is not JSON, or cannot be read.",
            _409="The store was embedded with another model.",
            _412="The document there is not the one that If-Match or If-None-Match expects.",
            _413="The body is too large, or the document is longer than is taken at once.",
            _415="The body is neither JSON nor a document, or its charset is not UTF-8.",
            _422="The content is not of its type, or a field is missing or wrong; `errors` names it.",
            _503="The models are being loaded, the store cannot be used, or too many uploads wait; see Retry-After.",
        ),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": DocumentUpload.model_json_schema(), "example": DOCUMENT_UPLOAD},
                **{name: _TEXT_BODY if name.startswith("text/") else _FILE_BODY for name in SUFFIXES},
            },
        }
    },
)
async def put_document(
    request: Request,
    response: Response,
    service: ServiceDep,
    access: AccessDep,
    *,
    query: Annotated[DocumentQuery, Query()],
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
) -> Any:
    """JSON, or the content itself with its `uri` and what else is known of it in the query.

    The document can be asked about once this returns. The same again changes nothing. A client that goes away before
    that gives it up: nothing is stored then. With `Accept: text/event-stream`
    it answers at once with events: `progress` (`{stage, done, total}`), then `stored` (`{changed, document, etag}`), or
    `problem`.
    """
    body = await request.body()
    content_type = request.headers.get("content-type", "")
    if is_json(content_type):
        if query.model_fields_set:
            # Two addresses may differ, and then either choice would be wrong.
            raise _misplaced(min(query.model_fields_set))
        upload = read_json(body)
        fields = upload.model_copy(update={"collection": access.collection_for(upload.collection)})
        load = partial(from_json, fields)
    else:
        require_content(content_type)
        address = read_address(query.model_dump(exclude_unset=True))
        address = address.model_copy(update={"collection": access.collection_for(address.collection)})
        load = partial(from_content, content_type, body, address)
    job = Put(access, load, Expectation(if_match, if_none_match))
    if sse.wanted(request.headers.get("accept", "")):
        # What can be refused now is refused by its status, which events have none of.
        service.warmup.require_started()
        service.uploads.require_room(access.client)
        return sse.streaming(job.events(service, request.scope), job.abandonment.abandon)
    record, changed = await while_awaited(request, service.start(put(service, job)), job.abandonment)
    response.status_code = 201 if changed else 200
    response.headers["location"] = f"{router.prefix}/{record.id}"
    response.headers["etag"] = etag_of(record)
    return record


@router.get(
    "",
    summary="List documents",
    responses={
        200: {**example(DOCUMENT_LIST)[200], "description": "Documents ordered by URI.", **_TO_DOCUMENTS},
        **problems(_422="A parameter is unknown or wrong.", _503="The store cannot be used."),
    },
)
async def list_documents(service: ServiceDep, access: AccessDep, query: Annotated[ListQuery, Query()]) -> DocumentList:
    """The stored documents without their texts, those that the filters leave."""
    return await service.lookups.run(partial(list_records, service.engine.store, query, access))


@router.get(
    "/{document_id}",
    summary="Show a document",
    response_model=DocumentRecord,
    responses={
        200: {**example(DOCUMENT_RECORD)[200], "description": "The document, without its text.", **_ETAG, **_TO_TEXT},
        **_NOT_MODIFIED,
        **_UNKNOWN,
    },
)
async def show_document(
    document_id: DocumentId,
    response: Response,
    service: ServiceDep,
    access: AccessDep,
    if_none_match: IfNoneMatch = None,
) -> Any:
    """What is known of a document."""
    record = await service.lookups.run(partial(find_record, service.engine.store, document_id, access))
    return _unless_known(record, etag_of(record), if_none_match, response)


@router.delete(
    "/{document_id}",
    status_code=204,
    summary="Remove a document",
    response_description="It is gone, cannot answer any more, and citations of it no longer hold.",
    responses={**_UNKNOWN, **problems(_412="The document is not the one that If-Match expects.")},
)
async def remove_document(
    document_id: DocumentId, service: ServiceDep, access: AccessDep, if_match: IfMatch = None
) -> None:
    """Remove a document with its passages and embeddings; within a minute or so the store's files are rewritten, so
    that no byte of it is left in them."""
    work = partial(_remove, service.engine.store, document_id, access, Expectation(if_match, None))
    if if_match is None:
        await service.lookups.run(work)
    else:
        # Whoever may not see the document must not learn that it is being stored either.
        await service.lookups.run(partial(find_remains, service.engine.store, document_id, access))
        # It waits for an upload of the same document, so that none comes between the check and the removal.
        await service.uploads.run(access.client, partial(_alone, service.taken, document_id, work))
    service.purging.note()


@router.get(
    "/{document_id}/text",
    summary="Show a document's text",
    response_model=DocumentText,
    responses={
        200: {**example(DOCUMENT_TEXT)[200], "description": "The whole text that offsets count in.", **_ETAG},
        **_NOT_MODIFIED,
        **_UNKNOWN,
    },
)
async def show_text(
    document_id: DocumentId,
    response: Response,
    service: ServiceDep,
    access: AccessDep,
    if_none_match: IfNoneMatch = None,
) -> Any:
    """A document's text, exactly as stored: `text[start:end]` is the quote of a citation, in code points."""
    text = await service.lookups.run(partial(read_text, service.engine.store, document_id, access))
    return _unless_known(text, f'"{text.sha256}"', if_none_match, response)


def _remove(store: Store, document_id: str, access: Access, expectation: Expectation) -> None:
    record = find_remains(store, document_id, access)
    expectation.require(record)
    try:
        removed = store.remove(document_id)
    except StoreError as error:
        # Bringing up the search indexes fails after the removal, which stands: no hit is believed without a look there.
        if store.catalogue.remains(document_id) is not None:
            raise
        removed = True
        logger.warning("the document %s is removed, and the search indexes are behind: %s", document_id, error)
    if not removed:
        raise ProblemError(NOT_FOUND, f"no document has the id {document_id[:100]!r}")
    note_change(store, access.actor, "documents remove", document_id)


def _alone(taken: Taken, document_id: str, work: Callable[[], None]) -> None:
    with taken.hold(document_id, Abandonment()):
        work()


def _unless_known(content: Any, etag: str, if_none_match: str | None, response: Response) -> Any:
    if if_none_match is not None and Expectation.matches(if_none_match, etag):
        return Response(status_code=304, headers={"etag": etag})
    response.headers["etag"] = etag
    return content


def _misplaced(field: str) -> Exception:
    from fastapi.exceptions import RequestValidationError

    return RequestValidationError(
        [{"loc": ("query", field), "msg": "belongs into the JSON body", "type": "value_error"}]
    )
