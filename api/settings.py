"""What the HTTP server allows: sizes, numbers of requests at work, and the names that it answers to."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")
ANY_HOST = "*"


class ServerSettings(BaseModel):
    """Limits of the server. Sizes are bytes of the request body as sent, times are seconds.

    `workers` questions are at work at once and `max_waiting` more wait; one document is indexed at a time and
    `max_waiting_uploads` more wait; any beyond that are refused with 503. `allowed_hosts` are the names that a request
    may call this server by, without port (`*`: any).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_document_bytes: int = Field(default=10 * 1024 * 1024, ge=1)
    max_question_bytes: int = Field(default=64 * 1024, ge=1)
    max_citations_bytes: int = Field(default=1024 * 1024, ge=1)
    workers: int = Field(default=2, ge=1, le=16)
    max_waiting: int = Field(default=16, ge=0)
    max_waiting_uploads: int = Field(default=4, ge=0)
    retry_after_s: int = Field(default=2, ge=1)
    # Beyond loopback names, another site's page could reach this server under its own name (DNS rebinding).
    allowed_hosts: tuple[str, ...] = LOOPBACK_NAMES
