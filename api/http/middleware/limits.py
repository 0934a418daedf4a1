"""The limits on a request's body: its size, its time, and what becomes of the rest once it is refused."""

from __future__ import annotations

import time
from collections.abc import Mapping

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import BODY_TIMEOUT, MALFORMED, MEDIA_TYPE_UNSUPPORTED, TOO_LARGE, ProblemError, problem_response

# What of a refused body is still read, so that its sender gets to see the answer before the connection ends.
LINGER_S = 1.0
LINGER_BYTES = 32 * 1024 * 1024


class BodyLimit:
    """ASGI middleware: 413 for a body that says it is too large, or that turns out to be while it is read.

    `by_path` are limits in bytes of exact paths, `default` that of all others. 408 for a body that is not there after
    `timeout_s` seconds, 415 for one that is packed (Content-Encoding), 400 for one whose end is stated in two ways,
    which a proxy may understand otherwise than we do.
    A response that comes before the body has been read ends the connection: what follows would be taken for a request.
    """

    def __init__(self, app: ASGIApp, *, by_path: Mapping[str, int], default: int, timeout_s: float) -> None:
        self._app = app
        self._by_path = dict(by_path)
        self._default = default
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._by_path.get(scope["path"], self._default)
        headers = Headers(scope=scope)
        body = _Body(receive, send, headers, limit, self._timeout_s)
        stated = headers.get("content-length")
        chunked = "transfer-encoding" in headers
        coding = headers.get("content-encoding", "identity").strip().lower()
        if chunked and (stated is not None or scope.get("http_version") == "1.0"):
            other = "Content-Length" if stated is not None else "HTTP/1.0"
            detail = f"{other} and Transfer-Encoding together leave open where the body ends"
            await problem_response(scope, MALFORMED, detail)(scope, body.receive, body.send)
        elif stated is not None and not (stated.isascii() and stated.isdigit()):
            await problem_response(scope, MALFORMED, "the Content-Length is not a number")(
                scope, body.receive, body.send
            )
        # Compared by digits first: a number of thousands of digits is refused, not converted.
        elif stated is not None and (len(stated.lstrip("0")) > 18 or int(stated) > limit):
            await problem_response(scope, TOO_LARGE, _detail(limit))(scope, body.receive, body.send)
        elif coding not in ("identity", ""):
            # A small body could unpack to one of any size.
            detail = f"the body is coded as {coding[:50]!r} (Content-Encoding); send it as it is"
            await problem_response(scope, MEDIA_TYPE_UNSUPPORTED, detail, headers={"accept-encoding": "identity"})(
                scope, body.receive, body.send
            )
        else:
            await self._app(scope, body.receive, body.send)


class _Body:
    """One request's body on its way in, and the response that may come before its end."""

    def __init__(self, receive: Receive, send: Send, headers: Headers, limit: int, timeout_s: float) -> None:
        self._receive = receive
        self._send = send
        self._limit = limit
        self._timeout_s = timeout_s
        self._deadline = time.monotonic() + timeout_s
        self._read = 0
        self._whole = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers

    async def receive(self) -> Message:
        if self._whole:
            # The end, or the client's going away: nothing to hurry for.
            return await self._receive()
        with anyio.move_on_after(self._deadline - time.monotonic()) as waiting:
            message = await self._receive()
        if waiting.cancelled_caught:
            raise ProblemError(
                BODY_TIMEOUT, f"the body was not complete after {self._timeout_s:g} s", headers={"connection": "close"}
            )
        self._count(message)
        if self._read > self._limit:
            raise ProblemError(TOO_LARGE, _detail(self._limit))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and not self._whole:
            MutableHeaders(scope=message)["connection"] = "close"
        last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if not last or self._whole:
            await self._send(message)
            return
        # A connection that is closed on a client that still sends is reset, and the answer may be lost with it.
        await self._send({**message, "more_body": True})
        with anyio.move_on_after(LINGER_S):
            refused = self._read + LINGER_BYTES
            while not self._whole and self._read < refused:
                self._count(await self._receive())
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def _count(self, message: Message) -> None:
        self._read += len(message.get("body", b""))
        self._whole = message["type"] != "http.request" or not message.get("more_body", False)


def _detail(limit: int) -> str:
    return f"the body of this request may have at most {limit} bytes"
