"""What the HTTP server allows: sizes, numbers of requests at work, and the names that it answers to."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")
ANY_HOST = "*"


class ServerSettings(BaseModel):
    """Limits of the server. Sizes are bytes of the request body as sent, times are seconds.

    One document may have `max_document_bytes`, up to `max_upload_files` of them together `max_upload_bytes`.
    Its text may have `max_document_characters` code points and come to `max_document_passages` passages.
    `workers` batches of at most `max_batch` questions are at work at once and `max_waiting` questions more wait; of
    `upload_clients` clients one document each is indexed at a time, `max_waiting_uploads` more of each wait, and
    `max_waiting_uploads_in_all` of all; any beyond that are refused with 503. Passages of uploads are embedded while no
    question is at work, but wait for that `upload_patience_s` at most, a batch at a time. A client, which is a key or
    else an address, may send `requests_at_once` requests at a time and `requests_per_minute` in the long run (0: no
    limit). A body must have arrived within `body_timeout_s`. Bytes of removed documents leave the
    store's files `purge_after_s` later. A server that is told to stop has `grace_s` to finish what it accepted.
    `cached_answers` responses are kept to be given again, of at most `cached_answers_bytes` of JSON together (0:
    none). `allowed_hosts` are the names that a request may call this server by, without port (`*`: any).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_document_bytes: int = Field(default=25 * 1024 * 1024, ge=1)
    max_upload_bytes: int = Field(default=64 * 1024 * 1024, ge=1)
    max_upload_files: int = Field(default=20, ge=1)
    max_question_bytes: int = Field(default=64 * 1024, ge=1)
    max_citations_bytes: int = Field(default=1024 * 1024, ge=1)
    workers: int = Field(default=2, ge=1, le=16)
    max_batch: int = Field(default=4, ge=1, le=64)
    max_waiting: int = Field(default=16, ge=0)
    max_document_characters: int = Field(default=4_000_000, ge=1)
    max_document_passages: int = Field(default=10_000, ge=1)
    upload_patience_s: float = Field(default=2.0, ge=0)
    upload_clients: int = Field(default=4, ge=1, le=4)
    max_waiting_uploads: int = Field(default=4, ge=0)
    max_waiting_uploads_in_all: int = Field(default=16, ge=0)
    retry_after_s: int = Field(default=2, ge=1)
    requests_per_minute: int = Field(default=1_200, ge=0)
    requests_at_once: int = Field(default=240, ge=1)
    body_timeout_s: float = Field(default=60.0, gt=0)
    purge_after_s: float = Field(default=60.0, ge=0)
    cached_answers: int = Field(default=0, ge=0, le=1_000_000)
    cached_answers_bytes: int = Field(default=16 * 1024 * 1024, ge=0)
    grace_s: float = Field(default=30.0, ge=0)
    # Beyond loopback names, another site's page could reach this server under its own name (DNS rebinding).
    allowed_hosts: tuple[str, ...] = LOOPBACK_NAMES
