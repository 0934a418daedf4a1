"""Judging: the distinct answers of the passages read, each with the probability that it is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qa.asking.asked import Asked
from qa.judging.candidates import Candidate, RankWeights, candidates
from qa.judging.close_reading import read_closely
from qa.judging.confidence import Calibration, Evidence, answer_features
from qa.reading.legible_reader import ReadPassage
from qa.reading.reader import Reader
from qa.types import MAX_ANSWERS


@dataclass(frozen=True, slots=True)
class Judged:
    """A candidate with its features and its confidence."""

    candidate: Candidate
    features: NDArray[np.float64]
    confidence: float


class Judge:
    """Makes answers of passages read and weighs them by a calibration; the best are read closely by the reader."""

    def __init__(self, reader: Reader, calibration: Calibration) -> None:
        self._reader = reader
        self._calibration = calibration

    def judge(self, asked: Sequence[Asked], read: Sequence[Sequence[ReadPassage]]) -> list[list[Judged]]:
        """The distinct answers of each question's passages, best first, each with its confidence."""
        ranked = [self.candidates(question, passages) for question, passages in zip(asked, read, strict=True)]
        return self.weigh(asked, ranked, read)

    def candidates(self, asked: Asked, read: Sequence[ReadPassage]) -> list[Candidate]:
        """The distinct answers of the passages read: `answer_candidates` by this calibration's weights."""
        return answer_candidates(asked, read, self._calibration.rank_weights)

    def weigh(
        self,
        asked: Sequence[Asked],
        ranked: Sequence[Sequence[Candidate]],
        read: Sequence[Sequence[ReadPassage]],
    ) -> list[list[Judged]]:
        """As `judge`, of candidates that were made already from the passages read, best first."""
        best = [list(answers[:MAX_ANSWERS]) for answers in ranked]
        if self._calibration.reads_closely:
            best = self.read_again(asked, best)
        return [
            self._weigh(question, answers, passages)
            for question, answers, passages in zip(asked, best, read, strict=True)
        ]

    def read_again(self, asked: Sequence[Asked], ranked: Sequence[Sequence[Candidate]]) -> list[list[Candidate]]:
        """The candidates of each question with their margins in closer readings, where their form has such."""
        reread = [list(answers) for answers in ranked]
        # A whole sentence is no span that the reader could find again.
        numbers = [number for number, question in enumerate(asked) if not question.is_polar]
        texts = [asked[number].text for number in numbers]
        closely = read_closely(self._reader, texts, [reread[number] for number in numbers])
        for number, answers in zip(numbers, closely, strict=True):
            reread[number] = answers
        return reread

    def _weigh(self, asked: Asked, ranked: Sequence[Candidate], read: Sequence[ReadPassage]) -> list[Judged]:
        evidence = Evidence.of(asked.text, read)
        judged = []
        for number, candidate in enumerate(ranked):
            features = answer_features(ranked, number, evidence)
            # Rounded before it is compared, so that what is shown and what decided are the same number.
            confidence = round(self._calibration.probability(features), 4)
            judged.append(Judged(candidate, features, confidence))
        # Best first by what is promised: a reader of the list must not meet a higher confidence further down.
        return sorted(judged, key=lambda entry: -entry.confidence)


def answer_candidates(asked: Asked, read: Sequence[ReadPassage], weights: RankWeights) -> list[Candidate]:
    """The distinct answers of the passages read, best first, in the form that the question asks for."""
    return candidates(
        read, weights, whole_sentences=asked.is_polar, whole_lists=asked.wants_list, dated=asked.asks_when
    )
