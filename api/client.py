"""A Python client of the HTTP API: one method for each of its operations, with the server's own types.

with Client("http://127.0.0.1:8000") as client:
    client.put_document("notes.txt", "The drills run from August 9 to 13.")
    print(client.ask("When do the drills run?").answers[0].text)
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from api import sse
from api.client_answers import (
    AnswerError,
    ApiError,
    ConnectionFailedError,
    Progress,
    Stored,
    events_of,
    other_version,
    refusal_of,
    retry_after,
    understood,
)
from api.problems import field_errors, summary
from api.schemas import (
    CitationList,
    Description,
    DocumentList,
    DocumentQuery,
    DocumentText,
    DocumentUpload,
    FileResult,
    ListQuery,
    Readiness,
    SearchRequest,
    SearchResponse,
    Status,
    TextMediaType,
    UploadReport,
    VerdictList,
)
from index.documents import DocumentRecord
from index.errors import InputError
from qa.citing.formats import FormattedCitation
from qa.citing.verify import Verdict
from qa.types import Citation, Filters, Question, Response

__all__ = ["AnswerError", "ApiError", "Client", "ConnectionFailedError", "Progress", "Stored"]

KEY_VARIABLE = "QA_API_KEY"
DEFAULT_URL = "http://127.0.0.1:8000"
# How many documents `documents` asks for at once.
PAGE = 1_000
_RETRIED = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_EVENTS = {"accept": sse.MEDIA_TYPE}
_NO_FILTERS = Filters()
_NOTHING_KNOWN = Description()

_Model = TypeVar("_Model", bound=BaseModel)


class Client:
    """A server's operations. Safe to share between threads; to be closed, or used in a `with` statement.

    `api_key` defaults to the environment's QA_API_KEY. Where the server answers 429 or 503 and says when to come again
    (Retry-After), a request is sent again, at most `retries` times and as long as all its waiting stays within
    `max_wait_s`. `timeout_s` is for each read and write, not for a whole answer. Every method raises ApiError for a
    refusal, ConnectionFailedError where no server answers, and InputError for arguments that no server would take.
    """

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        *,
        api_key: str | None = None,
        timeout_s: float = 60.0,
        retries: int = 5,
        max_wait_s: float = 60.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        key = os.environ.get(KEY_VARIABLE, "") if api_key is None else api_key
        if not key.isascii() or any(character.isspace() for character in key):
            raise InputError("the API key holds characters that no key has; it is what qa keys add printed")
        headers = {"authorization": f"Bearer {key}"} if key else {}
        try:
            url = httpx.URL(base_url)
        except httpx.InvalidURL as error:
            raise InputError(f"{base_url[:100]!r} is no URL ({error})") from error
        if url.scheme not in ("http", "https") or not url.host:
            raise InputError(f"{base_url[:100]!r} is no URL of a server; it begins with http:// or https://")
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout_s, transport=transport)
        self._base_url = base_url
        self._retries = retries
        self._max_wait_s = max_wait_s
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # Questions

    def ask(
        self,
        question: str,
        *,
        answers: int | None = None,
        passages: int = 20,
        filters: Filters = _NO_FILTERS,
        threshold: float | None = None,
        candidates: bool = False,
        explain: bool = False,
    ) -> Response:
        """The exact spans that answer, each with its citation; else candidates, or that nothing was found."""
        body = _valid(
            Question,
            question=question,
            answers=answers,
            passages=passages,
            filters=filters,
            threshold=threshold,
            candidates=candidates,
            explain=explain,
        )
        return self._call(Response, "POST", "v1/ask", body)

    def search(self, question: str, *, passages: int = 20, filters: Filters = _NO_FILTERS) -> SearchResponse:
        """The passages that would be read for a question, best first."""
        body = _valid(SearchRequest, question=question, passages=passages, filters=filters)
        return self._call(SearchResponse, "POST", "v1/search", body)

    def verify_citation(self, citation: Citation) -> Verdict:
        """Whether a citation holds in the document as it is now."""
        return self._call(Verdict, "POST", "v1/citations/verify", citation)

    def verify_citations(self, citations: Sequence[Citation]) -> tuple[Verdict, ...]:
        """A verdict for each citation, in their order; those of one document are judged by the same version of it."""
        body = _valid(CitationList, citations=tuple(citations))
        return self._call(VerdictList, "POST", "v1/citations/verify", body).verdicts

    def format_citation(self, citation: Citation) -> FormattedCitation:
        """A citation as text, Markdown, W3C Web Annotation and link. It is not checked."""
        return self._call(FormattedCitation, "POST", "v1/citations/format", citation)

    # Documents

    def list_documents(
        self, filters: Filters = _NO_FILTERS, *, limit: int = 100, cursor: str | None = None, offset: int = 0
    ) -> DocumentList:
        """One page of the documents that the filters leave, ordered by URI."""
        query = _valid(ListQuery, **_fields(filters), limit=limit, cursor=cursor, offset=offset)
        return self._call(DocumentList, "GET", "v1/documents", query=_fields(query))

    def documents(self, filters: Filters = _NO_FILTERS) -> Iterator[DocumentRecord]:
        """All documents that the filters leave, ordered by URI, read page by page."""
        cursor: str | None = None
        while True:
            page = self.list_documents(filters, limit=PAGE, cursor=cursor)
            yield from page.documents
            cursor = page.next_cursor
            if cursor is None:
                return

    def show_document(self, document_id: str) -> DocumentRecord:
        """What is known of a document."""
        return self._call(DocumentRecord, "GET", _path(document_id))

    def etag(self, document_id: str) -> str:
        """The version of a document as `if_match` takes it."""
        with self._answered("GET", _path(document_id)) as response:
            etag: str | None = response.headers.get("etag")
        if etag is None:
            raise other_version("without an ETag")
        return etag

    def show_text(self, document_id: str) -> DocumentText:
        """A document's whole text: `text[start:end]` is the quote of a citation."""
        return self._call(DocumentText, "GET", f"{_path(document_id)}/text")

    def remove_document(self, document_id: str, *, if_match: str | None = None) -> None:
        """Remove a document; with `if_match` only one of these ETags."""
        with self._answered("DELETE", _path(document_id), headers=_conditions(if_match, None)):
            pass

    def put_document(
        self,
        uri: str,
        text: str,
        *,
        media_type: TextMediaType = "text/plain",
        title: str | None = None,
        known: Description = _NOTHING_KNOWN,
        if_match: str | None = None,
        if_none_match: str | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Stored:
        """Add a text, or replace the document of that URI; it is stored exactly as given."""
        body = _valid(DocumentUpload, uri=uri, text=text, media_type=media_type, title=title, **_fields(known))
        headers = {"content-type": "application/json", **_conditions(if_match, if_none_match)}
        content = body.model_dump_json(exclude_defaults=True).encode()
        return self._stored({}, content, headers, on_progress)

    def put_content(
        self,
        uri: str,
        content: bytes,
        media_type: str,
        *,
        title: str | None = None,
        known: Description = _NOTHING_KNOWN,
        if_match: str | None = None,
        if_none_match: str | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Stored:
        """Add the content of a file of a media type (`application/pdf`), or replace the document of that URI."""
        query = _valid(DocumentQuery, uri=uri, title=title, **_fields(known))
        headers = {"content-type": media_type, **_conditions(if_match, if_none_match)}
        return self._stored(_fields(query), content, headers, on_progress)

    def put_files(
        self,
        files: Sequence[Path | tuple[str, bytes]],
        *,
        known: Description = _NOTHING_KNOWN,
        on_progress: Callable[[Progress], None] | None = None,
        on_file: Callable[[FileResult], None] | None = None,
    ) -> UploadReport:
        """Add or replace several documents, files or names with their content; the document's URI is `upload:NAME`.

        What is wrong with one file is told in its result, and does not keep the others out. `on_file` is called with
        each result as soon as it is there.
        """
        with ExitStack() as opened:
            parts: list[tuple[str, tuple[str, Any]]] = []
            for file in files:
                if isinstance(file, tuple):
                    parts.append(("files", file))
                    continue
                try:
                    parts.append(("files", (file.name, opened.enter_context(file.open("rb")))))
                except OSError as error:
                    raise InputError(f"{file}: cannot be read ({error.strerror})") from error
            with self._answered(
                "POST", "v1/uploads", query=_fields(known), headers=_EVENTS, files=parts, streamed=True
            ) as response:
                for name, data in events_of(response, on_progress):
                    if name == "file" and on_file is not None:
                        on_file(understood(FileResult, data))
                    elif name == "report":
                        return understood(UploadReport, data)
        raise self._broken_off()

    # The server

    def health(self) -> Status:
        """That questions can be answered; ApiError 503 while they cannot."""
        return self._call(Status, "GET", "healthz")

    def readiness(self) -> Readiness:
        """What the server answers from."""
        return self._call(Readiness, "GET", "readyz")

    def metrics(self) -> str:
        """Counters and histograms in the Prometheus text format."""
        with self._answered("GET", "metrics") as response:
            return response.text

    def _stored(
        self,
        query: dict[str, Any],
        content: bytes,
        headers: dict[str, str],
        on_progress: Callable[[Progress], None] | None,
    ) -> Stored:
        # Events even where nobody looks at them: long indexing then never looks like a server that has gone.
        with self._answered(
            "POST", "v1/documents", query=query, headers={**headers, **_EVENTS}, content=content, streamed=True
        ) as response:
            for name, data in events_of(response, on_progress):
                if name == "stored":
                    return understood(Stored, data)
        raise self._broken_off()

    def _call(
        self,
        model: type[_Model],
        method: str,
        path: str,
        body: BaseModel | None = None,
        *,
        query: dict[str, Any] | None = None,
    ) -> _Model:
        content = None if body is None else body.model_dump_json(exclude_unset=True).encode()
        headers = {} if body is None else {"content-type": "application/json"}
        with self._answered(method, path, query=query, headers=headers, content=content) as response:
            return understood(model, response.content)

    @contextmanager
    def _answered(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        content: bytes | None = None,
        files: list[tuple[str, tuple[str, Any]]] | None = None,
        streamed: bool = False,
    ) -> Iterator[httpx.Response]:
        """A response that is no error, its content read unless it is `streamed`."""
        left, waited = self._retries, 0.0
        try:
            while True:
                request = self._http.build_request(
                    method, path, params=query, headers=headers, content=content, files=files
                )
                response = self._http.send(request, stream=streamed)
                try:
                    if response.is_success:
                        yield response
                        return
                    response.read()
                finally:
                    response.close()
                wait = retry_after(response)
                if response.status_code not in _RETRIED or wait is None or not left or waited + wait > self._max_wait_s:
                    raise refusal_of(response)
                left, waited = left - 1, waited + wait
                self._sleep(wait)
        except httpx.HTTPError as error:
            raise ConnectionFailedError(
                f"{self._base_url} did not answer {method} /{path.partition('?')[0]} "
                f"({type(error).__name__}: {error}); is qa serve running there?"
            ) from error

    def _broken_off(self) -> ConnectionFailedError:
        return ConnectionFailedError(f"{self._base_url} ended the connection before it said what became of the upload")


def _valid(model: type[_Model], **fields: Any) -> _Model:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise InputError(
            summary(field_errors([{**entry, "loc": ("", *entry["loc"])} for entry in error.errors()]))
        ) from error


def _fields(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(exclude_defaults=True)


def _path(document_id: str) -> str:
    return f"v1/documents/{quote(document_id, safe='')}"


def _conditions(if_match: str | None, if_none_match: str | None) -> dict[str, str]:
    given = {"if-match": if_match, "if-none-match": if_none_match}
    return {name: value for name, value in given.items() if value is not None}
