"""Stopping: what was accepted is finished, what comes later is refused, and a second signal waits for nothing."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import time
from types import FrameType

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import STOPPING, problem_response
from api.service.acceptance import Acceptance

# How long connections may take to be closed after everything is answered, in seconds; the clock of the work is another.
CLOSING_S = 2
_LOOK_S = 0.05
# What says how far it is may still be asked.
_OPEN_PATH = "/metrics"
logger = logging.getLogger("spanqa.http")


class RefuseWhileStopping:
    """ASGI middleware: 503 with Retry-After for what comes once the server stops; the rest counts as accepted.

    A stream at `listening_path`, which a client may hold open without end, is nothing that could be finished.
    """

    def __init__(self, app: ASGIApp, *, acceptance: Acceptance, retry_after_s: int, listening_path: str) -> None:
        self._app = app
        self._acceptance = acceptance
        self._retry_after_s = retry_after_s
        self._listening_path = listening_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == _OPEN_PATH:
            await self._app(scope, receive, send)
        elif self._acceptance.stopping:
            headers = {"retry-after": str(self._retry_after_s), "connection": "close"}
            detail = "the server is being stopped; it finishes what it accepted and takes nothing new"
            await problem_response(scope, STOPPING, detail, headers=headers)(scope, receive, send)
        elif scope["method"] == "GET" and scope["path"] == self._listening_path:
            await self._app(scope, receive, send)
        else:
            with self._acceptance.accepted():
                await self._app(scope, receive, send)


class StoppingServer(uvicorn.Server):
    """uvicorn's server, which by itself closes its door first and then counts connections instead of work.

    `finished` says after `run` whether all that was accepted was finished within `grace_s` seconds. Work in threads
    cannot be stopped: where it is false such work may still go on, and only the end of the process ends it.
    """

    def __init__(self, config: uvicorn.Config, acceptance: Acceptance, grace_s: float) -> None:
        super().__init__(config)
        self.finished = True
        self._acceptance = acceptance
        self._grace_s = grace_s

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; at the second signal end the process as that signal does by itself.

        The store survives that: it is written in transactions. Signals are not raised again once all is done, as
        uvicorn would: having stopped as asked is success.
        """
        if self.should_exit:
            signal.signal(sig, signal.SIG_DFL)
            os.kill(os.getpid(), sig)
        self._acceptance.stopping = True
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer while accepted work is finished, refusing what is new; then close the door."""
        self._acceptance.stopping = True
        at_work = self._acceptance.at_work
        logger.info("stopping: %d requests at work have %g s", at_work, self._grace_s)
        deadline = time.monotonic() + self._grace_s
        while self._acceptance.at_work and time.monotonic() < deadline:
            await asyncio.sleep(_LOOK_S)
        if self._acceptance.at_work:
            self.finished = False
            logger.error("stopped with %d requests unfinished after %g s", self._acceptance.at_work, self._grace_s)
        self.config.timeout_graceful_shutdown = CLOSING_S if self.finished else 0
        await super().shutdown(sockets)
