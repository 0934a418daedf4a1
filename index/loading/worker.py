"""The parsing process: serves read requests, within limits, until its standard input is closed.

`index.loading.limited` starts it and exchanges frames with it. A request is a JSON object {path, parts, bytes, at}. If
`bytes` is true, the content follows in a second frame; if `at` is not null, the content is in the file at that path.
The reply is {read: Read} or {error: message}, always with {resident: bytes}. Empty frames before it tell that parts of
the file are read.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from index.errors import SpanqaError
from index.loading.frames import read_frame, write_frame
from index.loading.progress import TooMuchWorkError, progress
from index.loading.reading import parse, parse_file
from index.loading.registry import MAX_FILE_BYTES

_GRACE_S = 5
_MAX_REQUEST = 1_000_000
_MAX_WRITTEN = 4_096


def main(memory_mb: int, seconds: int, file_seconds: int) -> None:
    """Answer requests until there are no more."""
    requests, answers = _own_streams()
    _limit(memory_mb)
    while (frame := read_frame(requests, _MAX_REQUEST)) is not None:
        request = json.loads(frame)
        content = read_frame(requests, MAX_FILE_BYTES) if request["bytes"] else None
        # If the requesting process has died, nothing else would stop a parser that never returns.
        signal.alarm(seconds + _GRACE_S)
        progress.begin_file(partial(_another_part, answers, seconds), file_seconds)
        answer = _answer(request, content, memory_mb)
        signal.alarm(0)
        write_frame(answers, answer)


def _another_part(answers: BinaryIO, seconds: int) -> None:
    signal.alarm(seconds + _GRACE_S)
    write_frame(answers, b"")


def _answer(request: dict[str, Any], content: bytes | None, memory_mb: int) -> bytes:
    path, parts = Path(request["path"]), tuple(request["parts"])
    at = Path(request["at"]) if request["at"] else None
    shown = "!/".join([str(path), *parts])
    try:
        read = parse_file(path, parts, at) if content is None else parse(path, content, parts)
        return b'{"resident": %d, "read": %s}' % (_resident(), read.model_dump_json().encode())
    except SpanqaError as error:
        message = str(error)
    except MemoryError:
        message = f"{shown}: needs more than {memory_mb} MB of memory to be read; split it, or raise QA_LOAD_MEMORY_MB"
    except TooMuchWorkError:
        message = f"{shown}: takes too long to be read, all its parts together; split it, or raise QA_LOAD_SECONDS"
    except RecursionError:
        message = f"{shown}: nested too deeply to be read"
    except Exception as error:  # noqa: BLE001 - parsers raise anything on malformed input; it is reported
        message = f"{shown}: cannot be read ({type(error).__name__}: {str(error)[:200]})"
    return json.dumps({"resident": _resident(), "error": message}).encode()


def _own_streams() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output, reserved for frames: anything a library prints must not end up between them."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    # Ctrl-C is handled by the requesting process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return requests, answers


def _limit(memory_mb: int) -> None:
    size = memory_mb * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A parser has no business writing files, but some libraries write a few bytes to find out whether they could.
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MAX_WRITTEN, _MAX_WRITTEN))
    sys.dont_write_bytecode = True


def _resident() -> int:
    with Path("/proc/self/statm").open(encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()
