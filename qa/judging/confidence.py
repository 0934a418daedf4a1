"""Confidence: the calibrated probability that an answer is right, a logistic model over what is known of it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from index.disk.outputs import json_kind
from index.errors import ModelError
from index.text.sentences import sentences_around, split_sentences
from index.text.words import words
from qa.judging.candidates import Candidate, RankWeights
from qa.judging.question_fit import AskedKind, asked_kind, type_fit
from qa.reading.legible_reader import ReadPassage
from qa.retrieval.fusion import FusionWeights

BUNDLED_CALIBRATION = Path(__file__).parents[1] / "models" / "calibration.json"

# What each feature measures, in the order of the calibration's numbers.
MEANINGS = {
    "margin": "how far the reader prefers the span to no answer: logits, at most 12 either way",
    "gap": "how far its score is above that of the best other candidate: logits, at most 8 either way",
    "similarity": "how near its passage is to the question in meaning: the inner product",
    "dense_rank": "1 divided by its passage's rank in the search by meaning, 0 where that did not find it",
    "lexical_rank": "1 divided by its passage's rank in the search by words, 0 where that did not find it",
    "agreement": "the logarithm of 1 more than the number of other places where the same words answer about as well",
    "coverage": "the share of the question's words, the rare ones weighing more, in the sentences around it",
    "length": "the logarithm of 1 more than the number of its characters",
    "margin_alone": "its margin when its sentence is read alone",
    "margin_near": "its margin when its sentence is read with the neighbouring ones",
    "type_fit": "whether it is the kind of thing that the question asks for: 1, 0.5 where nobody knows, 0",
}
FEATURES = tuple(MEANINGS)
# Beyond these a larger margin tells nothing more, and one outlier must not decide.
MARGIN_LIMIT, GAP_LIMIT = 12.0, 8.0


class Calibration(BaseModel):
    """What is fitted: fusion and ranking weights, the logistic model and the default threshold.

    `reader_sha256` and `embedder_sha256` name the models that it was fitted with: with others it is a guess.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    features: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float
    threshold: float = Field(ge=0, le=1)
    rank_similarity: float = 0.0
    rank_fused: float = 0.0
    fusion_dense: float = 1.0
    fusion_lexical: float = 1.0
    reader_sha256: str
    embedder_sha256: str
    fitted_on: str

    @model_validator(mode="after")
    def _one_number_a_feature(self) -> Calibration:
        if {len(self.mean), len(self.scale), len(self.weights)} != {len(self.features)}:
            raise ValueError(f"mean, scale and weights need {len(self.features)} numbers each, one a feature")
        if min(self.scale, default=1.0) <= 0:
            raise ValueError("every scale must be above 0")
        return self

    @property
    def reads_closely(self) -> bool:
        """Whether the margins of closer readings count: they cost a second, short reading."""
        return any(
            weight != 0
            for name, weight in zip(self.features, self.weights, strict=True)
            if name in ("margin_alone", "margin_near")
        )

    @property
    def rank_weights(self) -> RankWeights:
        return RankWeights(similarity=self.rank_similarity, fused=self.rank_fused)

    @property
    def fusion(self) -> FusionWeights:
        return FusionWeights(dense=self.fusion_dense, lexical=self.fusion_lexical)

    @property
    def sha256(self) -> str:
        """The hash of all that is fitted: equal ones give equal confidences."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def contributions(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """What each feature adds to the logit, (len(FEATURES),): nothing where it is average."""
        return np.array(self.weights) * self._standardised(features)

    def logit(self, features: NDArray[np.float64]) -> float:
        """The weighted, standardised features (len(FEATURES),) and the bias, summed: the logarithm of the odds."""
        return float(self._standardised(features) @ np.array(self.weights)) + self.bias

    def probability(self, features: NDArray[np.float64]) -> float:
        """The logistic function of the weighted, standardised features (len(FEATURES),).

        Raises ValueError for a feature that is not a finite number: no promise can be made on it.
        """
        if not np.isfinite(features).all():
            raise ValueError(f"features that are not finite numbers: {features}")
        logit = self.logit(features)
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))

    def _standardised(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        standardised: NDArray[np.float64] = (features - np.array(self.mean)) / np.array(self.scale)
        return standardised


CALIBRATION = json_kind("a calibration", Calibration)


def uncalibrated(fusion: FusionWeights | None = None) -> Calibration:
    """A calibration that knows nothing: every answer is as likely right as wrong."""
    fusion = fusion or FusionWeights()
    zeros = (0.0,) * len(FEATURES)
    return Calibration(
        features=FEATURES,
        mean=zeros,
        scale=(1.0,) * len(FEATURES),
        weights=zeros,
        bias=0.0,
        threshold=0.5,
        fusion_dense=fusion.dense,
        fusion_lexical=fusion.lexical,
        reader_sha256="",
        embedder_sha256="",
        fitted_on="nothing",
    )


def load_calibration(path: Path = BUNDLED_CALIBRATION) -> Calibration:
    """Read a calibration; raises ModelError where it is missing or of another version."""
    try:
        calibration = Calibration.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        reason = _first_problem(error) if isinstance(error, ValidationError) else error
        raise ModelError(f"the calibration {path} cannot be used: {reason}; fit one with: qa calibrate") from error
    if calibration.features != FEATURES:
        raise ModelError(f"the calibration {path} has other features than this version; fit it again: qa calibrate")
    return calibration


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    field = ".".join(map(str, problem["loc"]))
    return f"{field}: {problem['msg']}" if field else problem["msg"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a question's words say: the kind of thing that it asks for, and the weight of each word, by its rarity in
    the passages that were read."""

    kind: AskedKind
    weights: dict[str, float]

    @classmethod
    def of(cls, question: str, read: Sequence[ReadPassage]) -> Evidence:
        asked = list(dict.fromkeys(words(question)))
        held = [set(words(_with_context(entry))) for entry in read]
        # Inverse document frequency over the passages read (Spaerck Jones 1972); a word in none of them weighs most.
        weights = {word: math.log((len(held) + 1) / (sum(word in text for text in held) + 0.5)) + 0.1 for word in asked}
        return cls(asked_kind(question), weights)

    def coverage(self, text: str) -> float:
        """The share of the question's words, by weight, that stand in a text; 1 for a question without words."""
        total = sum(self.weights.values())
        if total == 0:
            return 1.0
        held = set(words(text))
        return sum(weight for word, weight in self.weights.items() if word in held) / total


def answer_features(ranked: Sequence[Candidate], number: int, evidence: Evidence) -> NDArray[np.float64]:
    """The features (len(FEATURES),) of candidate `number`, in the order of FEATURES."""
    candidate = ranked[number]
    best = candidate.best
    other_scores = [other.best.score for place, other in enumerate(ranked) if place != number]
    gap = best.score - max(other_scores) if other_scores else GAP_LIMIT
    begin = best.passage.start
    near = sentences_around(split_sentences(best.passage.text), best.start - begin, best.end - begin, more=1)
    around = best.passage.text[slice(*near)]
    return np.array(
        [
            _clip(best.margin),
            max(-GAP_LIMIT, min(GAP_LIMIT, gap)),
            best.similarity,
            1.0 / best.hit.dense_rank if best.hit.dense_rank else 0.0,
            1.0 / best.hit.lexical_rank if best.hit.lexical_rank else 0.0,
            math.log1p(len(candidate.supporting)),
            evidence.coverage(around),
            math.log1p(len(best.text)),
            *_close_margins(candidate),
            type_fit(evidence.kind, best.text),
        ]
    )


def _close_margins(candidate: Candidate) -> tuple[float, float]:
    if candidate.close is None:
        same = _clip(candidate.best.margin)
        return same, same
    alone, near = candidate.close
    return _clip(alone), _clip(near)


def _clip(margin: float | None) -> float:
    return -MARGIN_LIMIT if margin is None else max(-MARGIN_LIMIT, min(MARGIN_LIMIT, margin))


def _with_context(entry: ReadPassage) -> str:
    return f"{entry.passage.context}\n{entry.passage.text}"
