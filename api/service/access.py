"""Who may do what: API keys, their scopes and collections, and how often each client may ask."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Request
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
from api.service.key_use import KeyUse
from index.catalogue.audit_log import NO_KEY
from index.catalogue.keys import Key, RefusedKey, Scope
from index.documents import DEFAULT_COLLECTION
from index.errors import StoreError
from index.store.keyring import KeyRing
from qa.types import Filters, Response

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


@dataclass(frozen=True, slots=True)
class Access:
    """What a request may do. `collections` None: every one; `key_id` None: the server has no keys.

    `client` is who shares limits and turns with it: all requests with the same key or, without keys, from one address.
    """

    scopes: frozenset[Scope] = frozenset({"read", "write"})
    collections: tuple[str, ...] | None = None
    key_id: str | None = None
    client: str = ""

    @staticmethod
    def of(key: Key) -> Access:
        return Access(frozenset(key.scopes), key.collections or None, key.id, f"key {key.id}")

    @property
    def actor(self) -> str:
        """Who that is in the store's log."""
        return self.key_id or NO_KEY

    def sees(self, collection: str) -> bool:
        """Whether the documents of a collection exist for it."""
        return self.collections is None or collection in self.collections

    def narrow(self, filters: Filters) -> Filters:
        """The filters, within what may be seen."""
        if self.collections is None:
            return filters
        wanted = filters.collections or self.collections
        seen = tuple(name for name in wanted if name in self.collections)
        # No collection has an empty name: where nothing that is asked for may be seen, nothing is found.
        return filters.model_copy(update={"collections": seen or ("",)})

    def shown(self, response: Response) -> Response:
        """The response as it may be seen: nothing in it moves with documents of other collections."""
        if self.collections is None:
            return response
        provenance = response.provenance.model_copy(update={"store_generation": None})
        return response.model_copy(update={"provenance": provenance})

    def collection_for(self, named: str | None) -> str:
        """Where an upload goes; raises ProblemError 403 for a collection that the key is not for."""
        if named is None:
            only = self.collections is not None and len(self.collections) == 1
            named = self.collections[0] if self.collections and only else DEFAULT_COLLECTION
        if not self.sees(named):
            raise ProblemError(FORBIDDEN, f"the key is not for the collection {named[:100]!r}; name one that it is for")
        return named

    def require_all_collections(self) -> None:
        """Raise ProblemError 403 for a key limited to collections."""
        if self.collections is not None:
            raise ProblemError(FORBIDDEN, "this speaks of all documents, and the key is limited to some collections")


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


def _access(request: Request) -> Access:
    access: Access = request.state.access
    return access


AccessDep = Annotated[Access, Depends(_access)]
