"""The route that takes several files at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Annotated, Any, NoReturn

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.types import Scope

from api import sse
from api.http.dependencies import AccessDep, ServiceDep, require_unicode_query
from api.http.examples import DOCUMENT_RECORD
from api.http.openapi import links, problems
from api.problems import MALFORMED, MEDIA_TYPE_UNSUPPORTED, TOO_LARGE, ProblemError, problem_of
from api.schemas import Description, FileResult, UploadReport
from api.service.service import Service
from api.service.uploading.abandoning import Abandonment, while_awaited
from api.service.uploading.bodies import SUFFIXES, file_uri, from_file, media_type_of
from api.service.uploading.storing import Put, put
from index.documents import Document
from index.errors import InputError

router = APIRouter(prefix="/v1/uploads", tags=["documents"], dependencies=[Depends(require_unicode_query)])
_EXAMPLE = {
    "files": [{"name": "drills.txt", "changed": True, "replaced": False, "document": DOCUMENT_RECORD, "problem": None}]
}

_FILE_NAME = {
    "Content-Disposition": {
        "description": "Its `filename` chooses how the file is read.",
        "required": True,
        "schema": {"type": "string"},
        "example": 'form-data; name="files"; filename="drills.txt"',
    }
}
_FIRST = {"parameters": {"document_id": "$response.body#/files/0/document/id"}}


@router.post(
    "",
    summary="Add or replace several documents",
    response_model=UploadReport,
    responses={
        200: {
            "description": "What became of each file; or events, where those were asked for.",
            "content": {
                "application/json": {"example": _EXAMPLE},
                sse.MEDIA_TYPE: {"schema": {"type": "string"}},
            },
            **links(show_document=_FIRST, show_text=_FIRST, remove_document=_FIRST),
        },
        **problems(
            _400="The body is not multipart/form-data as it should be, or holds too many files.",
            _413="A file is too large, or all together are.",
            _415="The body is not multipart/form-data.",
            _422="A parameter is wrong, or there is no file.",
            _503="The models are being loaded, the store cannot be used, or too many uploads wait; see Retry-After.",
        ),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["files"],
                        "additionalProperties": False,
                        "properties": {
                            "files": {
                                "type": "array",
                                "minItems": 1,
                                "maxItems": 20,
                                "items": {"type": "string", "format": "binary"},
                            }
                        },
                    },
                    "encoding": {"files": {"contentType": ", ".join(SUFFIXES), "headers": _FILE_NAME}},
                    "example": {"files": ["(the file's bytes)"]},
                }
            },
        }
    },
)
async def put_files(
    request: Request, service: ServiceDep, access: AccessDep, query: Annotated[Description, Query()]
) -> Any:
    """Files in form fields named `files`, one after the other; what is wrong with one does not keep the others out.

    A file's name chooses how it is read; its document's URI is `upload:NAME`, with the path that the name may have
    (`upload:notes/may.txt`), and the same again replaces it, which its `replaced` tells. Of two files of one name in
    one request the second is refused. A client that goes away gives up those that are not stored yet. With
    `Accept: text/event-stream` it answers at once with events: `progress` (`{name, stage, done, total}`) of the file at
    work, `file` with what became of it, and `report` in the end.
    """
    service.warmup.require_started()
    fields = query.model_copy(update={"collection": access.collection_for(query.collection)})
    # The client of one file is that of all: they are given up together.
    abandonment = Abandonment()
    taken: set[str] = set()
    jobs = []
    for name, content in await _files(request, service):
        twice = file_uri(name) in taken
        load: Callable[[], Document] = (
            partial(_refuse_twice, name) if twice else partial(from_file, name, content, fields)
        )
        taken.add(file_uri(name))
        jobs.append((name, Put(access, load, abandonment=abandonment)))
    if sse.wanted(request.headers.get("accept", "")):
        # What can be refused now is refused by its status, which events have none of.
        service.uploads.require_room(access.client)
        return sse.streaming(_events(jobs, service, request.scope), abandonment.abandon)

    async def store_all() -> UploadReport:
        return UploadReport(files=tuple([await _stored(name, job, service, request.scope) for name, job in jobs]))

    return await while_awaited(request, service.start(store_all()), abandonment)


def _refuse_twice(name: str) -> NoReturn:
    raise InputError(
        f"another file of this request is called {name[:200]!r} too, and one would replace the other: give each a "
        "name of its own, or the path by which it differs"
    )


async def _files(request: Request, service: Service) -> list[tuple[str, bytes]]:
    content_type = request.headers.get("content-type", "")
    if media_type_of(content_type) != "multipart/form-data":
        raise ProblemError(MEDIA_TYPE_UNSUPPORTED, f"send multipart/form-data, not {content_type[:100]!r}")
    settings = service.settings
    try:
        form = await request.form(max_files=settings.max_upload_files, max_fields=0)
    except ProblemError:
        raise
    except HTTPException as error:
        raise ProblemError(MALFORMED, f"not multipart/form-data as it should be: {error.detail}") from error
    files = []
    try:
        for name, value in form.multi_items():
            if name != "files" or not isinstance(value, UploadFile):
                raise ProblemError(MALFORMED, f"a form field {name[:100]!r}; only files named `files` are taken")
            if (value.size or 0) > settings.max_document_bytes:
                limit = settings.max_document_bytes
                raise ProblemError(TOO_LARGE, f"the file {value.filename!r} has more than {limit} bytes")
            files.append((value.filename or "document", await value.read()))
    finally:
        await form.close()
    if not files:
        raise ProblemError(MALFORMED, "no file in it")
    return files


async def _stored(name: str, job: Put, service: Service, scope: Scope) -> FileResult:
    try:
        # Of several files those that come after a client has gone are not begun.
        job.abandonment.require()
        record, changed = await put(service, job)
    except Exception as error:  # noqa: BLE001 - whoever sent the file is told
        return FileResult(name=name, changed=False, replaced=False, document=None, problem=problem_of(scope, error))
    return FileResult(name=name, changed=changed, replaced=changed and job.replaces, document=record, problem=None)


async def _events(jobs: list[tuple[str, Put]], service: Service, scope: Scope) -> AsyncIterator[str]:
    results: list[asyncio.Future[FileResult]] = [asyncio.get_running_loop().create_future() for _ in jobs]

    async def store_all() -> None:
        for (name, job), result in zip(jobs, results, strict=True):
            result.set_result(await _stored(name, job, service, scope))

    service.start(store_all())
    for (name, job), result in zip(jobs, results, strict=True):

        def latest(name: str = name, job: Put = job) -> dict[str, Any] | None:
            return {"name": name, **job.progress} if job.progress else None

        async for text in sse.progress_of(result, latest):
            yield text
        yield sse.event("file", result.result().model_dump())
    report = UploadReport(files=tuple(result.result() for result in results))
    yield sse.event("report", report.model_dump())
