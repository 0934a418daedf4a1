"""A server process around models that need no weights: `python -m serving.server STORE PORT [SETTINGS [FAULT]]`."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from fakes import FakeEmbedder

from api.http.app import serve
from api.settings import ServerSettings
from index.store.store import Store
from qa.engine import Engine
from qa.judging.confidence import FEATURES, Calibration
from qa.reading.spans import Span

_ANSWER = re.compile(r"[0-9a-f]{12,}")
_SECONDS = re.compile(r"reading (\d+(?:\.\d+)?) s")


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


def engine_of(store: Store) -> Engine:
    """An engine that believes whatever the reader finds."""
    calibration = Calibration(
        features=FEATURES,
        mean=(0.0,) * len(FEATURES),
        scale=(1.0,) * len(FEATURES),
        weights=(1.0, *(0.0,) * (len(FEATURES) - 1)),
        bias=0.0,
        threshold=0.5,
        reader_sha256=CodeReader.sha256,
        embedder_sha256=store.embedder.sha256,
        fitted_on="nothing",
    )
    return Engine(store, CodeReader(), calibration)


if __name__ == "__main__":
    folder, port, *rest = sys.argv[1:]
    settings = ServerSettings.model_validate(json.loads(rest[0]) if rest else {})
    store = Store(Path(folder), FakeEmbedder())
    if rest[1:] == ["keeps removed"]:
        store.remove = lambda _document_id: True  # type: ignore[method-assign]
    if rest[1:] == ["loses"]:
        store.catalogue.records = lambda *_arguments, **_more: []  # type: ignore[method-assign]
    finished = serve(engine_of(store), port=int(port), settings=settings)
    # As the command does: threads may still be at work.
    os._exit(0 if finished else 1)
