"""What routes are handed: the service, what the request may do, and checks that come before either."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import unquote_to_bytes

from fastapi import Depends, Request

from api.problems import MALFORMED_HEAD, MEDIA_TYPE_UNSUPPORTED, ProblemError
from api.service.access import Access
from api.service.service import Service
from api.service.uploading.bodies import is_json


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


ServiceDep = Annotated[Service, Depends(_service)]


def _access(request: Request) -> Access:
    access: Access = request.state.access
    return access


AccessDep = Annotated[Access, Depends(_access)]


def require_unicode_query(request: Request) -> None:
    """Raise ProblemError 400 for a query that is not UTF-8: two different names in it could come to mean the same."""
    try:
        unquote_to_bytes(request.scope["query_string"]).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProblemError(MALFORMED_HEAD, "the query is not UTF-8") from error


def require_json(request: Request) -> None:
    """Raise ProblemError 415 for a body of another type, which would otherwise be called an invalid object."""
    content_type = request.headers.get("content-type", "")
    if not is_json(content_type):
        raise ProblemError(MEDIA_TYPE_UNSUPPORTED, f"send application/json, not {content_type[:100]!r}")
