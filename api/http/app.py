"""The HTTP door: the application and its server."""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import anyio
import uvicorn
from anyio import to_thread
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.http import page
from api.http.middleware.access import AccessControl
from api.http.middleware.connections import MAX_CONNECTIONS, MAX_OPEN, GuardedProtocol
from api.http.middleware.hosts import HostGuard
from api.http.middleware.limits import BodyLimit
from api.http.middleware.observe import Observe
from api.http.open_files import RESERVED_FILES, make_room
from api.http.openapi import DescribedApi, described, operation_id
from api.http.routes import documents, operations, questions
from api.http.routes import uploads as uploading
from api.http.stopping import RefuseWhileStopping, StoppingServer
from api.mcp import PATH as AGENT_PATH
from api.mcp import AgentDoor
from api.problems import (
    ABANDONED,
    INVALID,
    MALFORMED,
    METHOD_NOT_ALLOWED,
    MODEL_UNAVAILABLE,
    NOT_FOUND,
    STORE_CHANGING,
    STORE_UNAVAILABLE,
    TOO_LONG,
    UNUSABLE,
    ProblemError,
    field_errors,
    kind_of_status,
    problem_response,
    summary,
)
from api.rates import RateLimit
from api.schemas import UNION_TAGS
from api.service.key_use import KeyUse
from api.service.service import Service
from api.settings import ANY_HOST, LOOPBACK_NAMES, ServerSettings
from api.version import installed_version
from index.errors import AbandonedError, ChangingError, InputError, ModelError, StoreError, TooLongError
from index.store.keyring import KeyRing
from qa.engine import Engine

logger = logging.getLogger("spanqa.http")
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8000
_DESCRIPTION = (
    "Ask questions of your own documents and get the exact words that answer, each with a citation that anyone can "
    "check; else what comes closest, or that nothing was found. Offsets are Unicode code points into a document's "
    "text, half-open. Errors are problem details (RFC 9457). Every response carries x-request-id."
)


def create_app(engine: Engine, *, settings: ServerSettings | None = None) -> FastAPI:
    """The application around an engine. It does not own the engine: whoever made its store closes it.

    The models are loaded in the background when the application starts (its lifespan); until then /healthz and all
    that needs them answer 503. Requests must come under a name of `settings.allowed_hosts`, and with an API key where
    the store has any.
    """
    settings = settings or ServerSettings()
    service = Service(engine, settings)
    agents = AgentDoor(service, settings.max_citations_bytes)
    use = KeyUse(engine.store)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with agents.running(), anyio.create_task_group() as tasks:
            tasks.start_soon(service.warmup.run)
            tasks.start_soon(service.purging.run)
            tasks.start_soon(use.run)
            yield
            # A server that ran out of time for it does not wait here again.
            if not service.acceptance.stopping:
                await service.finish()
            tasks.cancel_scope.cancel()
        await service.purging.finish()
        await to_thread.run_sync(use.flush)

    app = DescribedApi(
        title="spanqa",
        version=installed_version(),
        description=_DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=lifespan,
        # FastAPI's own pages load scripts from other servers; ours works offline and tells nobody.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
    )
    app.state.service = service
    _add_handlers(app)
    app.include_router(questions.router)
    app.include_router(documents.router)
    app.include_router(uploading.router)
    app.include_router(operations.router)
    app.include_router(page.router)
    app.router.routes.append(agents.route)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        policy = "default-src 'none'; style-src 'unsafe-inline'"
        return HTMLResponse(described(app.openapi()), headers={"content-security-policy": policy})

    # The last one added is the outermost. Whoever refuses a request leaves its body to BodyLimit.
    app.add_middleware(
        AccessControl,
        keys=KeyRing(engine.store),
        rate=RateLimit(settings.requests_per_minute, settings.requests_at_once),
        use=use,
    )
    app.add_middleware(HostGuard, allowed_hosts=settings.allowed_hosts)
    app.add_middleware(
        RefuseWhileStopping,
        acceptance=service.acceptance,
        retry_after_s=settings.retry_after_s,
        listening_path=AGENT_PATH,
    )
    app.add_middleware(
        BodyLimit,
        by_path={
            "/v1/documents": settings.max_document_bytes,
            "/v1/uploads": settings.max_upload_bytes,
            "/v1/citations/verify": settings.max_citations_bytes,
            "/v1/citations/format": settings.max_citations_bytes,
            AGENT_PATH: settings.max_citations_bytes,
        },
        default=settings.max_question_bytes,
        timeout_s=settings.body_timeout_s,
    )
    app.add_middleware(Observe, metrics=service.metrics)
    return app


def serve(
    engine: Engine, host: str = DEFAULT_HOST, port: int = DEFAULT_PORT, *, settings: ServerSettings | None = None
) -> bool:
    """Serve an engine over HTTP until SIGTERM or SIGINT. `port` 0 takes a free one.

    Returns whether all that was accepted was finished in time, see `StoppingServer`; a second signal ends the process.
    Raises InputError for an address that cannot be listened on, or that others can reach while the store has no API
    key, ModelError where the store was embedded with another model, and FileLimitError where the system allows too few
    open files.
    """
    local = _is_loopback(host)
    keys = KeyRing(engine.store)
    # Told now rather than to every client: keys that are lost.
    keys.required()
    if not local and not keys.usable():
        raise InputError(
            f"--host {host}: refused, since the store has no API key, and anyone who reaches that address could read "
            f"and remove the documents; make one with: qa keys add NAME --store {engine.store.location}"
        )
    engine.store.check_embedder()
    settings = settings or ServerSettings()
    if local:
        settings = settings.model_copy(update={"allowed_hosts": (*settings.allowed_hosts, host)})
    elif settings.allowed_hosts == LOOPBACK_NAMES:
        # Nobody can know all names of an address, and a page that is not ours has no key to send.
        settings = settings.model_copy(update={"allowed_hosts": (ANY_HOST,)})
    connections = make_room(MAX_CONNECTIONS, MAX_OPEN - MAX_CONNECTIONS)
    if connections < MAX_CONNECTIONS:
        logger.warning(
            "the limit on open files has room for %d connections of %d; for all of them: ulimit -n %d",
            connections,
            MAX_CONNECTIONS,
            RESERVED_FILES + MAX_OPEN,
        )
    app = create_app(engine, settings=settings)
    with _listening(host, port) as listener:
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            http=GuardedProtocol,
            ws="none",
            lifespan="on",
            # The log has our own line of every request, without the query, which may name documents.
            access_log=False,
            log_config=None,
            server_header=False,
            # A client's own word on who it is would let it have any number of rate limits.
            proxy_headers=False,
        )
        server = StoppingServer(config, app.state.service.acceptance, settings.grace_s)
        server.run(sockets=[listener])
    return server.finished


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listening(host: str, port: int) -> socket.socket:
    # Here and not in uvicorn, which ends the process instead of raising.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OverflowError as error:
        raise InputError(f"--port {port}: not a port; take one from 1 to 65535, or 0 for a free one") from error
    except OSError as error:
        raise InputError(f"cannot listen on {host} port {port} ({error.strerror}); take another --port") from error


def _add_handlers(app: DescribedApi) -> None:
    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        if isinstance(error, ProblemError):
            return problem_response(request.scope, error.kind, error.detail, headers=headers)
        kind, detail = kind_of_status(error.status_code), str(error.detail)
        if error.status_code == NOT_FOUND.status and detail == HTTPStatus.NOT_FOUND.phrase:
            detail = "there is nothing at this path; see /docs"
        elif error.status_code == METHOD_NOT_ALLOWED.status:
            # A router knows only the methods of the one route that it came upon.
            allowed = app.allowed_methods(getattr(request.scope.get("route"), "path", ""))
            headers = {"allow": ", ".join(allowed)} if allowed else headers
            detail = f"this path takes {headers.get('allow') or next(iter(headers.values()), 'other methods')}"
        elif error.status_code == MALFORMED.status:
            # The only 400 that FastAPI itself raises: a body that json could not read.
            kind, detail = MALFORMED, _unreadable(error.__cause__)
        return problem_response(request.scope, kind, detail, headers=headers)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> Response:
        raw = error.errors()
        if raw and raw[0]["type"] == "json_invalid":
            detail = f"not JSON: {raw[0]['ctx']['error']} at character {raw[0]['loc'][-1]}"
            return problem_response(request.scope, MALFORMED, detail)
        errors = field_errors(raw, without=UNION_TAGS)
        return problem_response(request.scope, INVALID, summary(errors), errors=errors)

    @app.exception_handler(AbandonedError)
    async def on_abandoned(request: Request, error: AbandonedError) -> Response:
        return problem_response(request.scope, ABANDONED, str(error))

    @app.exception_handler(TooLongError)
    async def on_too_long(request: Request, error: TooLongError) -> Response:
        return problem_response(request.scope, TOO_LONG, str(error))

    @app.exception_handler(InputError)
    async def on_input(request: Request, error: InputError) -> Response:
        return problem_response(request.scope, UNUSABLE, str(error))

    @app.exception_handler(ChangingError)
    async def on_changing(request: Request, error: ChangingError) -> Response:
        wait = {"retry-after": str(request.app.state.service.settings.retry_after_s)}
        return problem_response(request.scope, STORE_CHANGING, str(error), headers=wait)

    @app.exception_handler(StoreError)
    async def on_store(request: Request, error: StoreError) -> Response:
        return problem_response(request.scope, STORE_UNAVAILABLE, str(error))

    @app.exception_handler(ModelError)
    async def on_model(request: Request, error: ModelError) -> Response:
        return problem_response(request.scope, MODEL_UNAVAILABLE, str(error))

    @app.exception_handler(ClientDisconnect)
    async def on_disconnect(request: Request, _error: ClientDisconnect) -> Response:
        # Nobody reads this; it keeps a client's going away from counting as a fault of ours.
        return problem_response(request.scope, MALFORMED, "the client went away before the body was complete")


def _unreadable(cause: BaseException | None) -> str:
    if isinstance(cause, UnicodeDecodeError):
        return "the body is not UTF-8"
    if isinstance(cause, RecursionError):
        return "the body is nested too deeply"
    return "the body cannot be read as JSON"
