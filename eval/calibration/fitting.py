"""What a calibration is made from: gold questions asked of a store, every stage kept, and the choices fitted to it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from eval.gold.corpus import context_uri
from eval.gold.questions import GoldQuestion
from eval.measures.basic import first_overlap, hit_rate
from eval.measures.squad import f1
from eval.progress import Watch
from eval.results import RIGHT_F1
from index.documents import document_id
from index.errors import InputError
from index.store.store import Store
from qa.calibration.fitting import choose_threshold, fit_logistic
from qa.engine import Engine, answer_candidates
from qa.judging.candidates import Candidate, RankWeights, ReadPassage
from qa.judging.confidence import Calibration, Evidence, answer_features, uncalibrated
from qa.reading.reader import Reader
from qa.retrieval.fusion import FusionWeights, fuse
from qa.types import Filters, Question

BATCH = 16
RANKING_GRID = tuple(product((0.0, 1.0, 2.0, 4.0, 6.0, 9.0, 12.0), (0.0, 1.0, 2.0, 4.0, 6.0, 9.0)))
FUSION_GRID = tuple((dense, 1.0) for dense in (0.2, 0.35, 0.5, 0.7, 1.0, 1.4))
# Answers behind the best one are shown too, but the best one's probability is the promise.
WEIGHT_OF_OTHERS = 0.2
CANDIDATES = 5
# Of answerable and of unanswerable questions: below, the threshold between them would be chance.
FEWEST_OF_A_KIND = 10
# Below every threshold: a question without a span is not answered at any.
NO_ANSWER = -1.0


@dataclass(frozen=True, slots=True)
class Observation:
    """A gold question with the passages that were read for it."""

    gold: GoldQuestion
    read: Sequence[ReadPassage]


def draw(gold: Sequence[GoldQuestion], limit: int | None, seed: int = 13) -> list[GoldQuestion]:
    """At most `limit` questions, by a seeded draw, in their own order."""
    if limit is None or limit >= len(gold):
        return list(gold)
    chosen = sorted(random.Random(seed).sample(range(len(gold)), limit))
    return [gold[number] for number in chosen]


def observe(
    engine: Engine,
    gold: Sequence[GoldQuestion],
    *,
    passages: int,
    within_article: bool,
    everything: Sequence[GoldQuestion],
    progress: Callable[[int, int], None] | None = None,
) -> list[Observation]:
    """Ask and read. `within_article` asks only the documents of the question's own article, as in a small store;
    `everything` tells which those are. progress is called with (questions done, all)"""
    article: dict[str, list[str]] = {}
    for question in everything:
        if question.context:
            own = article.setdefault(question.title or "", [])
            own.append(document_id(context_uri(question.context)))
    observations: list[Observation] = []
    for begin in range(0, len(gold), BATCH):
        batch = gold[begin : begin + BATCH]
        questions = [
            Question(
                question=entry.question,
                passages=passages,
                filters=Filters(document_ids=tuple(dict.fromkeys(article[entry.title or ""])))
                if within_article
                else Filters(),
            )
            for entry in batch
        ]
        found = engine.retrieve_many(questions)
        read = engine.read_many(questions, found)
        observations.extend(Observation(entry, own) for entry, own in zip(batch, read, strict=True))
        if progress:
            progress(len(observations), len(gold))
    return observations


def tune_fusion(store: Store, gold: Sequence[GoldQuestion], *, k: int = 20) -> tuple[FusionWeights, dict[str, float]]:
    """The list weights with the best hit rate at k, and the hit rates of every choice and of each list alone."""
    located = [question for question in gold if question.located and question.context]
    ranks: dict[str, list[int | None]] = {}
    for begin in range(0, len(located), 256):
        batch = located[begin : begin + 256]
        vectors = store.embedder.embed([question.question for question in batch])
        for question, vector in zip(batch, vectors, strict=True):
            result = store.search(question.question, vector, 3 * k)
            orders = {"dense": [i for i, _ in result.dense], "lexical": [i for i, _ in result.lexical]}
            for dense, lexical in FUSION_GRID:
                weights = FusionWeights(dense=dense, lexical=lexical)
                fused = fuse(result.dense, result.lexical, weights)
                orders[f"rrf {dense:g}:{lexical:g}"] = [hit.passage_id for hit in fused]
            snapshot = store.catalogue.snapshot(list({i for order in orders.values() for i in order[:k]}))
            wanted = document_id(context_uri(question.context or ""))
            spans = [(a.start, a.end) for a in question.answers if a.start is not None and a.end is not None]
            for name, order in orders.items():
                places = [
                    (p.document_id, p.start, p.end) for i in order[:k] if (p := snapshot.passages.get(i)) is not None
                ]
                ranks.setdefault(name, []).append(first_overlap(places, wanted, spans))
    if not located:
        raise InputError("no question with a located answer: fusion cannot be tuned")
    rates = {f"{name} @{depth}": hit_rate(own, depth) or 0.0 for name, own in ranks.items() for depth in (1, 5, k)}
    best = max(FUSION_GRID, key=lambda pair: (rates[f"rrf {pair[0]:g}:{pair[1]:g} @{k}"], -abs(pair[0] - 1.0)))
    return FusionWeights(dense=best[0], lexical=best[1]), rates


def tune_ranking(observations: Sequence[Observation]) -> tuple[RankWeights, float]:
    """The ranking weights with the best F1 of the first span over answerable questions, and that F1."""
    asked = [entry for entry in observations if entry.gold.answerable]
    if not asked:
        raise InputError("no answerable question: ranking cannot be tuned")

    def score(pair: tuple[float, float]) -> float:
        weights = RankWeights(similarity=pair[0], fused=pair[1])
        return float(np.mean([_best_f1(entry, weights) for entry in asked]))

    scores = {pair: score(pair) for pair in RANKING_GRID}
    best = max(RANKING_GRID, key=lambda pair: (round(scores[pair], 4), -sum(pair)))
    return RankWeights(similarity=best[0], fused=best[1]), scores[best]


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
    engine = Engine(store, reader, _unfitted(fusion, ranking))
    features: list[NDArray[np.float64]] = []
    right: list[bool] = []
    weight: list[float] = []
    rows: list[range] = []
    for entry, found in zip(observations, _found_closely(observations, engine), strict=True):
        evidence = Evidence.of(entry.gold.question, entry.read)
        golds = [answer.text for answer in entry.gold.answers]
        rows.append(range(len(features), len(features) + len(found)))
        for number, candidate in enumerate(found):
            features.append(answer_features(found, number, evidence))
            right.append(bool(golds) and f1(candidate.best.text, golds) >= RIGHT_F1)
            weight.append(1.0 if number == 0 else WEIGHT_OF_OTHERS)
    matrix, labels = np.array(features), np.array(right, dtype=bool)
    logistic = fit_logistic(matrix, labels, np.array(weight))
    calibration = engine.calibration.model_copy(
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
    best = [max(own, key=lambda row: confidence[row], default=None) for own in rows]
    threshold = choose_threshold(
        np.array([NO_ANSWER if row is None else confidence[row] for row in best]),
        np.array([row is not None and labels[row] for row in best], dtype=bool),
        np.array([entry.gold.answerable for entry in observations], dtype=bool),
    )
    return calibration.model_copy(update={"threshold": threshold})


def _unfitted(fusion: FusionWeights, ranking: RankWeights) -> Calibration:
    weights = {"rank_similarity": ranking.similarity, "rank_fused": ranking.fused}
    return uncalibrated(fusion).model_copy(update=weights)


def _found_closely(observations: Sequence[Observation], engine: Engine) -> list[list[Candidate]]:
    found: list[list[Candidate]] = []
    for begin in range(0, len(observations), BATCH):
        batch = observations[begin : begin + BATCH]
        questions = [_asked(entry) for entry in batch]
        own = [
            engine.candidates(question, entry.read)[:CANDIDATES]
            for question, entry in zip(questions, batch, strict=True)
        ]
        found.extend(engine.read_again(questions, own))
    return found


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
                within_article=within_article,
                everything=everything,
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


def _asked(entry: Observation) -> Question:
    return Question(question=entry.gold.question)


def _best_f1(entry: Observation, weights: RankWeights) -> float:
    found = answer_candidates(_asked(entry), entry.read, weights)
    return f1(found[0].best.text, [answer.text for answer in entry.gold.answers]) if found else 0.0
