"""Routes that add, show and remove documents."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from api.examples import DOCUMENT_LIST, DOCUMENT_RECORD, DOCUMENT_TEXT, DOCUMENT_UPLOAD
from api.openapi import example, problems
from api.problems import NOT_FOUND, ProblemError
from api.schemas import MAX_TITLE_LENGTH, MAX_URI_LENGTH, DocumentList, DocumentText, DocumentUpload
from api.service import ServiceDep
from api.uploads import read_upload
from index.documents import Document, DocumentRecord
from index.store import Store

router = APIRouter(prefix="/v1/documents", tags=["documents"])
MAX_LISTED = 1_000
# Beyond what any store holds, within what SQLite counts.
MAX_OFFSET = 2**53

DocumentId = Annotated[str, Path(description="The document's id.", examples=[DOCUMENT_RECORD["id"]])]
_UNKNOWN = problems(_404="No document has that id.", _503="The store cannot be used.")
_TEXT_BODY: dict[str, Any] = {"schema": {"type": "string", "minLength": 1}, "example": DOCUMENT_UPLOAD["text"]}


@router.post(
    "",
    status_code=201,
    summary="Add or replace a document",
    response_description="The document is new, or its text or title has changed.",
    responses={
        **example(DOCUMENT_RECORD, 201, "The document is new, or its text or title has changed."),
        200: {
            "model": DocumentRecord,
            "description": "The same document was already there.",
            "content": {"application/json": {"example": DOCUMENT_RECORD}},
        },
        **problems(
            _400="The body is not JSON.",
            _409="The store was embedded with another model.",
            _413="The body is too large.",
            _415="The body is neither JSON, text/plain nor text/markdown, or its charset is not UTF-8.",
            _422="The content is no text, or a field is missing or wrong; `errors` names it.",
            _503="The models are being loaded, the store cannot be used, or too many uploads wait; see Retry-After.",
        ),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": DocumentUpload.model_json_schema(), "example": DOCUMENT_UPLOAD},
                "text/plain": _TEXT_BODY,
                "text/markdown": _TEXT_BODY,
            },
        }
    },
)
async def put_document(
    request: Request,
    response: Response,
    service: ServiceDep,
    uri: Annotated[
        str | None, Query(max_length=MAX_URI_LENGTH, description="The document's URI, for a body of bare text only.")
    ] = None,
    title: Annotated[
        str | None, Query(max_length=MAX_TITLE_LENGTH, description="The document's title, for bare text only.")
    ] = None,
) -> DocumentRecord:
    """JSON, or the bare text with its `uri` as a query parameter. It can be asked about once this returns."""
    body = await request.body()
    content_type = request.headers.get("content-type", "")
    record, changed = await service.with_models(
        service.uploads, partial(_put, service.engine.store, content_type, body, uri, title)
    )
    response.status_code = 201 if changed else 200
    response.headers["location"] = f"{router.prefix}/{record.id}"
    return record


@router.get(
    "",
    summary="List documents",
    responses={
        **example(DOCUMENT_LIST, description="Documents ordered by URI."),
        **problems(_422="`limit` or `offset` is wrong.", _503="The store cannot be used."),
    },
)
async def list_documents(
    service: ServiceDep,
    limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = 100,
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
) -> DocumentList:
    """The stored documents without their texts."""
    return await service.lookups.run(partial(_list, service.engine.store, limit, offset))


@router.get(
    "/{document_id}",
    summary="Show a document",
    responses={**example(DOCUMENT_RECORD, description="The document, without its text."), **_UNKNOWN},
)
async def show_document(document_id: DocumentId, service: ServiceDep) -> DocumentRecord:
    """What is known of a document."""
    record = await service.lookups.run(partial(service.engine.store.catalogue.record, document_id))
    if record is None:
        raise _unknown(document_id)
    return record


@router.delete(
    "/{document_id}",
    status_code=204,
    summary="Remove a document",
    response_description="It is gone, cannot answer any more, and citations of it no longer hold.",
    responses=_UNKNOWN,
)
async def remove_document(document_id: DocumentId, service: ServiceDep) -> None:
    """Remove a document with its passages and embeddings."""
    if not await service.lookups.run(partial(service.engine.store.remove, document_id)):
        raise _unknown(document_id)


@router.get(
    "/{document_id}/text",
    summary="Show a document's text",
    responses={**example(DOCUMENT_TEXT, description="The whole text that offsets count in."), **_UNKNOWN},
)
async def show_text(document_id: DocumentId, service: ServiceDep) -> DocumentText:
    """A document's text, exactly as stored: `text[start:end]` is the quote of a citation, in code points."""
    document = await service.lookups.run(partial(service.engine.store.catalogue.document, document_id))
    if document is None:
        raise _unknown(document_id)
    return DocumentText(id=document.id, sha256=document.sha256, text=document.text)


def _put(
    store: Store, content_type: str, body: bytes, uri: str | None, title: str | None
) -> tuple[DocumentRecord, bool]:
    document: Document = read_upload(content_type, body, uri, title)
    change = store.put(document)
    record = store.catalogue.record(document.id)
    if record is None:
        raise ProblemError(NOT_FOUND, "the document was stored, and removed again by another request")
    return record, change.changed


def _list(store: Store, limit: int, offset: int) -> DocumentList:
    records = store.catalogue.records(limit=limit, offset=offset)
    return DocumentList(documents=tuple(records), total=store.catalogue.counts()[0])


def _unknown(document_id: str) -> ProblemError:
    return ProblemError(NOT_FOUND, f"no document has the id {document_id[:100]!r}")
