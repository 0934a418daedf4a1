"""The limit on the size of a request body."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import MALFORMED, TOO_LARGE, ProblemError, problem_response


class BodyLimit:
    """ASGI middleware: 413 for a body that says it is too large, or that turns out to be while it is read.

    `by_path` are limits in bytes of exact paths, `default` that of all others.
    """

    def __init__(self, app: ASGIApp, *, by_path: Mapping[str, int], default: int) -> None:
        self._app = app
        self._by_path = dict(by_path)
        self._default = default

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._by_path.get(scope["path"], self._default)
        stated = Headers(scope=scope).get("content-length")
        if stated is not None and not (stated.isascii() and stated.isdigit()):
            response = problem_response(scope, MALFORMED, "the Content-Length is not a number")
            await response(scope, receive, send)
            return
        # Compared by digits first: a number of thousands of digits is refused, not converted.
        if stated is not None and (len(stated.lstrip("0")) > 18 or int(stated) > limit):
            await problem_response(scope, TOO_LARGE, _detail(limit))(scope, receive, send)
            return
        read = 0

        async def counting() -> Message:
            nonlocal read
            message = await receive()
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                if read > limit:
                    raise ProblemError(TOO_LARGE, _detail(limit))
            return message

        await self._app(scope, counting, send)


def _detail(limit: int) -> str:
    return f"the body of this request may have at most {limit} bytes"
