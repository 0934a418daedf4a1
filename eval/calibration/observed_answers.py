"""The answers that the engine would make of observed questions, with what a confidence is fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.calibration.observing import BATCH, Observation
from eval.gold.questions import GoldQuestion
from eval.measures.squad import f1
from eval.results import RIGHT_F1, QuestionResult
from eval.runs.harness import score
from qa.judging.candidates import Candidate, RankWeights
from qa.judging.confidence import FEATURES, Calibration, Evidence, answer_features, uncalibrated
from qa.judging.judge import Judge
from qa.reading.reader import Reader
from qa.retrieval.fusion import FusionWeights

# Answers behind the best one are shown too, but the best one's probability is the promise.
WEIGHT_OF_OTHERS = 0.2
CANDIDATES = 5


@dataclass(frozen=True, slots=True)
class ObservedAnswers:
    """The best answers of observed questions, all in one row: their features (answers, features), whether they are
    right and how much they count, (answers,) each; `rows` are those of each of the questions in `gold`."""

    gold: Sequence[GoldQuestion]
    rows: Sequence[range]
    texts: Sequence[str]
    features: NDArray[np.float64]
    right: NDArray[np.bool_]
    weight: NDArray[np.float64]

    def first(self, questions: int) -> ObservedAnswers:
        """Those of the first so many questions."""
        end = self.rows[questions - 1].stop if questions else 0
        return ObservedAnswers(
            gold=self.gold[:questions],
            rows=self.rows[:questions],
            texts=self.texts[:end],
            features=self.features[:end],
            right=self.right[:end],
            weight=self.weight[:end],
        )

    def confidence(self, calibration: Calibration) -> NDArray[np.float64]:
        """The probability of each answer, (answers,)."""
        return np.array([calibration.probability(row) for row in self.features])

    def best(self, confidence: NDArray[np.float64]) -> list[int | None]:
        """The surest answer of each question, None for one without any."""
        return [max(answers, key=lambda row: float(confidence[row]), default=None) for answers in self.rows]

    def results(self, calibration: Calibration) -> list[QuestionResult]:
        """What the questions come to under a calibration: the surest answer, given from its threshold on."""
        confidence = self.confidence(calibration)
        results = []
        for gold, row in zip(self.gold, self.best(confidence), strict=True):
            # As the engine rounds it.
            sure = None if row is None else round(float(confidence[row]), 4)
            answered = sure is not None and sure >= calibration.threshold
            scored = score(gold, "" if row is None else self.texts[row], answered)
            results.append(scored.model_copy(update={"confidence": sure, "threshold": calibration.threshold}))
        return results


def observed_answers(
    observations: Sequence[Observation], reader: Reader, *, fusion: FusionWeights, ranking: RankWeights
) -> ObservedAnswers:
    """The answers as the engine makes them, for every form of question, the best of them read closely by `reader`,
    which made the observations."""
    features: list[NDArray[np.float64]] = []
    texts: list[str] = []
    right: list[bool] = []
    weight: list[float] = []
    rows: list[range] = []
    closely = _read_closely(observations, Judge(reader, unfitted(fusion, ranking)))
    for entry, candidates in zip(observations, closely, strict=True):
        evidence = Evidence.of(entry.gold.question, entry.read)
        golds = [answer.text for answer in entry.gold.answers]
        rows.append(range(len(features), len(features) + len(candidates)))
        for number, candidate in enumerate(candidates):
            features.append(answer_features(candidates, number, evidence))
            texts.append(candidate.best.text)
            right.append(bool(golds) and f1(candidate.best.text, golds) >= RIGHT_F1)
            weight.append(1.0 if number == 0 else WEIGHT_OF_OTHERS)
    return ObservedAnswers(
        gold=[entry.gold for entry in observations],
        rows=rows,
        texts=texts,
        features=np.array(features, dtype=np.float64).reshape(-1, len(FEATURES)),
        right=np.array(right, dtype=bool),
        weight=np.array(weight),
    )


def unfitted(fusion: FusionWeights, ranking: RankWeights) -> Calibration:
    """A calibration that ranks by these weights and is sure of nothing."""
    weights = {"rank_similarity": ranking.similarity, "rank_fused": ranking.fused}
    return uncalibrated(fusion).model_copy(update=weights)


def _read_closely(observations: Sequence[Observation], judge: Judge) -> list[list[Candidate]]:
    """The best candidates of each question, read once more as the engine does before it answers."""
    candidates: list[list[Candidate]] = []
    for begin in range(0, len(observations), BATCH):
        batch = observations[begin : begin + BATCH]
        asked = [entry.asked for entry in batch]
        best = [
            judge.candidates(question, entry.read)[:CANDIDATES] for question, entry in zip(asked, batch, strict=True)
        ]
        candidates.extend(judge.read_again(asked, best))
    return candidates
