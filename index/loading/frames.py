"""Framing for two processes that talk over a pipe: each message is preceded by its length."""

from __future__ import annotations

from typing import IO

_LENGTH_BYTES = 8


class FrameTooLongError(Exception):
    """A message is longer than its reader accepts."""


def write_frame(stream: IO[bytes], content: bytes) -> None:
    stream.write(len(content).to_bytes(_LENGTH_BYTES, "big"))
    stream.write(content)
    stream.flush()


def read_frame(stream: IO[bytes], longest: int) -> bytes | None:
    """The next message; None if the other side has gone. Raises FrameTooLongError, before reading it, if it is longer
    than `longest` bytes."""
    head = stream.read(_LENGTH_BYTES)
    if len(head) < _LENGTH_BYTES:
        return None
    length = int.from_bytes(head, "big")
    if length > longest:
        raise FrameTooLongError(length)
    content = stream.read(length)
    return content if len(content) == length else None
