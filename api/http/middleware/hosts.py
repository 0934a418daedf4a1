"""Who may call: a server without keys must not be driven by the pages that its user happens to visit."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import FOREIGN_ORIGIN, WRONG_HOST, problem_response
from api.settings import ANY_HOST

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class HostGuard:
    """ASGI middleware: 421 for a request under a name that is not ours, 403 for one that another site's page sends.

    The first stops DNS rebinding, by which a page reads answers; the second stops a page from posting documents, which
    needs no leave of ours as long as their type is text/plain.
    """

    def __init__(self, app: ASGIApp, *, allowed_hosts: Sequence[str]) -> None:
        self._app = app
        self._allowed = {name.lower() for name in allowed_hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if ANY_HOST not in self._allowed and _name(host) not in self._allowed:
            detail = f"the Host {host[:100]!r} is not among the names of this server"
            await problem_response(scope, WRONG_HOST, detail)(scope, receive, send)
            return
        origin = headers.get("origin")
        if scope["method"] not in _SAFE_METHODS and origin is not None and not _same(origin, host):
            detail = f"the request comes from a page of {origin[:100]!r}"
            await problem_response(scope, FOREIGN_ORIGIN, detail)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _same(origin: str, host: str) -> bool:
    scheme, _, address = origin.partition("://")
    return scheme in ("http", "https") and address.lower() == host.lower()
