"""Judged questions, made by hand."""

from __future__ import annotations

from typing import Any

from eval.measures.names import parse_measure
from eval.results import GoldPlace, PassageRead, QuestionResult


def result(**fields: Any) -> QuestionResult:
    usual: dict[str, Any] = {"id": "1", "question": "q", "answerable": True, "golds": (), "status": "answered"}
    return QuestionResult(**(usual | fields))


def value(name: str, *results: QuestionResult) -> float | None:
    return parse_measure(name).value(results)


def read(*ranks: int, of: int = 10, relevant: int = 1, answer: str = "d") -> dict[str, Any]:
    """A judged question: `of` passages read, those at `ranks` relevant, and so many relevant ones in the store."""
    spans = [(number, number + 1) for number in range(relevant)]
    passages = [PassageRead("other", number, number + 1, 0.5) for number in range(of)]
    for rank, (start, end) in zip(ranks, spans, strict=False):
        passages[rank - 1] = PassageRead("d", start, end, 0.5)
    place = GoldPlace(document=answer, uri="file:///d", spans=((0, relevant),), passages=tuple(spans))
    return {"retrieval_judged": True, "place": place, "passages": tuple(passages)}


def told(confidence: float, right: bool) -> QuestionResult:
    """A question whose best span, right or wrong, has this confidence."""
    return result(confidence=confidence, forced_f1=float(right))
