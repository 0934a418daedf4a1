"""Readers that need no weights."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Sequence

from qa.reading.spans import Span

_ANSWER = re.compile(r"[0-9a-f]{12,}")
_SECONDS = re.compile(r"reading (\d+(?:\.\d+)?) s")


class PhraseReader:
    """Finds phrases that it is told of, with margins that it is told. `hold` keeps it reading until it is set."""

    name = "fake-reader"
    sha256 = "f" * 64

    def __init__(self) -> None:
        self.margins: dict[str, float] = {"August 9 to 13": 5.0, "Charles": 2.0, "Ningxia": -3.0}
        self.failure: Exception | None = None
        self.hold: threading.Event | None = None
        self.reading = threading.Semaphore(0)

    def read(
        self, questions: Sequence[str], passages: Sequence[Sequence[str]], headings: object = None
    ) -> list[list[list[Span]]]:
        if self.hold is not None:
            self.reading.release()
            assert self.hold.wait(10)
        if self.failure is not None:
            raise self.failure
        return [[self._spans(text) for text in own] for own in passages]

    def _spans(self, text: str) -> list[Span]:
        found = [
            Span(text.index(phrase), text.index(phrase) + len(phrase), margin)
            for phrase, margin in self.margins.items()
            if phrase in text
        ]
        return sorted(found, key=lambda span: -span.margin)


class CodeReader:
    """Finds codes: an answer for the question that names one. A question may say how long reading takes."""

    name = "code-reader"
    sha256 = "f" * 64

    def read(
        self, questions: Sequence[str], passages: Sequence[Sequence[str]], headings: object = None
    ) -> list[list[list[Span]]]:
        for question in questions:
            if seconds := _SECONDS.search(question):
                time.sleep(float(seconds[1]))
        return [[_spans(question, text) for text in own] for question, own in zip(questions, passages, strict=True)]


def _spans(question: str, text: str) -> list[Span]:
    return [Span(*found.span(), 5.0) for found in _ANSWER.finditer(text) if found[0] in question]
