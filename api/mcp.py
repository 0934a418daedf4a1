"""The door for language-model agents: tools of the Model Context Protocol that give quotes which can be checked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated, Any, TypeVar

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import CallToolResult, TextContent, ToolAnnotations
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api.schemas import SearchRequest, SearchResponse
from api.service.access import Access
from api.service.queries import VisibleDocuments, read_text, search_passages
from api.service.service import Service
from api.version import installed_version
from index.errors import SpanqaError
from qa.citing.verify import Verdict, verify
from qa.types import MAX_ANSWERS, MAX_PASSAGES, MAX_QUESTION_LENGTH, Citation, Filters, Question, Response

PATH = "/mcp"
# Code points of a document that one call shows at most: some thousand words, which a model's context can hold.
MAX_READ = 20_000
_T = TypeVar("_T")
_READS = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
_INSTRUCTIONS = (
    "Answers from the user's own documents, as exact quotes with citations. Ask whole questions, one fact each. Quote "
    "answers word for word and name the document. `answered`: quote it. `unsure`: state nothing as a fact; quote a "
    "candidate as a possibility with its confidence, and check its place by read_document first. `not_found`: the "
    "passages that were read hold no answer; say that nothing was found, not that the documents do not say it. "
    "`hint` says what to ask instead. `also_found` contradicts the answer: state both sides, with their documents' "
    "dates. read_document shows what stands around a quote, by the citation's document id and offsets. verify_citation "
    "says whether a quote kept from earlier still stands there."
)

QuestionText = Annotated[str, Field(max_length=MAX_QUESTION_LENGTH, description="The question, in whole words.")]
FilterBy = Annotated[
    Filters | None, Field(description="Which documents may answer: by collection, tag, date, URI prefix or id.")
]


class DocumentPart(BaseModel):
    """The code points `[start, end)` of a document's text, which has `length` in all.

    `sha256` is of the whole text: the same as in the citations of this version.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    sha256: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    length: int = Field(ge=0)
    text: str


def agent_server(service: Service) -> MCPServer[Any]:
    """The tools ask, search, read_document and verify_citation over a service. They change nothing.

    Over HTTP the access of the request binds them, as it does the routes; whoever speaks over standard input reads all.
    """
    server: MCPServer[Any] = MCPServer("spanqa", version=installed_version(), instructions=_INSTRUCTIONS)

    @server.tool(title="Ask the documents", annotations=_READS)
    async def ask(
        question: QuestionText,
        ctx: Context[Any, Any],
        filters: FilterBy = None,
        answers: Annotated[int | None, Field(ge=1, le=MAX_ANSWERS, description="How many answers, at most.")] = None,
        threshold: Annotated[float | None, Field(ge=0, le=1, description="Confidence needed to answer.")] = None,
        *,
        explain: Annotated[
            bool, Field(description="Say why: what was read, what counted, what would have changed the outcome.")
        ] = False,
    ) -> Annotated[CallToolResult, Response]:
        """The exact words that answer a question, each with its confidence and a citation that can be checked.

        `status` says what may be concluded. answered: quote an answer with its source. unsure: `candidates` are
        possibilities below the threshold; never state one as a fact, quote it as a possibility with its confidence, and
        check its place. not_found: the passages that were read hold no answer, which is no proof that the documents
        hold none. Where `hint` is set, no quote can answer such a question: ask what it says instead.
        """
        access = _access(ctx)

        async def work() -> CallToolResult:
            narrowed = access.narrow(filters or Filters())
            asked = Question(question=question, answers=answers, threshold=threshold, filters=narrowed, explain=explain)
            return _result(access.shown(await service.ask(asked, keep=access.collections is None)))

        return await _told(work())

    @server.tool(title="Search the documents", annotations=_READS)
    async def search(
        question: QuestionText,
        ctx: Context[Any, Any],
        filters: FilterBy = None,
        passages: Annotated[int, Field(ge=1, le=MAX_PASSAGES, description="How many passages, at most.")] = 8,
    ) -> SearchResponse:
        """The passages that speak of a question, best first, with their offsets, whether or not they answer it."""
        access = _access(ctx)

        def work() -> SearchResponse:
            request = SearchRequest(question=question, passages=passages, filters=filters or Filters())
            return search_passages(service.engine, request, access)

        response = await _told(service.search(work))
        service.metrics.count_search(response.elapsed_ms)
        return response

    @server.tool(title="Read a document", annotations=_READS)
    async def read_document(
        document_id: Annotated[str, Field(max_length=200, description="The id in a citation or a found passage.")],
        ctx: Context[Any, Any],
        start: Annotated[int, Field(ge=0, description="The first code point to show.")] = 0,
        end: Annotated[int | None, Field(ge=0, description="The first one not to show.")] = None,
    ) -> DocumentPart:
        """A part of a document's stored text; what is longer than 20,000 code points is to be read in several parts."""
        access = _access(ctx)
        return await _told(
            service.lookups.run(
                partial(_part, service, document_id, access, start, start + MAX_READ if end is None else end)
            )
        )

    @server.tool(title="Check a citation", annotations=_READS)
    async def verify_citation(
        citation: Annotated[Citation, Field(description="A citation as `ask` gave it.")], ctx: Context[Any, Any]
    ) -> Verdict:
        """Whether a quote still stands where its citation says, and where it stands now if the document has changed."""
        source = VisibleDocuments(service.engine.store.catalogue, _access(ctx))
        return await _told(service.lookups.run(partial(verify, citation, source)))

    return server


class AgentDoor:
    """The tools over streamable HTTP, at one path of an application whose own middleware guards it.

    Every request stands alone: no session is kept, so that none can be left behind.
    """

    def __init__(self, service: Service, max_body_bytes: int) -> None:
        self._server = agent_server(service)
        self._max_body_bytes = max_body_bytes
        self._app: ASGIApp | None = None

    @property
    def route(self) -> Route:
        return Route(PATH, endpoint=self, methods=["GET", "POST", "DELETE"], include_in_schema=False)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Answer requests within this context; it may be entered again after it has ended."""
        inner = self._server.streamable_http_app(
            streamable_http_path=PATH,
            json_response=True,
            stateless_http=True,
            max_request_body_size=self._max_body_bytes,
            # The application's own guard knows the names and the origins that it answers to.
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )
        async with self._server.session_manager.run():
            self._app = inner
            try:
                yield
            finally:
                self._app = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None:
            raise RuntimeError("the agent door answers only while its application runs")
        await self._app(scope, receive, send)


def serve_stdio(service: Service) -> None:
    """Speak the protocol over standard input and output until the input ends."""

    async def run() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(service.warmup.run)
            # Agents take a refusal for an answer, and do not come back later.
            await service.warmup.tried.wait()
            await agent_server(service).run_stdio_async()
            tasks.cancel_scope.cancel()

    anyio.run(run)


def _access(ctx: Context[Any, Any]) -> Access:
    request = ctx.request_context.request
    return Access(frozenset({"read"})) if request is None else request.state.access


async def _told(work: Awaitable[_T]) -> _T:
    """The result of work; what a caller can mend is a tool's error, in the words that the API would use."""
    try:
        return await work
    except HTTPException as error:
        raise ToolError(str(error.detail)) from error
    except (SpanqaError, ValueError) as error:
        raise ToolError(_words(error)) from error


def _words(error: Exception) -> str:
    details: Callable[[], list[dict[str, Any]]] | None = getattr(error, "errors", None)
    if details is None:
        return str(error)
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in details())


def _result(response: Response) -> CallToolResult:
    """A response as the tool gives it: what may be concluded from it, in words, then the JSON of it all."""
    texts = (_conclusion(response), response.model_dump_json())
    return CallToolResult(
        content=[TextContent(text=text) for text in texts], structured_content=response.model_dump(mode="json")
    )


def _conclusion(response: Response) -> str:
    hint = f" {response.hint}" if response.hint else ""
    match response.status:
        case "answered":
            also = " What was also found contradicts it: state both sides." if response.also_found else ""
            return f"Answered: quote the answer and name its document.{also}"
        case "unsure":
            best = response.candidates[0].confidence
            return (
                f"Unsure: no answer is likely enough; the best candidate is right with a probability of {best:.0%}. Do "
                "not state it as a fact. Quote it as a possibility, with its confidence, after checking its place with "
                f"read_document.{hint}"
            )
        case "not_found":
            return (
                "Not found: the passages that were read hold no answer. That is no proof that the documents hold none: "
                f"say that nothing was found.{hint}"
            )


def _part(service: Service, document_id: str, access: Access, start: int, end: int) -> DocumentPart:
    document = read_text(service.engine.store, document_id, access)
    length = len(document.text)
    if end <= start and length:
        raise ValueError(f"end: {end} is not behind start {start}")
    if start > length:
        raise ValueError(f"start: {start} is beyond the document's {length} code points")
    last = min(end, length, start + MAX_READ)
    return DocumentPart(
        id=document.id,
        sha256=document.sha256,
        start=start,
        end=last,
        length=length,
        text=document.text[start:last],
    )
