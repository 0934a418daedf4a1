"""Measures by name, as the command line gives them."""

from __future__ import annotations

import math

from eval.measures import answers, confidence, retrieval
from eval.measures.measure import Family, Measure
from index.errors import InputError
from qa.types import MAX_PASSAGES

_MEASURES = {measure.name: measure for measure in (*answers.MEASURES, *confidence.MEASURES)}
_FAMILIES: dict[str, Family] = {
    family.name: family for family in (*retrieval.FAMILIES, *confidence.FAMILIES, *answers.FAMILIES)
}

KNOWN = (*_MEASURES, *(f"{family.name}@{family.form}" for family in _FAMILIES.values()))
"""What may stand on the command line; K passages, R a share of errors, P a percentage of questions."""


def parse_measure(text: str) -> Measure:
    """The measure of a name like `F1`, `HitRate@5`, `Coverage@risk=0.1` or `Latency@95`.

    Raises InputError, listing what is known, for another name or an impossible parameter.
    """
    name, at, parameter = text.strip().partition("@")
    family = _FAMILIES.get(name)
    measure = _MEASURES.get(name) if not at else family.make(parameter) if family is not None else None
    if measure is None:
        raise InputError(
            f"no measure {text!r}; there are: {', '.join(KNOWN)} (K: 1 to {MAX_PASSAGES} passages, R: a share of "
            "errors, 0 to 1, P: a percentage of questions)"
        )
    return measure


def is_timed(name: str) -> bool:
    """Whether the measure of this name is one of time, which no two runs share; False for an unknown name."""
    try:
        return parse_measure(name).timed
    except InputError:
        return False


def parse_bound(text: str) -> tuple[Measure, float]:
    """A measure and its bound, of a text like `F1=0.7` or `Coverage@risk=0.1=0.5`; raises InputError for another."""
    name, equals, number = text.rpartition("=")
    try:
        bound = float(number) if equals else math.nan
    except ValueError:
        bound = math.nan
    if not math.isfinite(bound):
        raise InputError(f"{text!r} is no bound; write it as F1=0.7 or Coverage@risk=0.1=0.5")
    return parse_measure(name), bound


def default_measures(passages: int) -> list[Measure]:
    """What a run reports unless told otherwise, with `passages` read a question."""
    answers = ["Right", "Coverage", "Risk", "EM", "F1", "HasAnsEM", "HasAnsF1", "NoAnsF1", "ForcedEM", "ForcedF1"]
    answers += ["HasAnsRight", "ForcedRight", "ForcedPlace"]
    retrieval = [f"HitRate@{k}" for k in (1, 5, 20) if k <= passages]
    retrieval += [f"{name}@{min(10, passages)}" for name in ("MRR", "nDCG")]
    rest = ["CitationValidity", "CitationPrecision", "AbstentionPrecision", "AbstentionRecall", "AbstentionF1"]
    confidence = ["ECE", "AURC", "Coverage@risk=0.1", "Coverage@risk=0.2", "Latency@50", "Latency@95"]
    return [parse_measure(name) for name in (*answers, *retrieval, *rest, *confidence)]
