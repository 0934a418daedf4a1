"""Reading alone: each question with its own paragraph given, scored as SQuAD 2.0 scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from eval.gold import GoldQuestion
from eval.measures import mean
from eval.squad import best_threshold, exact_match, f1
from qa.reader import Reader

BATCH = 64


class ReadingScores(BaseModel):
    """Scores of a reader, 0..1. `forced_*`: answerable questions, best span without abstention.

    `*_all`: all questions, abstaining where the best span's margin is below `threshold`.
    """

    model_config = ConfigDict(frozen=True)

    questions: int
    answerable: int
    forced_em: float | None
    forced_f1: float | None
    threshold: float
    em_all: float | None
    f1_all: float | None


@dataclass(frozen=True, slots=True)
class Reading:
    """The best span of a question in its paragraph: its text and margin over null in logits, and its scores."""

    gold: tuple[str, ...]
    text: str
    margin: float
    em: float
    f1: float

    @property
    def answerable(self) -> bool:
        return bool(self.gold)


def read_paragraphs(
    gold: Sequence[GoldQuestion], reader: Reader, progress: Callable[[int, int], None] | None = None
) -> list[Reading]:
    """Read every question's own paragraph. Questions without a paragraph have no span and count as such."""
    readings: list[Reading] = []
    for begin in range(0, len(gold), BATCH):
        batch = gold[begin : begin + BATCH]
        found = reader.read([q.question for q in batch], [[q.context or ""] for q in batch])
        for question, spans in zip(batch, found, strict=True):
            best = spans[0][0] if spans[0] else None
            text = (question.context or "")[best.start : best.end] if best else ""
            golds = tuple(answer.text for answer in question.answers)
            scored = golds or ("",)
            readings.append(
                Reading(golds, text, best.margin if best else -100.0, exact_match(text, scored), f1(text, scored))
            )
        if progress:
            progress(min(begin + BATCH, len(gold)), len(gold))
    return readings


def choose_threshold(readings: Sequence[Reading]) -> float:
    """The margin that gives the best F1 over all of these questions (the official script's search)."""
    best = best_threshold(
        [reading.f1 for reading in readings],
        [-reading.margin for reading in readings],
        [reading.answerable for reading in readings],
        [bool(reading.text) for reading in readings],
    )
    return -best.threshold


def score_reading(readings: Sequence[Reading], threshold: float) -> ReadingScores:
    """Score readings at a threshold that was chosen elsewhere."""
    answerable = [reading for reading in readings if reading.answerable]

    def over_all(measure: Callable[[Reading], float]) -> float | None:
        return mean(
            measure(reading) if reading.margin >= threshold else float(not reading.answerable) for reading in readings
        )

    return ReadingScores(
        questions=len(readings),
        answerable=len(answerable),
        forced_em=mean(reading.em for reading in answerable),
        forced_f1=mean(reading.f1 for reading in answerable),
        threshold=threshold,
        em_all=over_all(lambda reading: reading.em),
        f1_all=over_all(lambda reading: reading.f1),
    )
