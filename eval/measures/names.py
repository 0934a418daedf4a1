"""Measures by name, as the command line gives them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import partial

import ir_measures

from eval.measures.answers import ANSWERS, Latency
from eval.measures.confidence import AreaUnderRiskCoverage, CalibrationError, CoverageAtRisk
from eval.measures.measure import Measure
from eval.measures.retrieval import Retrieval
from index.errors import InputError
from qa.types import MAX_PASSAGES

_PLAIN: dict[str, Measure] = {
    measure.name: measure
    for measure in (*ANSWERS, CalibrationError("ECE", False), AreaUnderRiskCoverage("AURC", False))
}
# What each is called in ir_measures.
_RETRIEVAL = {"HitRate": ir_measures.Success, "MRR": ir_measures.RR, "nDCG": ir_measures.nDCG}
_WHOLE = re.compile(r"[0-9]{1,3}")

KNOWN = (*_PLAIN, *(f"{name}@K" for name in _RETRIEVAL), "Coverage@risk=R", "Latency@P")
"""What may stand on the command line; K passages, R a share of errors, P a percentage of questions."""


def parse_measure(text: str) -> Measure:
    """The measure of a name like `F1`, `HitRate@5`, `Coverage@risk=0.1` or `Latency@95`.

    Raises InputError, listing what is known, for another name or an impossible parameter.
    """
    name, at, parameter = text.strip().partition("@")
    if not at and name in _PLAIN:
        return _PLAIN[name]
    make: Callable[[], Measure] | None = None
    if at and name in _RETRIEVAL and _WHOLE.fullmatch(parameter) and 1 <= int(parameter) <= MAX_PASSAGES:
        depth = int(parameter)
        make = partial(Retrieval, f"{name}@{depth}", depth=depth, metric=_RETRIEVAL[name] @ depth)
    elif name == "Coverage" and (risk := _share(parameter)) is not None:
        make = partial(CoverageAtRisk, f"Coverage@risk={risk:g}", risk=risk)
    elif name == "Latency" and _WHOLE.fullmatch(parameter) and 1 <= int(parameter) <= 100:
        make = partial(Latency, f"Latency@{int(parameter)}", False, timed=True, percent=int(parameter))
    if make is None:
        raise InputError(
            f"no measure {text!r}; there are: {', '.join(KNOWN)} (K: 1 to {MAX_PASSAGES} passages, R: a share of "
            "errors, 0 to 1, P: a percentage of questions)"
        )
    return make()


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
    retrieval = [f"HitRate@{k}" for k in (1, 5, 20) if k <= passages]
    retrieval += [f"{name}@{min(10, passages)}" for name in ("MRR", "nDCG")]
    rest = ["CitationValidity", "CitationPrecision", "AbstentionPrecision", "AbstentionRecall", "AbstentionF1"]
    confidence = ["ECE", "AURC", "Coverage@risk=0.1", "Latency@50", "Latency@95"]
    return [parse_measure(name) for name in (*answers, *retrieval, *rest, *confidence)]


def _share(parameter: str) -> float | None:
    try:
        value = float(parameter.removeprefix("risk=")) if parameter.startswith("risk=") else math.nan
    except ValueError:
        return None
    return value if 0 <= value <= 1 else None
