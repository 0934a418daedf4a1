"""A client of the HTTP API that costs next to nothing: it shares the machine with the server that it measures."""

from __future__ import annotations

import http.client
import json
import select
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

REQUEST_TIMEOUT_S = 120.0


class UnreachedError(Exception):
    """There was no answer: no connection, or one that ended. Whether the request was carried out is not known."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `value` is its JSON, None where it has none."""

    status: int
    value: Any
    retry_after_s: float | None = None


class Client:
    """One connection, kept open, to a server on 127.0.0.1. To be used from one thread."""

    def __init__(self, port: int, timeout_s: float = REQUEST_TIMEOUT_S) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)

    def request(self, method: str, path: str, value: Any = None) -> Reply:
        """The answer to a request, with `value` as its JSON body; raises UnreachedError. Nothing is tried twice."""
        body, headers = None, {}
        if value is not None:
            body, headers = json.dumps(value).encode("ascii"), {"content-type": "application/json"}
        self._drop_ended()
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            # What comes next must not read the rest of this answer.
            self._connection.close()
            raise UnreachedError(f"{method} {path}: {type(error).__name__} {error}".rstrip()) from error
        wait = response.headers.get("retry-after")
        return Reply(response.status, _json(content), float(wait) if wait and wait.isdecimal() else None)

    def _drop_ended(self) -> None:
        # Nothing is on its way to us between two requests, unless the server has closed the connection meanwhile.
        sock = self._connection.sock
        if sock is not None and select.select([sock], [], [], 0)[0]:
            self._connection.close()

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _json(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except ValueError:
        return None
