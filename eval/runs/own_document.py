"""Reading alone, on whole documents: each question with the best-matching passages of its own document.

Nothing of another document is read, and passages are chosen by the words that they share with the question (BM25 within
the document), so that the figures are those of the reader: whether its best span is right, and whether its margin tells
questions that the document answers from those that it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from eval.gold.halves import Half, domain_of
from eval.gold.questions import GoldQuestion
from eval.measures.squad import f1
from eval.results import RIGHT_F1
from eval.runs.run import GoldRef
from index.documents import Document
from index.errors import InputError
from index.loading.files import load_file
from index.text.passages import TokenCounter, cut_passages
from qa.reading.legible_reader import Readable, read_legibly
from qa.reading.reader import Reader
from qa.retrieval.bm25 import Bm25
from qa.types import ModelRef

# How many passages of its document are read for a question.
PASSAGES = 6
# Questions whose passages are read together.
BATCH = 16
# The margin of a question in whose passages no span was found: below whatever a reader says.
NO_SPAN = -100.0
# The share of wrong answers at which the answered share is reported.
RISK = 0.2


@dataclass(frozen=True, slots=True)
class DocumentReading:
    """The best span of a question in its own document: its words, its margin over null in logits, and its F1.

    For a question that its document does not answer every span has an F1 of 0.
    """

    gold: GoldQuestion
    text: str
    margin: float
    f1: float

    @property
    def right(self) -> bool:
        return self.gold.answerable and self.f1 >= RIGHT_F1


class DocumentFigures(BaseModel):
    """What the readings of some questions come to; shares lie in 0..1, None where no question makes them.

    `right`: the answerable whose best span is right (F1 >= 0.8), whatever its margin. `balanced_right` and
    `balanced_declined`: the answerable answered rightly and the unanswerable declined from the margin `threshold` on,
    chosen on these very questions so that the lower of the two is as high as it can be. `answered`: the largest share
    of all questions that can be answered, surest first, with at most a fifth of the answers wrong.
    """

    model_config = ConfigDict(frozen=True)

    questions: int
    answerable: int
    right: float | None
    f1: float | None
    balanced_right: float | None
    balanced_declined: float | None
    threshold: float | None
    answered: float


class DocumentReport(BaseModel):
    """What `qa eval documents` writes: the figures of all questions, by the folder of their documents and by kind."""

    model_config = ConfigDict(frozen=True)

    documents_version: Literal[1] = 1
    gold: GoldRef
    half: Half | None
    passages: int = PASSAGES
    reader: ModelRef
    all: DocumentFigures
    domain: dict[str, DocumentFigures]
    kind: dict[str, DocumentFigures]


def read_own_documents(
    gold: Sequence[GoldQuestion],
    folder: Path,
    reader: Reader,
    count_tokens: TokenCounter,
    progress: Callable[[int, int], None] | None = None,
) -> list[DocumentReading]:
    """Read every question in passages of its document, whose path counts from `folder`.

    Raises InputError for a question without document and for a file that cannot be read.
    """
    passages_by_document: dict[str, list[Readable]] = {}
    ranking_by_document: dict[str, Bm25] = {}
    readings: list[DocumentReading] = []
    for begin in range(0, len(gold), BATCH):
        batch = gold[begin : begin + BATCH]
        chosen = []
        for question in batch:
            name = question.document
            if name is None:
                raise InputError(f"question {question.id!r} names no document; give the file that it was asked of")
            if name not in passages_by_document:
                document = load_file(folder / name)
                passages_by_document[name] = _passages(document, count_tokens)
                ranking_by_document[name] = Bm25([f"{own.context}\n{own.text}" for own in passages_by_document[name]])
            best = ranking_by_document[name].best(question.question, PASSAGES)
            chosen.append([passages_by_document[name][number] for number in best])
        spans = read_legibly(reader, [question.question for question in batch], chosen)
        for question, passages, found in zip(batch, chosen, spans, strict=True):
            # The first of equal ones: passages come best-matching first.
            best_span = max(
                ((own[0], passage) for own, passage in zip(found, passages, strict=True) if own),
                key=lambda pair: pair[0].margin,
                default=None,
            )
            text = best_span[1].text[best_span[0].start : best_span[0].end] if best_span else ""
            margin = best_span[0].margin if best_span else NO_SPAN
            scored = f1(text, [answer.text for answer in question.answers]) if question.answerable else 0.0
            readings.append(DocumentReading(question, text, margin, scored))
        if progress:
            progress(len(readings), len(gold))
    return readings


def document_figures(readings: Sequence[DocumentReading]) -> DocumentFigures:
    """The figures of these readings."""
    answerable = np.array([reading.gold.answerable for reading in readings], bool)
    right = np.array([reading.right for reading in readings], bool)
    margins = np.array([reading.margin for reading in readings], float)
    scores = np.array([reading.f1 for reading in readings], float)
    balanced = _balanced(answerable, right, margins)
    threshold, answered_rightly, declined = balanced or (None, None, None)
    return DocumentFigures(
        questions=len(readings),
        answerable=int(answerable.sum()),
        right=float(right[answerable].mean()) if answerable.any() else None,
        f1=float(scores[answerable].mean()) if answerable.any() else None,
        balanced_right=answered_rightly,
        balanced_declined=declined,
        threshold=threshold,
        answered=_answered_share(right, margins),
    )


def figures_by(readings: Sequence[DocumentReading], label: Callable[[GoldQuestion], str]) -> dict[str, DocumentFigures]:
    """The figures of each group of questions, in the order of its label."""
    groups: dict[str, list[DocumentReading]] = {}
    for reading in readings:
        groups.setdefault(label(reading.gold), []).append(reading)
    return {name: document_figures(groups[name]) for name in sorted(groups)}


def domain(gold: GoldQuestion) -> str:
    """The folder that a question's document lies in."""
    return domain_of(gold.document)


def kind(gold: GoldQuestion) -> str:
    """The label of a question, "" without."""
    return gold.kind or ""


def _passages(document: Document, count_tokens: TokenCounter) -> list[Readable]:
    return [
        Readable(document.text[passage.start : passage.end], passage.context, document.date)
        for passage in cut_passages(document, count_tokens)
    ]


def _balanced(
    answerable: np.ndarray[tuple[int], np.dtype[np.bool_]],
    right: np.ndarray[tuple[int], np.dtype[np.bool_]],
    margins: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> tuple[float, float, float] | None:
    if not answerable.any() or answerable.all():
        return None
    best: tuple[float, float, float] | None = None
    for threshold in np.unique(margins):
        sure = margins >= threshold
        pair = float((right & sure)[answerable].mean()), float((~sure)[~answerable].mean())
        # Of equal ones the threshold that brings more on the other side.
        if best is None or (min(pair), max(pair)) > (min(best[1:]), max(best[1:])):
            best = float(threshold), *pair
    return best


def _answered_share(
    right: np.ndarray[tuple[int], np.dtype[np.bool_]], margins: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> float:
    """The largest share of questions that a margin lets in with at most RISK of them wrong."""
    if not len(margins):
        return 0.0
    order = np.argsort(-margins, kind="stable")
    wrong = np.cumsum(~right[order]) / np.arange(1, len(order) + 1)
    # A margin lets in all questions that share it.
    last_of_its_margin = np.append(np.diff(margins[order]) != 0, True)
    allowed = np.flatnonzero((wrong <= RISK) & last_of_its_margin)
    return float(allowed[-1] + 1) / len(order) if len(allowed) else 0.0
