"""An asker that says what it is told, and answers cited in a known document."""

from __future__ import annotations

from collections.abc import Mapping

from index.documents import document_id, text_sha256
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
    Status,
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
    """Answered with these answers; or, with a reason to abstain, unsure or not found, with these as candidates."""
    withheld: Status = "unsure" if abstain == "below_threshold" else "not_found"
    return Response(
        question="?",
        status="answered" if abstain is None else withheld,
        reason=abstain,
        answers=answers if abstain is None else (),
        candidates=() if abstain is None else answers,
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
