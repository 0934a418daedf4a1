"""How an adapter is spoken to: a JSON object a line on standard input, one a line back on standard output.

A request is `{"id": 7, "do": "ask", ...}`, its reply `{"id": 7, "ok": {...}}` or `{"id": 7, "error": "..."}`. Replies
to `ask` may come in any order. Standard library alone: it runs in the peers' environments.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

Handler = Callable[[dict[str, Any]], dict[str, Any]]


def serve(handlers: dict[str, Handler], lanes: int) -> None:
    """Answer requests until standard input ends: `ask` on `lanes` threads, every other one after the other."""
    # What a library prints must not come between the replies.
    replies = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    guard = threading.Lock()

    def reply(request: dict[str, Any]) -> None:
        try:
            outcome: dict[str, Any] = {"ok": handlers[request["do"]](request)}
        except Exception as error:  # noqa: BLE001 - whoever asked is told, and the whole of it goes to the log
            traceback.print_exc()
            outcome = {"error": f"{type(error).__name__}: {error}"}
        with guard:
            replies.write(json.dumps({"id": request["id"], **outcome}) + "\n")
            replies.flush()

    with ThreadPoolExecutor(lanes) as pool:
        for line in sys.stdin:
            request = json.loads(line)
            if request["do"] == "ask":
                pool.submit(reply, request)
            else:
                reply(request)


def documents(corpus: str, first: int, last: int) -> Iterator[dict[str, Any]]:
    """The documents `[first, last)` of a corpus file: `{uri, title, text, number, passages: [[start, end], ...]}`;
    `number` is that of its first passage."""
    with Path(corpus).open(encoding="utf-8", newline="\n") as lines:
        for at, line in enumerate(lines):
            if at >= last:
                return
            if at >= first:
                yield json.loads(line)


def passages(corpus: str, first: int, last: int) -> list[tuple[str, str]]:
    """The passages of these documents: (number, text)."""
    return [
        (str(document["number"] + place), document["text"][start:end])
        for document in documents(corpus, first, last)
        for place, (start, end) in enumerate(document["passages"])
    ]
