"""How a calibration is made from gold questions, end to end: asked, judged, and handed to the fit.

The statistics of the fit itself, which know nothing of gold questions, are those of `qa.calibration.fitting`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.calibration.observing import BATCH, Observation, in_its_article, observe
from eval.calibration.tuning import tune_fusion, tune_ranking
from eval.gold.questions import GoldQuestion
from eval.measures.squad import f1
from eval.progress import Watch
from eval.results import RIGHT_F1
from index.errors import InputError
from index.store.store import Store
from qa.calibration.fitting import choose_threshold, fit_logistic
from qa.engine import Engine
from qa.judging.candidates import Candidate, RankWeights
from qa.judging.confidence import Calibration, Evidence, answer_features, uncalibrated
from qa.judging.judge import Judge
from qa.reading.reader import Reader
from qa.retrieval.fusion import FusionWeights

# Answers behind the best one are shown too, but the best one's probability is the promise.
WEIGHT_OF_OTHERS = 0.2
CANDIDATES = 5
# Of answerable and of unanswerable questions: below, the threshold between them would be chance.
FEWEST_OF_A_KIND = 10
# Below every threshold: a question without a span is not answered at any.
NO_ANSWER = -1.0


def require_both_kinds(gold: Sequence[GoldQuestion], purpose: str) -> None:
    """Raise InputError where there are too few questions with an answer, or without one, for the `purpose` named."""
    answerable = sum(question.answerable for question in gold)
    unanswerable = len(gold) - answerable
    kinds = ((answerable, "that the documents answer"), (unanswerable, 'that they do not answer ("answers": [])'))
    missing = [f"{FEWEST_OF_A_KIND - count} more {kind}" for count, kind in kinds if count < FEWEST_OF_A_KIND]
    if missing:
        raise InputError(
            f"{purpose}: {answerable} answerable and {unanswerable} unanswerable questions, and at least "
            f"{FEWEST_OF_A_KIND} of each are needed: add {' and '.join(missing)}"
        )


def fit_calibration(
    observations: Sequence[Observation],
    store: Store,
    reader: Reader,
    *,
    fusion: FusionWeights,
    ranking: RankWeights,
    fitted_on: str,
) -> Calibration:
    """Fit the confidence of answers and the default threshold to observations.

    The answers are made of the passages read as the engine makes them, for every form of question, and the best are
    read closely by `reader`, which made the observations. Raises InputError where there are too few answers or
    questions of a kind.
    """
    require_both_kinds([entry.gold for entry in observations], "fitting")
    unfitted = _unfitted(fusion, ranking)
    features: list[NDArray[np.float64]] = []
    right: list[bool] = []
    weight: list[float] = []
    rows: list[range] = []
    for entry, candidates in zip(observations, _read_closely(observations, Judge(reader, unfitted)), strict=True):
        evidence = Evidence.of(entry.gold.question, entry.read)
        golds = [answer.text for answer in entry.gold.answers]
        rows.append(range(len(features), len(features) + len(candidates)))
        for number, candidate in enumerate(candidates):
            features.append(answer_features(candidates, number, evidence))
            right.append(bool(golds) and f1(candidate.best.text, golds) >= RIGHT_F1)
            weight.append(1.0 if number == 0 else WEIGHT_OF_OTHERS)
    matrix, labels = np.array(features), np.array(right, dtype=bool)
    logistic = fit_logistic(matrix, labels, np.array(weight))
    calibration = unfitted.model_copy(
        update={
            "mean": logistic.mean,
            "scale": logistic.scale,
            "weights": logistic.weights,
            "bias": logistic.bias,
            "reader_sha256": reader.sha256,
            "embedder_sha256": store.embedder.sha256,
            "fitted_on": fitted_on,
        }
    )
    confidence = [calibration.probability(row) for row in matrix]
    best = [max(answers, key=lambda row: confidence[row], default=None) for answers in rows]
    threshold = choose_threshold(
        np.array([NO_ANSWER if row is None else confidence[row] for row in best]),
        np.array([row is not None and labels[row] for row in best], dtype=bool),
        np.array([entry.gold.answerable for entry in observations], dtype=bool),
    )
    return calibration.model_copy(update={"threshold": threshold})


def _unfitted(fusion: FusionWeights, ranking: RankWeights) -> Calibration:
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


@dataclass(frozen=True, slots=True)
class Outcome:
    """A calibration with the measurements that chose it: hit rates by fusion, F1 of the first span when ranking."""

    calibration: Calibration
    hit_rates: dict[str, float]
    first_f1: float


def calibrate_end_to_end(
    store: Store,
    reader: Reader,
    everything: Sequence[GoldQuestion],
    *,
    tuning: Sequence[GoldQuestion],
    fitting: Sequence[GoldQuestion],
    passages: int,
    fitted_on: str,
    watch: Watch,
) -> Outcome:
    """Choose fusion and ranking on `tuning`, then fit confidence and threshold on `fitting`, which must not overlap.

    Raises InputError, before anything is read, where `fitting` lacks questions of a kind.
    """
    require_both_kinds(fitting, "fitting")
    fusion, rates = tune_fusion(store, tuning)
    engine = Engine(store, reader, uncalibrated(fusion))

    def read(name: str, questions: Sequence[GoldQuestion], within_article: bool) -> list[Observation]:
        with watch(name, len(questions)) as progress:
            return observe(
                engine,
                questions,
                passages=passages,
                within=in_its_article(everything) if within_article else None,
                progress=progress,
            )

    ranking, first_f1 = tune_ranking(read("reading to tune", [q for q in tuning if q.answerable], False))
    observations = read("reading in the whole store", fitting, False) + read("reading in its article", fitting, True)
    calibration = fit_calibration(
        observations,
        store,
        reader,
        fusion=fusion,
        ranking=ranking,
        fitted_on=f"{fitted_on}: {len(fitting)} questions, asked of {store.catalogue.counts()[1]} passages and of "
        "their own articles",
    )
    return Outcome(calibration, rates, first_f1)
