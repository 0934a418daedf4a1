"""Who may come in: API keys, their scopes, and how often each client may ask."""

from __future__ import annotations

import math

from anyio import CapacityLimiter, to_thread
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from api.http.middleware.observe import template_of
from api.problems import (
    FORBIDDEN,
    KEY_INVALID,
    KEY_REQUIRED,
    STORE_UNAVAILABLE,
    TOO_MANY_REQUESTS,
    ProblemError,
    problem_response,
)
from api.rates import RateLimit, client_of
from api.service.access import Access
from api.service.key_use import KeyUse
from index.catalogue.keys import RefusedKey, Scope
from index.errors import StoreError
from index.store.keyring import KeyRing

# Whoever comes without a key gets these: that the server is up, what its API is, and the page without any document.
OPEN_PATHS = frozenset({"/", "/docs", "/openapi.json", "/healthz", "/favicon.ico"})
OPEN_PREFIX = "/assets/"
# Every other method than these changes something, unless it is a question with a body.
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_QUESTIONS = frozenset({"/v1/ask", "/v1/search", "/v1/citations/verify", "/v1/citations/format", "/mcp"})
_CHALLENGE = 'Bearer realm="spanqa"'
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# How many requests look their key up at once: with all other work they stay below the catalogue's 32 connections.
LOOKUP_WORKERS = 4


class AccessControl:
    """ASGI middleware: 401 without a key that is good, 403 without its scope, 429 too often.

    Keys are asked for as soon as the store has any, used up ones among them, and from then on for as long as the
    server runs: keys that disappear open nothing. Each request looks its key up, so that what is revoked is refused
    from the next one on. What a request may do is left in its state as `access`; what its key was used for is noted.
    """

    def __init__(self, app: ASGIApp, *, keys: KeyRing, rate: RateLimit, use: KeyUse) -> None:
        self._app = app
        self._keys = keys
        self._rate = rate
        self._use = use
        self._required = False
        self._lookups = CapacityLimiter(LOOKUP_WORKERS)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._handle(scope, receive, sending)
        finally:
            if key_id := scope["state"].get("key_id"):
                method = scope["method"] if scope["method"] in _METHODS else "other"
                self._use.note(key_id, f"{method} {template_of(scope)}", status)

    async def _handle(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        state = scope.setdefault("state", {})
        try:
            state["access"] = await self._admit(scope)
        except ProblemError as error:
            response = problem_response(scope, error.kind, error.detail, headers=error.headers)
            await response(scope, receive, send)
        except StoreError as error:
            # Keys that cannot be read are not the same as none.
            await problem_response(scope, STORE_UNAVAILABLE, str(error))(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _admit(self, scope: AsgiScope) -> Access:
        path = scope["path"]
        client = f"client {client_of((scope.get('client') or ('unknown', 0))[0])}"
        if path == "/healthz":
            return Access()
        if path in OPEN_PATHS or path.startswith(OPEN_PREFIX):
            self._take(client)
            return Access(client=client)
        if not self._required:
            self._required = await to_thread.run_sync(self._keys.required, limiter=self._lookups)
        if not self._required:
            self._take(client)
            return Access(client=client)
        try:
            access = await self._authenticated(scope)
        except ProblemError:
            self._take(client)
            raise
        self._take(access.client)
        needed = _needed(scope["method"], path)
        if needed not in access.scopes:
            challenge = f'{_CHALLENGE}, error="insufficient_scope", scope="{needed}"'
            detail = f"the key may not {needed}; its scopes: {', '.join(sorted(access.scopes))}"
            raise ProblemError(FORBIDDEN, detail, headers={"www-authenticate": challenge})
        return access

    async def _authenticated(self, scope: AsgiScope) -> Access:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if not given:
            detail = "send an API key: Authorization: Bearer KEY (qa keys add makes one)"
            raise ProblemError(KEY_REQUIRED, detail, headers={"www-authenticate": _CHALLENGE})
        scheme, _, token = given[0].decode("latin-1").partition(" ")
        if len(given) > 1 or scheme.lower() != "bearer":
            raise _bad_key("the Authorization header is not one of the form: Bearer KEY")
        key = await to_thread.run_sync(self._keys.authenticate, token.strip(" "), limiter=self._lookups)
        # The use of one that was revoked is noted as well: somebody still has it.
        scope["state"]["key_id"] = key.key_id if isinstance(key, RefusedKey) else key.id
        if isinstance(key, RefusedKey):
            what = "damaged in the store, and has to be made anew" if key.reason == "damaged" else key.reason
            raise _bad_key(f"the API key is {what}")
        return Access.of(key)

    def _take(self, client: str) -> None:
        seconds = self._rate.take(client)
        if seconds:
            wait = max(1, math.ceil(seconds))
            raise ProblemError(
                TOO_MANY_REQUESTS,
                f"more requests than this server allows one client; try again in {wait} s",
                headers={"retry-after": str(wait)},
            )


def _needed(method: str, path: str) -> Scope:
    return "read" if method in _SAFE_METHODS or path in _QUESTIONS else "write"


def _bad_key(detail: str) -> ProblemError:
    return ProblemError(KEY_INVALID, detail, headers={"www-authenticate": f'{_CHALLENGE}, error="invalid_token"'})
