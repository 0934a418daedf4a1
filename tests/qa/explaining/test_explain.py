"""Explanations: what they say is what decided, and what they say would change the outcome does change it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fakes.embedders import HashedWordsEmbedder
from fakes.readers import PhraseReader
from hypothesis import given, settings
from hypothesis import strategies as st

from index.documents import Document
from index.store.store import Store
from qa.engine import Engine
from qa.explanation import Explanation
from qa.judging.confidence import FEATURES, Calibration
from qa.types import Filters, Promise, Question, Response

NOTES = Document(
    uri="file:///a/notes.txt", title="Notes", collection="a", tags=("old",), date="1900",
    text="It rained 🛰.\n\nAda Lovelace wrote the notes in 1843. Nobody else did, as far as anybody knows.",
)  # fmt: skip
ENGINES = Document(
    uri="file:///a/engines.txt", title="Engines", collection="a", text="Charles Babbage built engines in 1822."
)
LETTERS = Document(
    uri="file:///b/letters.txt", title="Letters", collection="b", tags=("new",),
    text="The letters about the notes are from 1844, and Ada Lovelace wrote them.",
)  # fmt: skip
DOCUMENTS = {document.id: document for document in (NOTES, ENGINES, LETTERS)}
WHEN = "When were the notes written?"
FOUND = {"1843": 3.0, "1844": 1.0, "Charles Babbage": -2.0}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = Store(tmp_path_factory.mktemp("explained") / "store", HashedWordsEmbedder())
    list(made.put_all(list(DOCUMENTS.values())))
    yield made
    made.close()


def calibration(**changes: Any) -> Calibration:
    """Confidence is the logistic function of the margin, and nothing else."""
    count = len(FEATURES)
    values: dict[str, Any] = {
        "features": FEATURES, "mean": [0.0] * count, "scale": [1.0] * count,
        "weights": [float(name == "margin") for name in FEATURES], "bias": 0.0, "threshold": 0.75,
        "reader_sha256": "f" * 64, "embedder_sha256": "e" * 64, "fitted_on": "nothing",
    }  # fmt: skip
    return Calibration.model_validate(values | changes)


def ask(
    store: Store, margins: dict[str, float], question: str = WHEN, by: Calibration | None = None, **fields: Any
) -> Response:
    reader = PhraseReader()
    reader.margins = margins
    asked = Question.model_validate({"question": question, "explain": True} | fields)
    return Engine(store, reader, by or calibration()).ask(asked)


def explained(response: Response) -> Explanation:
    assert response.explanation is not None
    return response.explanation


def statements(response: Response, kind: str) -> list[str]:
    return [change.statement for change in explained(response).would_change if change.kind == kind]


def logistic(logit: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))


def test_nothing_is_explained_unless_asked_for(store: Store) -> None:
    with_it, without = ask(store, FOUND), ask(store, FOUND, explain=False)
    assert without.explanation is None and with_it.explanation is not None
    apart = {"elapsed_ms", "explanation"}
    assert with_it.model_dump(exclude=apart) == without.model_dump(exclude=apart)


def test_every_retrieved_passage_with_its_places_and_best_span(store: Store) -> None:
    reader = PhraseReader()
    reader.margins = FOUND | {"in 1843": 2.0}
    (trace,) = Engine(store, reader, calibration()).trace([Question(question=WHEN, explain=True)])
    passages = explained(trace.response).passages
    assert len(passages) == len(trace.retrieved.passages) == 3
    for shown, entry in zip(passages, trace.retrieved.passages, strict=True):
        document = DOCUMENTS[shown.document.id]
        assert shown.document.model_dump() == document.model_dump(include={"uri", "title"}) | {
            "id": document.id, "sha256": document.sha256,
        }  # fmt: skip
        assert document.text[shown.start : shown.end] == entry.passage.text
        assert (shown.dense_rank, shown.lexical_rank) == (entry.hit.dense_rank, entry.hit.lexical_rank)
        assert shown.fused_score == entry.hit.score
        assert shown.dense_score == pytest.approx(entry.hit.dense_score, abs=1e-4)
        assert (shown.lexical_score is None) == (shown.lexical_rank is None)
        assert shown.similarity == pytest.approx(entry.similarity, abs=1e-4)
        if shown.read is not None:
            assert document.text[shown.read.start : shown.read.end] == shown.read.text
    assert [shown.fused_score for shown in passages] == sorted((p.fused_score for p in passages), reverse=True)
    read = {shown.document.id: shown.read and (shown.read.text, shown.read.margin) for shown in passages}
    assert read == {NOTES.id: ("1843", 3.0), LETTERS.id: ("1844", 1.0), ENGINES.id: ("Charles Babbage", -2.0)}
    # Engines share no word with the question.
    assert {shown.document.id for shown in passages if shown.lexical_rank is None} == {ENGINES.id}


def test_a_passage_without_a_span(store: Store) -> None:
    response = ask(store, {"1843": 3.0})
    assert {shown.document.id for shown in explained(response).passages if shown.read is None} == {
        ENGINES.id, LETTERS.id,
    }  # fmt: skip
    nothing = ask(store, {})
    assert explained(nothing).candidates == ()
    assert statements(nothing, "reading") == ["No span was found in the 3 passages read: no threshold would answer."]
    assert ask(store, {}, threshold=0.0).status != "answered"


def test_candidates_are_those_that_were_judged_best_first(store: Store) -> None:
    response = ask(store, FOUND)
    candidates = explained(response).candidates
    assert [(one.text, one.margin) for one in candidates] == [("1843", 3.0), ("1844", 1.0), ("Charles Babbage", -2.0)]
    assert candidates[0].confidence == response.answers[0].confidence
    for one in candidates:
        assert DOCUMENTS[one.document_id].text[one.start : one.end] == one.text
        assert [feature.name for feature in one.features] == list(FEATURES)
    assert set(explained(response).meanings) == set(FEATURES)


def test_what_is_shown_is_bounded(store: Store) -> None:
    words = {word: 1.0 + n / 100 for n, word in enumerate(sorted({*re.findall(r"\w+", NOTES.text + LETTERS.text)}))}
    explanation = explained(ask(store, words, passages=2))
    assert len(explanation.passages) == 2 and len(explanation.candidates) <= 20


NUMBER = st.floats(-3, 3)
NUMBERS = st.lists(NUMBER, min_size=len(FEATURES), max_size=len(FEATURES))
CALIBRATIONS = st.builds(
    lambda mean, scale, weights, bias, threshold: calibration(
        mean=mean, scale=scale, weights=weights, bias=bias, threshold=threshold
    ),
    NUMBERS,
    st.lists(st.floats(0.2, 5), min_size=len(FEATURES), max_size=len(FEATURES)),
    NUMBERS,
    NUMBER,
    st.floats(0, 1),
)
MARGINS = st.dictionaries(st.sampled_from(["1843", "1844", "Ada Lovelace", "1822", "rained"]), st.floats(-15, 15))


@pytest.mark.slow
@given(by=CALIBRATIONS, margins=MARGINS)
@settings(max_examples=60, deadline=None)
def test_contributions_and_bias_add_up_to_the_confidence(store: Store, by: Calibration, margins: Any) -> None:
    explanation = explained(ask(store, margins, by=by))
    assert explanation.bias == by.bias
    for candidate in explanation.candidates:
        logit = explanation.bias + sum(feature.contribution for feature in candidate.features)
        # Contributions rounded to four decimals, where the curve rises by a quarter at most; and the confidence.
        assert logistic(logit) == pytest.approx(candidate.confidence, abs=len(FEATURES) * 5e-5 / 4 + 5e-5 + 1e-9)
        for feature in candidate.features:
            exact = feature.weight * (feature.value - feature.mean) / feature.scale
            assert feature.contribution == pytest.approx(exact, abs=5e-5 + 5e-5 * abs(feature.weight / feature.scale))


@pytest.mark.slow
@given(by=CALIBRATIONS, margins=MARGINS)
@settings(max_examples=60, deadline=None)
def test_what_would_have_changed_the_outcome_does(store: Store, by: Calibration, margins: Any) -> None:
    response = ask(store, margins, by=by)
    explanation = explained(response)
    assert (explanation.threshold, explanation.threshold_from) == (by.threshold, "calibration")
    if not explanation.candidates:
        assert statements(response, "reading")
        return
    # The threshold that is named decides otherwise, when the question names it.
    first, *others = explanation.candidates
    (said,) = statements(response, "threshold")
    assert f"{first.confidence:.4f}" in said or first.confidence == 1
    assert ask(store, margins, by=by, threshold=first.confidence).status == "answered"
    if first.confidence < 1:
        assert ask(store, margins, by=by, threshold=min(1.0, first.confidence + 1e-4)).status != "answered"
    assert len(statements(response, "runner_up")) == min(1, len(others))
    # A feature is named where its contribution alone decides.
    named = {change.feature for change in explanation.would_change if change.kind == "feature"} - {None}
    logit = explanation.bias + sum(feature.contribution for feature in first.features)
    for feature in first.features:
        average = logistic(logit - feature.contribution)
        if abs(average - by.threshold) > 1e-3:
            decides = (average >= by.threshold) != (response.status == "answered")
            assert decides == (feature.name in named), feature


def test_a_feature_that_decided_is_named(store: Store) -> None:
    (said,) = statements(ask(store, {"1843": 3.0}), "feature")
    assert said == (
        "With an average margin, and all else as it is, its confidence would be 0.5000: it would not be answered."
    )
    (said,) = statements(ask(store, {"1843": 3.0, "1844": 2.0}), "feature")
    assert said.endswith("its confidence would be 0.5000: “1844” would be the answer instead.")
    (said,) = statements(ask(store, {"1843": -3.0}, threshold=0.4), "feature")
    assert said.endswith("its confidence would be 0.5000: it would be answered.")
    (said,) = statements(ask(store, {"1843": 3.0}, threshold=0.3), "feature")
    assert said.startswith("No single feature decided")


def test_what_no_span_can_answer(store: Store) -> None:
    response = ask(store, FOUND, "Summarise the notes.", threshold=0.0)
    assert response.status != "answered"
    assert [change.kind for change in explained(response).would_change] == ["question"]


@pytest.mark.parametrize(("margin", "status"), [(3.0, "unsure"), (-4.0, "not_found")])
def test_what_it_would_be_above_its_confidence(store: Store, margin: float, status: str) -> None:
    (said,) = statements(ask(store, {"1843": margin}, threshold=0.0), "threshold")
    assert said.endswith(f"{status.replace('_', ' ')} above.")
    assert ask(store, {"1843": margin}, threshold=1.0).status == status


def test_how_close_the_runner_up_came(store: Store) -> None:
    (said,) = statements(ask(store, {"1843": 3.0, "1844": 1.25}), "runner_up")
    assert said == f"The runner-up, “1844”, lost by 1.75 logits: its confidence is {logistic(1.25):.4f}."
    (said,) = statements(ask(store, {"1843": 1.0, "1844": 1.0}), "runner_up")
    assert said.endswith(f"is exactly as likely: {logistic(1.0):.4f}.")
    assert statements(ask(store, {"1843": 3.0}), "runner_up") == []


def test_where_the_threshold_comes_from(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert explained(ask(store, FOUND)).threshold_from == "calibration"
    assert explained(ask(store, FOUND, threshold=0.5)).threshold_from == "question"
    promise = Promise(
        risk=0.1, delta=0.1, threshold=0.6, strictest=0.7, coverage=0.5, questions=100, passages=20, gold="g",
        measured_at="2026-11-22T16:00:00+00:00", store_generation=1,
    )  # fmt: skip
    monkeypatch.setattr(Engine, "promise", lambda _self: (promise, None))
    promised = explained(ask(store, FOUND))
    assert (promised.threshold, promised.threshold_from) == (0.6, "promise")
    assert explained(ask(store, FOUND, threshold=0.5)).threshold_from == "question"


# --- nothing retrieved


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        (
            {"uri_prefix": "file:///c"},
            [
                "What it was restricted to leaves 0 documents, and no passage to read.",
                "Without uri_prefix there would be 3 documents.",
            ],
        ),
        ({"collections": ["c"]}, ["What it was restricted to leaves 0 documents, and no passage to read."]),
        (
            {"collections": ["a"], "tags": ["new"]},
            [
                "What it was restricted to leaves 0 documents, and no passage to read.",
                "Without tags there would be 2 documents in the collections asked for.",
            ],
        ),
        (
            {"tags": ["new"], "date_from": "1899", "date_to": "1901", "uri_prefix": "file:///"},
            [
                "What it was restricted to leaves 0 documents, and no passage to read.",
                "uri_prefix alone leaves 3 documents.",
                "tags alone leaves 1 document.",
                "date_from and date_to alone leave 1 document.",
                "Without uri_prefix, tags, date_from and date_to there would be 3 documents.",
            ],
        ),
    ],
)
def test_which_filters_left_nothing(store: Store, filters: dict[str, Any], said: list[str]) -> None:
    response = ask(store, FOUND, filters=filters)
    assert response.reason == "nothing_retrieved"
    assert statements(response, "documents") == said
    assert len(explained(response).would_change) == len(said)
    assert (explained(response).passages, explained(response).candidates) == ((), ())


def test_filters_are_counted_within_the_collections_alone(store: Store) -> None:
    """Collections may stand for all that the asker may see: nothing is said of documents outside them."""
    filters = {"collections": ["b"], "uri_prefix": "file:///a", "tags": ["old"]}
    said = statements(ask(store, FOUND, filters=filters), "documents")
    assert [int(re.findall(r"(\d+) document", one)[0]) for one in said] == [0, 0, 0, 1]


def test_an_empty_store(tmp_path: Any) -> None:
    with_nothing = Store(tmp_path / "empty", HashedWordsEmbedder())
    response = ask(with_nothing, FOUND)
    assert response.reason == "empty_index"
    assert statements(response, "documents") == ["The store holds 0 documents, and no passage to read."]
    assert statements(ask(with_nothing, FOUND, filters=Filters(tags=("x",))), "documents")[0].startswith("What it was")
    with_nothing.close()


def test_only_what_the_filters_leave_is_spoken_of(store: Store) -> None:
    explanation = explained(ask(store, FOUND, filters={"collections": ["a"]}))
    assert {shown.document.id for shown in explanation.passages} == {NOTES.id, ENGINES.id}
    assert {one.document_id for one in explanation.candidates} <= {NOTES.id, ENGINES.id}
    assert LETTERS.id not in explanation.model_dump_json() and "1844" not in explanation.model_dump_json()


def test_long_words_are_quoted_in_part(store: Store) -> None:
    words = "The letters about the notes are from 1844, and Ada Lovelace wrote them"
    assert f"“{words}”" in statements(ask(store, {"1843": 3.0, words: 2.0}), "runner_up")[0]
    long = "rained 🛰.\n\nAda Lovelace wrote the notes in 1843. Nobody else did, as far as anybody knows."
    (said,) = statements(ask(store, {"1844": 3.0, long: 2.0}), "runner_up")
    assert "“rained 🛰. Ada Lovelace" in said and "…”" in said and "knows" not in said
