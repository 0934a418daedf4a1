"""Answers that are kept: given again to the same question, as long as nothing has changed that they rest on."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from qa.types import Question, Response


@dataclass(frozen=True, slots=True)
class Standing:
    """What an engine's answers rest on beside the question: the store's generation and the promise it keeps."""

    generation: int
    promise: str


class AnswerCache:
    """Responses of one engine, at most `max_entries` and `max_bytes` of JSON, the last used ones. Safe between threads.

    A key is the whole question, with threshold and filters (among them the collections that the asker may read), and
    the standing. Whoever looks reads the standing first: every change of the store raises its generation, so that no
    answer outlives its document.
    """

    def __init__(self, max_entries: int, max_bytes: int) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Standing, str], tuple[Response, int]] = OrderedDict()
        self._bytes = 0
        self.hits = 0
        self.misses = 0

    def get(self, standing: Standing, question: Question) -> Response | None:
        """The response to this very question under this standing."""
        key = standing, question.model_dump_json()
        with self._lock:
            entry = self._kept.get(key)
            if entry is None:
                self.misses += 1
                return None
            self.hits += 1
            self._kept.move_to_end(key)
            return entry[0]

    def put(self, standing: Standing, question: Question, response: Response) -> None:
        """Keep a response that was made under this standing; nothing happens where it was made under another."""
        if response.provenance.store_generation != standing.generation:
            return
        key = standing, question.model_dump_json()
        size = len(key[1]) + len(standing.promise) + len(response.model_dump_json())
        if size > self._max_bytes:
            return
        with self._lock:
            before = self._kept.pop(key, None)
            self._bytes += size - (before[1] if before else 0)
            self._kept[key] = response, size
            while self._bytes > self._max_bytes or len(self._kept) > self._max_entries:
                _, (_, dropped) = self._kept.popitem(last=False)
                self._bytes -= dropped

    @property
    def entries(self) -> int:
        return len(self._kept)

    @property
    def bytes(self) -> int:
        return self._bytes
