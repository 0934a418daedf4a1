"""What schemathesis has to be told of the API: how to send files whose content it does not know."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis.generation.meta import TestPhase
from schemathesis.transport.serialization import Binary

from api.service.uploading.bodies import SUFFIXES

# Random bytes are seldom text, and what cannot be read leads to no document.
schemathesis.openapi.format(
    "binary",
    st.one_of(st.binary(), st.text(min_size=1).map(lambda text: text.encode("utf-8", "surrogatepass"))).map(Binary),
)


@schemathesis.serializer(*(name for name in SUFFIXES if not name.startswith("text/")))
def file_bytes(_context: Any, value: Any) -> bytes:
    """A made-up file as the request's body."""
    content = getattr(value, "data", value)
    return content if isinstance(content, bytes) else str(content).encode("utf-8", "surrogatepass")


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: schemathesis.Case, _kwargs: dict[str, Any]) -> None:
    """Make valid requests of a sequence ones that lead on: random filters leave nothing."""
    if case.meta is None or case.meta.phase.name != TestPhase.STATEFUL or not case.meta.generation.mode.is_positive:
        return
    if case.operation.label in ("POST /v1/ask", "POST /v1/search"):
        for name in ("filters", "threshold"):
            case.body.pop(name, None)
    elif case.operation.label == "GET /v1/documents":
        for name in set(case.query) - {"limit", "cursor"}:
            del case.query[name]


@schemathesis.hook
def filter_query(_context: schemathesis.HookContext, query: dict[str, Any] | None) -> bool:
    """Whether a query breaks the description in a URL too: there `tags=true` is an array of one tag."""
    tags = (query or {}).get("tags")
    return tags is None or isinstance(tags, list | dict)
