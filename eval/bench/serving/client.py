"""A client of the HTTP API that costs next to nothing: it shares the machine with the server that it measures."""

from __future__ import annotations

import http.client
import json
import secrets
import select
from collections.abc import Mapping
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
        if value is None:
            return self._send(method, path, None, {})
        return self._send(method, path, json.dumps(value).encode("ascii"), {"content-type": "application/json"})

    def upload(self, files: Mapping[str, bytes], *, events: bool) -> Reply:
        """The answer to an upload of files by name (ASCII, without quotes), or with `events` the report that ends the
        stream of events; raises UnreachedError, also where the stream ends without one."""
        boundary = secrets.token_hex(16)
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode("ascii")
            + content
            + b"\r\n"
            for name, content in files.items()
        ]
        headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
        if events:
            headers["accept"] = "text/event-stream"
        reply = self._send("POST", "/v1/uploads", b"".join([*parts, f"--{boundary}--\r\n".encode("ascii")]), headers)
        if events and reply.status == 200 and reply.value is None:
            raise UnreachedError("POST /v1/uploads: the events ended without a report")
        return reply

    def _send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        self._drop_ended()
        try:
            self._connection.request(method, path, body, dict(headers))
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            # What comes next must not read the rest of this answer.
            self._connection.close()
            raise UnreachedError(f"{method} {path}: {type(error).__name__} {error}".rstrip()) from error
        wait = response.headers.get("retry-after")
        if response.headers.get_content_type() == "text/event-stream":
            content = _reported(content)
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


def _reported(events: bytes) -> bytes:
    """The data of the event `report`, nothing where there is none."""
    for event in events.replace(b"\r\n", b"\n").split(b"\n\n"):
        lines = event.split(b"\n")
        if b"event: report" in lines:
            return b"".join(line.removeprefix(b"data: ") for line in lines if line.startswith(b"data: "))
    return b""
