"""What a server answers its client: documents and progress, refusals, and what is not understood."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from api import sse
from api.problems import REQUEST_ID_HEADER, FieldError, Problem
from index.documents import DocumentRecord
from index.errors import SpanqaError

_Model = TypeVar("_Model", bound=BaseModel)


class ApiError(SpanqaError):
    """The server's refusal. `problem` are its problem details (RFC 9457); None where something else answered."""

    def __init__(
        self, status: int, title: str, detail: str, *, problem: Problem | None, request_id: str | None
    ) -> None:
        super().__init__(f"{status} {title}: {detail}" + (f" (request {request_id})" if request_id else ""))
        self.status = status
        self.title = title
        self.detail = detail
        self.problem = problem
        self.request_id = request_id

    @property
    def type(self) -> str:
        """The kind of problem, a URI; `about:blank` where the status says all (RFC 9457, section 4.2.1)."""
        return self.problem.type if self.problem else "about:blank"

    @property
    def errors(self) -> tuple[FieldError, ...]:
        """Each wrong field of an invalid request."""
        return (self.problem.errors or ()) if self.problem else ()


class ConnectionFailedError(SpanqaError):
    """No answer, or not the whole of one: whether the request was carried out is not known."""


class AnswerError(SpanqaError):
    """An answer that this version does not understand."""


class Progress(BaseModel):
    """How far an upload is: `done` of `total` passages at a stage; `name` is the file's, "" for a single document."""

    model_config = ConfigDict(frozen=True)

    stage: str
    done: int
    total: int
    name: str = ""


class Stored(BaseModel):
    """A document that is in the store; `changed` is False where the same was there already.

    `etag` names this version of it for conditions.
    """

    model_config = ConfigDict(frozen=True)

    document: DocumentRecord
    changed: bool
    etag: str


def understood(model: type[_Model], content: Any) -> _Model:
    """An answer's content, JSON or what that came to, as a model; raises AnswerError where it is none."""
    try:
        return model.model_validate_json(content) if isinstance(content, bytes) else model.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise other_version(f"no {model.__name__} ({where}: {first['msg']})") from error


def other_version(what: str) -> AnswerError:
    """The error of an answer that is `what`, as no server of this version gives."""
    return AnswerError(f"the server's answer is {what}; use the same version of spanqa on both sides")


def events_of(response: httpx.Response, on_progress: Callable[[Progress], None] | None) -> Iterator[tuple[str, Any]]:
    """The events but progress, which goes to `on_progress`; raises ApiError for a problem."""
    for name, text in sse.read(response.iter_lines()):
        try:
            data = json.loads(text)
        except ValueError as error:
            raise other_version(f"an event {name!r} without JSON") from error
        if name == "problem":
            raise _of_problem(understood(Problem, data))
        if name != "progress":
            yield name, data
        elif on_progress is not None:
            on_progress(understood(Progress, data))


def retry_after(response: httpx.Response) -> float | None:
    """Seconds that the server wants waited (RFC 9110, section 10.2.3), None where it does not say."""
    stated = response.headers.get("retry-after", "").strip()
    if stated.isascii() and stated.isdigit():
        return float(stated)
    try:
        when = parsedate_to_datetime(stated)
    except ValueError:
        return None
    return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def refusal_of(response: httpx.Response) -> ApiError:
    """The error that a response with an error's status is."""
    try:
        return _of_problem(Problem.model_validate_json(response.content))
    except ValidationError:
        status = response.status_code
        return ApiError(
            status,
            response.reason_phrase or "Error",
            f"answered by something that is not spanqa: {response.text[:200]!r}",
            problem=None,
            request_id=response.headers.get(REQUEST_ID_HEADER),
        )


def _of_problem(problem: Problem) -> ApiError:
    return ApiError(problem.status, problem.title, problem.detail, problem=problem, request_id=problem.request_id)
