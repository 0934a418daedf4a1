"""Errors as RFC 9457 problem details."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import Scope

from index.errors import AbandonedError, ChangingError, InputError, ModelError, StoreError, TooLongError

logger = logging.getLogger("spanqa.http")
MEDIA_TYPE = "application/problem+json"
# On every response: by it the server's log names the request.
REQUEST_ID_HEADER = "x-request-id"
TYPE_PREFIX = "urn:spanqa:problem:"
# A body of 10 MB can be wrong in as many places; nobody reads more than these.
MAX_ERRORS = 50
MAX_TEXT = 300


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: the last part of its `type`, its status, and its title, which never varies."""

    slug: str
    status: int
    title: str


MALFORMED = Kind("malformed-body", 400, "The request body cannot be read")
MALFORMED_HEAD = Kind("malformed-request", 400, "The request cannot be read")
KEY_REQUIRED = Kind("key-required", 401, "An API key is required")
KEY_INVALID = Kind("key-invalid", 401, "The API key is not valid")
FORBIDDEN = Kind("forbidden", 403, "The API key does not allow this")
FOREIGN_ORIGIN = Kind("foreign-origin", 403, "Pages of other sites may not change anything here")
NOT_FOUND = Kind("not-found", 404, "Not found")
METHOD_NOT_ALLOWED = Kind("method-not-allowed", 405, "Method not allowed")
BODY_TIMEOUT = Kind("body-timeout", 408, "The request body came too slowly")
OTHER_EMBEDDER = Kind("other-embedder", 409, "The store was embedded with another model")
CHANGED = Kind("changed", 412, "The document is not as the request expects")
TOO_LARGE = Kind("too-large", 413, "The request body is too large")
TOO_LONG = Kind("document-too-long", 413, "The document is longer than is taken at once")
MEDIA_TYPE_UNSUPPORTED = Kind("unsupported-media-type", 415, "Unsupported media type")
WRONG_HOST = Kind("wrong-host", 421, "This server does not answer to that name")
INVALID = Kind("invalid-request", 422, "The request is not valid")
UNUSABLE = Kind("unusable-input", 422, "The input cannot be used")
TOO_MANY_REQUESTS = Kind("too-many-requests", 429, "Too many requests")
# Nobody reads it; in the log and in the counts it is no fault of ours.
ABANDONED = Kind("abandoned", 499, "The client went away")
INTERNAL = Kind("internal-error", 500, "Internal error")
BUSY = Kind("busy", 503, "Too many requests at once")
STARTING = Kind("starting", 503, "Questions cannot be answered yet")
STOPPING = Kind("stopping", 503, "The server is being stopped")
STORE_CHANGING = Kind("store-changing", 503, "The documents change faster than they can be read")
TOO_FEW_DOCUMENTS = Kind("too-few-documents", 503, "The store holds too few documents")
STORE_UNAVAILABLE = Kind("store-unavailable", 503, "The store cannot be used")
MODEL_UNAVAILABLE = Kind("model-unavailable", 503, "A model cannot be used")


# The first that an error is an instance of.
_KIND_OF_ERROR: tuple[tuple[type[Exception], Kind], ...] = (
    (AbandonedError, ABANDONED),
    (TooLongError, TOO_LONG),
    (InputError, UNUSABLE),
    (ChangingError, STORE_CHANGING),
    (StoreError, STORE_UNAVAILABLE),
    (ModelError, MODEL_UNAVAILABLE),
)


class FieldError(BaseModel):
    """One thing wrong with a request. `location` is body, query, path or header; `field` is dotted, "" the whole."""

    model_config = ConfigDict(frozen=True)

    location: str
    field: str
    message: str
    type: str


class Problem(BaseModel):
    """RFC 9457 problem details. `type` tells kinds apart, `detail` is for people and may change its words."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "type": f"{TYPE_PREFIX}{INVALID.slug}",
                    "title": INVALID.title,
                    "status": 422,
                    "detail": "answers: Input should be greater than or equal to 1",
                    "instance": "/v1/ask",
                    "request_id": "4b6c0f0a9f5b4f2d8e0f6d1c2a3b4c5d",
                    "errors": [
                        {
                            "location": "body",
                            "field": "answers",
                            "message": "Input should be greater than or equal to 1",
                            "type": "greater_than_equal",
                        }
                    ],
                }
            ]
        },
    )

    type: str = Field(description=f"The kind of problem, a URI that begins with {TYPE_PREFIX}")
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    instance: str = Field(description="The path of the request.")
    request_id: str | None = Field(default=None, description="As in the header x-request-id and in the server's log.")
    errors: tuple[FieldError, ...] | None = Field(default=None, description="Each wrong field, for invalid-request.")


class ProblemError(HTTPException):
    """A problem to answer with.

    An HTTPException, because FastAPI lets only these through where it reads a body, and that is where a body turns
    out too large.
    """

    def __init__(self, kind: Kind, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(kind.status, detail, dict(headers or {}))
        self.kind = kind


def kind_of_status(status: int) -> Kind:
    """The kind of an HTTP error that came without one."""
    known = {404: NOT_FOUND, 405: METHOD_NOT_ALLOWED, 413: TOO_LARGE, 415: MEDIA_TYPE_UNSUPPORTED, 500: INTERNAL}
    if status in known:
        return known[status]
    try:
        title = HTTPStatus(status).phrase
    except ValueError:
        title = "Error"
    return Kind(f"http-{status}", status, title)


def problem_response(
    scope: Scope,
    kind: Kind,
    detail: str,
    *,
    errors: Sequence[FieldError] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The response that reports a problem of the request `scope`."""
    problem = _problem(scope, kind, detail, errors)
    content = problem.model_dump(exclude_none=True)
    return _AsciiJSONResponse(content, status_code=kind.status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def problem_of(scope: Scope, error: BaseException) -> Problem:
    """The problem that an error of the request `scope` is, where it can be no response of its own."""
    if isinstance(error, ProblemError):
        return _problem(scope, error.kind, error.detail)
    for expected, kind in _KIND_OF_ERROR:
        if isinstance(error, expected):
            return _problem(scope, kind, str(error))
    request_id = scope.get("state", {}).get("request_id")
    logger.error("request %s failed", request_id, exc_info=error)
    return _problem(scope, INTERNAL, f"something went wrong here; the server's log has it under {request_id}")


def _problem(scope: Scope, kind: Kind, detail: str, errors: Sequence[FieldError] | None = None) -> Problem:
    return Problem(
        type=TYPE_PREFIX + kind.slug,
        title=kind.title,
        status=kind.status,
        detail=detail,
        instance=quote(str(scope.get("path", "")), errors="replace"),
        request_id=scope.get("state", {}).get("request_id"),
        errors=None if errors is None else tuple(errors),
    )


class _AsciiJSONResponse(JSONResponse):
    """JSON in ASCII: what is wrong with a request may be quoted, and may be nothing that UTF-8 can hold."""

    def render(self, content: Any) -> bytes:
        import json

        return json.dumps(content, ensure_ascii=True, allow_nan=False).encode("ascii")


def field_errors(errors: Iterable[Mapping[str, Any]], *, without: Collection[str] = ()) -> list[FieldError]:
    """FastAPI's errors as ours, without the input itself, which may be large, secret or not JSON.

    The first part of each error's path is its location; parts that are in `without` name no field.
    """
    shown = []
    for error in errors:
        where, *path = [str(part) for part in error["loc"] if part not in without] or ["body"]
        shown.append(
            FieldError(
                location=where,
                field=".".join(path)[:MAX_TEXT],
                message=str(error["msg"]).removeprefix("Value error, ")[:MAX_TEXT],
                type=str(error["type"]),
            )
        )
        if len(shown) == MAX_ERRORS:
            break
    return shown


def summary(errors: Sequence[FieldError]) -> str:
    """The first of the errors in one line, and how many more there are."""
    if not errors:
        return "the request is not valid"
    first = errors[0]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{first.field or first.location}: {first.message}{more}"
