"""Confidence: a probability that is never more than it may be, from features that are always numbers."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from index.documents import StoredPassage
from index.errors import ModelError
from qa.judging.candidates import Candidate, RankWeights, candidates
from qa.judging.confidence import FEATURES, Calibration, Evidence, answer_features, load_calibration, uncalibrated
from qa.reading.legible_reader import ReadPassage
from qa.reading.spans import Span
from qa.retrieval.fusion import Fused, FusionWeights

COUNT = len(FEATURES)


def calibration(**changes: object) -> Calibration:
    values: dict[str, object] = {
        "features": FEATURES,
        "mean": [0.0] * COUNT,
        "scale": [1.0] * COUNT,
        "weights": [1.0] + [0.0] * (COUNT - 1),
        "bias": 0.0,
        "threshold": 0.5,
        "reader_sha256": "r",
        "embedder_sha256": "e",
        "fitted_on": "nothing",
    }
    return Calibration.model_validate(values | changes)


def vector(**values: float) -> np.ndarray:
    return np.array([values.get(name, 0.0) for name in FEATURES])


def read(text: str, spans: list[tuple[str, float]], **changes: object) -> ReadPassage:
    values = {"id": 1, "document_id": "d1", "start": 0, "end": len(text), "context": "", "text": text} | changes
    made = [Span(text.index(words), text.index(words) + len(words), margin) for words, margin in spans]
    return ReadPassage(
        StoredPassage.model_validate(values), Fused(int(str(values["id"])), 0.1, 2, 0.5, 4, 3.0), 0.25, made
    )


def features_of(question: str, entries: list[ReadPassage], number: int = 0) -> dict[str, float]:
    found = candidates(entries, RankWeights())
    values = answer_features(found, number, Evidence.of(question, entries))
    return dict(zip(FEATURES, values.tolist(), strict=True))


# --- the probability


def test_the_logistic_function_of_standardised_features() -> None:
    fitted = calibration(mean=[2.0] * COUNT, scale=[4.0] * COUNT, weights=[0.5] * COUNT, bias=-1.0)
    logit = 0.5 * ((6.0 - 2.0) / 4.0) + (COUNT - 1) * 0.5 * ((0.0 - 2.0) / 4.0) - 1.0
    assert fitted.probability(vector(margin=6.0)) == pytest.approx(1 / (1 + math.exp(-logit)))
    assert calibration().probability(vector()) == 0.5


@given(st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=2))
def test_more_margin_never_lowers_it(margins: list[float]) -> None:
    low, high = (calibration().probability(vector(margin=margin)) for margin in sorted(margins))
    assert 0.0 < low <= high < 1.0


def test_weights_for_ranking_and_fusion() -> None:
    fitted = calibration(rank_similarity=0.5, rank_fused=0.25, fusion_dense=2.0, fusion_lexical=0.5)
    assert fitted.rank_weights == RankWeights(similarity=0.5, fused=0.25)
    assert fitted.fusion == FusionWeights(dense=2.0, lexical=0.5)


def test_without_a_calibration_every_answer_is_a_toss() -> None:
    plain = uncalibrated(FusionWeights(dense=2.0, lexical=0.5))
    assert plain.probability(vector(margin=12.0, coverage=1.0)) == 0.5
    assert plain.fusion == FusionWeights(dense=2.0, lexical=0.5)
    assert uncalibrated().rank_weights == RankWeights()


# --- the file


def test_a_calibration_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(calibration(bias=0.125).model_dump_json(), encoding="utf-8")
    assert load_calibration(path) == calibration(bias=0.125)


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"\xff\xfe", b'{"features": ["margin"]}'])
def test_a_calibration_that_cannot_be_used(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "calibration.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"(?s)calibration\.json cannot be used.*qa calibrate"):
        load_calibration(path)


def test_a_field_that_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(calibration().model_dump() | {"temperature": 2}), encoding="utf-8")
    with pytest.raises(ModelError, match="temperature"):
        load_calibration(path)


def test_a_calibration_of_another_version(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    for names in ((*FEATURES[:-1], "luck"), FEATURES[::-1]):
        path.write_text(calibration(features=names).model_dump_json(), encoding="utf-8")
        with pytest.raises(ModelError, match="other features than this version"):
            load_calibration(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"weights": [1.0]},
        {"mean": [0.0] * (COUNT + 1)},
        {"scale": [0.0] * COUNT},
        {"bias": math.nan},
        {"threshold": 1.5},
    ],
)
def test_numbers_that_cannot_be_a_calibration(changes: dict[str, object]) -> None:
    with pytest.raises((ModelError, ValidationError)):
        calibration(**changes)


def test_features_that_are_no_number_promise_nothing() -> None:
    """The worst failure of a confidence: sure, because a number was not one."""
    try:
        probability = calibration().probability(vector(margin=math.nan))
    except (ValueError, ArithmeticError):
        return
    assert not probability > 0.5


# --- the features


def test_features_of_a_plain_answer() -> None:
    entries = [
        read("Ada wrote the notes. It rained.", [("Ada", 4.0), ("It", 1.5)], context="Engines"),
        read("By Ada.", [("Ada", 2.0)], id=2, document_id="d2"),
    ]
    found = features_of("Who wrote notes of engines?", entries)
    assert found["margin"] == 4.0
    assert found["gap"] == 2.5
    assert found["similarity"] == 0.25
    assert (found["dense_rank"], found["lexical_rank"]) == (0.5, 0.25)
    assert found["agreement"] == pytest.approx(math.log(2))
    assert found["length"] == pytest.approx(math.log(4))
    assert 0 < found["coverage"] < 1


def test_an_answer_of_the_kind_asked_for() -> None:
    entries = [read("Ada wrote the notes in 1843.", [("1843", 4.0), ("Ada", 1.0)])]
    assert [features_of("When were they written?", entries, number)["type_fit"] for number in (0, 1)] == [1.0, 0.0]


def test_the_second_answer_has_a_negative_gap() -> None:
    entries = [read("Ada and Bob.", [("Ada", 4.0), ("Bob", 1.0)])]
    assert features_of("Who?", entries, 1)["gap"] == -3.0


def test_limits_of_margin_and_gap() -> None:
    found = features_of("Who?", [read("Ada and Bob.", [("Ada", 400.0), ("Bob", -400.0)])])
    assert (found["margin"], found["gap"]) == (12.0, 8.0)
    assert features_of("Who?", [read("Ada.", [("Ada", -400.0)])])["margin"] == -12.0


def test_a_place_that_null_outscores_does_not_agree() -> None:
    entries = [read("Ada.", [("Ada", 4.0)]), read("Ada!", [("Ada", -0.1)], id=2, document_id="d2")]
    assert features_of("Who?", entries)["agreement"] == 0.0


def test_an_absent_rank_counts_nothing() -> None:
    entry = read("Ada.", [("Ada", 1.0)])
    bare = ReadPassage(entry.passage, Fused(1, 0.1), 0.0, entry.spans)
    found = features_of("Who?", [bare])
    assert (found["dense_rank"], found["lexical_rank"]) == (0.0, 0.0)


def test_coverage_weighs_rare_words_more() -> None:
    entries = [
        read("The drills were held in May.", [], id=1),
        read("The drills were held in June by India.", [], id=2),
        read("More drills.", [], id=3),
    ]
    evidence = Evidence.of("Did India hold drills?", entries)
    assert evidence.coverage("india holds drilling, did") == pytest.approx(1.0)
    assert evidence.coverage("nothing") == 0.0
    assert evidence.coverage("India") > evidence.coverage("drills") > 0.0
    everything = evidence.coverage("india") + evidence.coverage("drill") + evidence.coverage("held")
    assert everything <= 1.0


def test_the_evidence_of_no_question_words() -> None:
    evidence = Evidence.of("…?!", [read("Ada.", [])])
    assert math.isfinite(evidence.coverage("Ada"))


PIECES = [
    "e\u0301",
    "👨‍👩‍👧",
    "\r\n",
    "\ufeff",
    "\u202e",
    "\u200b",
    "Ada ",
    "1,000 ",
    ". ",
    "-",
    "Russia-India ",
    "\n\n",
]
HOSTILE = st.lists(
    st.one_of(
        st.sampled_from(PIECES),
        st.text(max_size=6),
    ),
    max_size=12,
).map("".join)
MARGINS = st.floats(-1e30, 1e30)


@given(HOSTILE, st.lists(st.tuples(HOSTILE, st.integers(0, 9), st.integers(1, 9), MARGINS), min_size=1, max_size=4))
@settings(max_examples=80, deadline=None)
def test_features_are_always_numbers(question: str, passages: list[tuple[str, int, int, float]]) -> None:
    entries = []
    for number, (drawn, start, length, margin) in enumerate(passages, start=1):
        text = drawn or "x"
        at = min(start, len(text) - 1)
        passage = StoredPassage(
            id=number, document_id=f"d{number % 2}", start=7, end=7 + len(text), context=question, text=text
        )
        span = Span(at, min(len(text), at + length), margin)
        entries.append(ReadPassage(passage, Fused(number, 0.1, number), 0.5, [span]))
    found: list[Candidate] = candidates(entries, RankWeights(similarity=0.5, fused=0.5))
    evidence = Evidence.of(question, entries)
    for number in range(len(found)):
        values = dict(zip(FEATURES, answer_features(found, number, evidence).tolist(), strict=True))
        assert all(map(math.isfinite, values.values())), values
        assert 0.0 <= values["coverage"] <= 1.0 + 1e-9
        assert 0.0 < calibration().probability(np.array(list(values.values()))) < 1.0
