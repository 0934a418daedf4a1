"""How a calibration is made from gold questions, end to end: asked, judged, and handed to the fit.

The statistics of the fit itself, which know nothing of gold questions, are those of `qa.calibration.fitting`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.calibration.observed_answers import ObservedAnswers, observed_answers, unfitted
from eval.calibration.observing import Observation, Within, in_its_article, in_its_document, observe
from eval.calibration.tuning import tune_fusion, tune_ranking
from eval.gold.questions import GoldQuestion
from eval.progress import Watch
from eval.results import QuestionResult
from index.errors import InputError, ModelError
from index.store.store import Store
from qa.calibration.fitting import choose_threshold, fit_logistic
from qa.engine import Engine
from qa.judging.candidates import RankWeights
from qa.judging.confidence import Calibration, uncalibrated
from qa.reading.reader import Reader
from qa.retrieval.fusion import FusionWeights

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
    sets: Sequence[ObservedAnswers],
    store: Store,
    reader: Reader,
    *,
    fusion: FusionWeights,
    ranking: RankWeights,
    fitted_on: str,
) -> Calibration:
    """Fit the confidence of answers and the default threshold to the answers of one or more sets of questions.

    Every set counts the same, however many questions it has: a confidence is to hold for the questions of each, and a
    large set would else decide alone. Raises InputError where a set has too few questions of a kind, and where there
    are too few right or wrong answers.
    """
    for answers in sets:
        require_both_kinds(answers.gold, "fitting")
    everything = sum(float(answers.weight.sum()) for answers in sets)
    features = np.concatenate([answers.features for answers in sets])
    weight = np.concatenate(
        [answers.weight * (everything / len(sets) / max(float(answers.weight.sum()), 1e-9)) for answers in sets]
    )
    logistic = fit_logistic(features, np.concatenate([answers.right for answers in sets]), weight)
    calibration = unfitted(fusion, ranking).model_copy(
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
    sure: list[float] = []
    right: list[bool] = []
    counts: list[float] = []
    for answers in sets:
        confidence = answers.confidence(calibration)
        for row in answers.best(confidence):
            sure.append(NO_ANSWER if row is None else float(confidence[row]))
            right.append(row is not None and bool(answers.right[row]))
            counts.append(1.0 / len(answers.gold))
    threshold = choose_threshold(
        np.array(sure),
        np.array(right, dtype=bool),
        np.array([question.answerable for answers in sets for question in answers.gold], dtype=bool),
        np.array(counts),
    )
    return calibration.model_copy(update={"threshold": threshold})


@dataclass(frozen=True, slots=True)
class DocumentsSet:
    """Questions on whole documents that join a fit: those of the gold `file` to fit to and to hold out, and the store
    that holds their documents, among others or alone."""

    store: Store
    file: Path
    name: str
    fitting: Sequence[GoldQuestion]
    held_out: Sequence[GoldQuestion]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A calibration with the measurements that chose it: hit rates by fusion, F1 of the first span when ranking; and
    what questions on whole documents come to, asked of their whole store: those fitted to, and those held out."""

    calibration: Calibration
    hit_rates: dict[str, float]
    first_f1: float
    fitted: Sequence[QuestionResult] = ()
    held_out: Sequence[QuestionResult] = ()


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
    documents: DocumentsSet | None = None,
) -> Outcome:
    """Choose fusion and ranking on `tuning`, then fit confidence and threshold on `fitting`, which must not overlap,
    and on the questions of `documents`.

    Every question is asked twice, of its whole store and of its own article or document alone. Raises InputError,
    before anything is read, where questions of a kind are lacking or a document is not in its store, and ModelError
    where the stores have different embedders.
    """
    require_both_kinds(fitting, "fitting")
    in_document = None
    if documents is not None:
        require_both_kinds(documents.fitting, f"fitting on {documents.name}")
        if documents.store.embedder.sha256 != store.embedder.sha256:
            raise ModelError(
                f"the stores {store.location} and {documents.store.location} have different embedders, and a "
                "calibration is fitted with one: index the documents with that of the other store"
            )
        asked = [*documents.fitting, *documents.held_out]
        in_document = in_its_document(documents.store, documents.file, asked)
    fusion, rates = tune_fusion(store, tuning)

    def read(
        name: str, of: Store, questions: Sequence[GoldQuestion], within: Within | None = None
    ) -> list[Observation]:
        engine = Engine(of, reader, uncalibrated(fusion))
        with watch(name, len(questions)) as progress:
            return observe(engine, questions, passages=passages, within=within, progress=progress)

    def answers(observations: Sequence[Observation]) -> ObservedAnswers:
        return observed_answers(observations, reader, fusion=fusion, ranking=ranking)

    ranking, first_f1 = tune_ranking(read("reading to tune", store, [q for q in tuning if q.answerable]))
    observations = read("reading in the whole store", store, fitting)
    observations += read("reading in its article", store, fitting, in_its_article(everything))
    sets = [answers(observations)]
    fitted_on = (
        f"{fitted_on}: {len(fitting)} questions, asked of {store.catalogue.counts()[1]} passages and of "
        "their own articles"
    )
    if documents is not None:
        asked_of = documents.store
        whole = read("reading in the documents' store", asked_of, documents.fitting)
        alone = read("reading in its document", asked_of, documents.fitting, in_document)
        sets.append(answers([*whole, *alone]))
        fitted_on += (
            f"; as much, {documents.name}: {len(documents.fitting)} questions, asked of "
            f"{asked_of.catalogue.counts()[1]} passages and of their own documents"
        )
    calibration = fit_calibration(sets, store, reader, fusion=fusion, ranking=ranking, fitted_on=fitted_on)
    if documents is None:
        return Outcome(calibration, rates, first_f1)
    held_out = answers(read("reading what is held out", documents.store, documents.held_out))
    return Outcome(
        calibration,
        rates,
        first_f1,
        # Those that were asked of the whole store come first.
        fitted=sets[1].first(len(whole)).results(calibration),
        held_out=held_out.results(calibration),
    )
