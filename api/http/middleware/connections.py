"""Connections before there is a request: how many at once, how long its head may take, and heads that are none."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import h11
from h11._receivebuffer import ReceiveBuffer
from uvicorn.protocols.http.h11_impl import H11Protocol

from api.http.open_files import most_open, served
from api.problems import BUSY, MALFORMED_HEAD, MEDIA_TYPE, TYPE_PREFIX, Kind

MAX_CONNECTIONS = 400
# With those that are in the middle of being refused; beyond, a connection is refused and closed at once.
MAX_OPEN = 4_000
HEAD_TIMEOUT_S = 10.0
# How long what a refused client still sends is read and dropped: were the connection closed at once, it would be reset,
# and the client might never see why.
LINGER_S = 10.0


class StrictLines(ReceiveBuffer):
    """h11's buffer, which by itself takes a bare line feed for the end of a line, and a header line that goes on.

    A proxy in front may read either otherwise, and then two requests are one, or one two (request smuggling; RFC 9112,
    sections 2.2 and 5.2).
    """

    def maybe_extract_lines(self) -> list[bytearray] | None:
        before = bytes(self)
        lines = super().maybe_extract_lines()
        if lines is None:
            return None
        taken = before[: len(before) - len(self)]
        if taken.count(b"\n") != taken.count(b"\r\n"):
            raise h11.RemoteProtocolError("a line that ends with a bare line feed")
        if any(line.startswith((b" ", b"\t")) for line in lines):
            raise h11.RemoteProtocolError("a header line that goes on from the one before")
        return lines


class GuardedProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, which by itself waits for a request's head without end and takes any number of connections.

    Answers here are problem details as everywhere else; they have no request id, for there is no request.
    """

    _head_timer: asyncio.TimerHandle | None = None
    _refused = False
    _too_many = False

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.conn._receive_buffer = StrictLines()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > most_open(MAX_OPEN):
            # There is no file to spare for listening until it is read, but most clients get to see it.
            self._refuse_crowd(linger_s=0)
            return
        self._too_many = len(self.connections) > served(MAX_CONNECTIONS)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        if self._refused or self.transport.is_closing():
            return
        if self._too_many:
            self._refuse_crowd(linger_s=LINGER_S)
            return
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            # Of a head that comes in pieces the first one starts the clock, and no later one stops it.
            self._await_head()
        else:
            self._forget_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_head()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        if self._refused:
            # It is only listened to so that the refusal gets through, and need not keep a server from ending.
            self.transport.close()
        else:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        self._refuse(MALFORMED_HEAD, "not a valid HTTP/1.1 request")

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._head_is_late)

    def _forget_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing() and self.conn.their_state is h11.IDLE:
            self.transport.close()

    def _refuse_crowd(self, *, linger_s: float) -> None:
        detail = f"{served(MAX_CONNECTIONS)} connections are open; try again later"
        self._refuse(BUSY, detail, "retry-after: 2\r\n", linger_s=linger_s)

    def _refuse(self, kind: Kind, detail: str, headers: str = "", *, linger_s: float | None = None) -> None:
        # Written by hand: after a protocol error h11 sends nothing any more that is not its own.
        problem = {"type": TYPE_PREFIX + kind.slug, "title": kind.title, "status": kind.status, "detail": detail}
        body = json.dumps({**problem, "instance": "/"}).encode("ascii")
        head = (
            f"HTTP/1.1 {kind.status} {kind.title}\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n"
            f"{headers}connection: close\r\n\r\n"
        )
        self._refused = True
        self._forget_head()
        self.transport.write(head.encode("ascii") + body)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        wait = LINGER_S if linger_s is None else linger_s
        if wait:
            self.loop.call_later(wait, self.transport.close)
        else:
            self.transport.close()
