"""Fakes: an asker that says what it is told, an answer cited in a known document, an embedder without a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from harbours import TOWNS, gold_set
from numpy.typing import NDArray

from eval.gold.corpus import gold_documents
from index.documents import document_id, text_sha256
from index.models.embedder import Embedder
from index.store.store import Store
from qa.types import (
    Answer,
    Citation,
    DocumentRef,
    Elapsed,
    ModelRef,
    Provenance,
    Question,
    Reason,
    Response,
    SentenceRef,
    TextPositionSelector,
    TextQuoteSelector,
)

TEXT = "Ada wrote the notes in 1843. Charles built the engine."
URI = "file:///notes.txt"


def make_answer(quote: str, confidence: float = 0.9, text: str = TEXT, **changes: object) -> Answer:
    start = text.index(quote)
    citation = Citation(
        document=DocumentRef(id=document_id(URI), uri=URI, title="notes", sha256=text_sha256(text)),
        start=start,
        end=start + len(quote),
        quote=quote,
        sentence=SentenceRef(start=0, end=len(text), text=text),
        line=1,
        selector=(
            TextQuoteSelector(exact=quote, prefix="", suffix=""),
            TextPositionSelector(start=start, end=start + len(quote)),
        ),
    )
    return Answer(text=quote, confidence=confidence, citation=citation.model_copy(update=changes))


def make_response(*answers: Answer, abstain: Reason | None = None, generation: int = 1) -> Response:
    return Response(
        question="?",
        status="answered" if abstain is None else "abstained",
        reason=abstain,
        answers=answers,
        threshold=0.5,
        elapsed_ms=Elapsed(embed=0, retrieve=0, read=0, total=0),
        provenance=Provenance(
            version="0",
            store_generation=generation,
            embedder=ModelRef(name="e", sha256="0"),
            reader=ModelRef(name="r", sha256="0"),
        ),
    )


class FakeAsker:
    """Answers by the question's words; an exception in place of a response is raised."""

    def __init__(self, script: Mapping[str, Response | Exception]) -> None:
        self.script = script
        self.asked: list[Question] = []

    def ask(self, question: Question) -> Response:
        self.asked.append(question)
        outcome = self.script[question.question]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class LetterEmbedder:
    """Vectors of letter pairs: alike words are near each other."""

    name = "letters"
    sha256 = "e" * 64
    dimensions = 64

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.full((len(texts), self.dimensions), 0.01, dtype=np.float32)
        for row, text in enumerate(texts):
            for pair in zip(text.lower(), text.lower()[1:], strict=False):
                rows[row, (31 * ord(pair[0]) + ord(pair[1])) % self.dimensions] += 1
        unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [max(1, len(text.split())) for text in texts]


@pytest.fixture
def embedder() -> Embedder:
    return LetterEmbedder()


@pytest.fixture
def answer() -> Callable[..., Answer]:
    return make_answer


@pytest.fixture
def response() -> Callable[..., Response]:
    return make_response


@pytest.fixture
def fake_asker() -> type[FakeAsker]:
    return FakeAsker


@pytest.fixture
def source() -> tuple[str, str]:
    """The id and the text of the document that every fake answer cites."""
    return document_id(URI), TEXT


@pytest.fixture
def harbour_store(tmp_path: Path, embedder: Embedder) -> Iterator[Store]:
    """A store of the documents that the questions about harbours are about."""
    store = Store(tmp_path / "store", embedder)
    assert len(list(store.put_all(gold_documents(gold_set())))) == len(TOWNS)
    store.sync()
    yield store
    store.close()
