"""Around every request: its id, its count, and the last resort for what nobody expected."""

from __future__ import annotations

import logging
import re
import time
from typing import Any
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import INTERNAL, REQUEST_ID_HEADER, problem_response
from api.service.metrics import Metrics

UNMATCHED = "unmatched"
# Asked for every few seconds by whatever watches the server.
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
logger = logging.getLogger("spanqa.http")
# A caller's own id goes into headers and the log, so only what is harmless in both is taken over.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


class Observe:
    """ASGI middleware, the outermost: x-request-id on every response, metrics, a log line, 500 without internals.

    The line has no path, no query, no header and nothing of the body: those name documents and hold keys.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        status: int | None = None
        begun = time.perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID_HEADER] = request_id
                headers.setdefault("x-content-type-options", "nosniff")
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception:
            logger.exception("request %s failed: %s %s", request_id, scope["method"], template_of(scope))
            if status is not None:
                # Half a response is out: only breaking the connection tells the client that it is not whole.
                raise
            detail = f"something went wrong here; the server's log has it under {request_id}"
            await problem_response(scope, INTERNAL, detail)(scope, receive, sending)
        finally:
            seconds = time.perf_counter() - begun
            self._metrics.count_request(scope["method"], template_of(scope), status or INTERNAL.status, seconds)
            level = logging.DEBUG if scope["path"] in _PROBES else logging.INFO
            if logger.isEnabledFor(level):
                logger.log(level, "request", extra=_fields(scope, status, seconds))


def _fields(scope: Scope, status: int | None, seconds: float) -> dict[str, Any]:
    state = scope["state"]
    key = getattr(state.get("access"), "key_id", None)
    client = (scope.get("client") or (None,))[0]
    return {
        "request_id": state["request_id"],
        "method": scope["method"],
        "route": template_of(scope),
        "status": status or INTERNAL.status,
        "ms": round(seconds * 1000, 1),
        **({"key": key} if key else {"client": client} if client else {}),
    }


def template_of(scope: Scope) -> str:
    """The template of a request's route, which names no document."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else UNMATCHED
