"""What a store promises: kept with it, bound to its models, returned with the answers that it speaks of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from index.documents import Document
from index.store.store import Store
from qa.calibration.promise import SETTING, KeptPromise, forget, kept
from qa.engine import Engine
from qa.judging.confidence import FEATURES, Calibration
from qa.reading.spans import Span
from qa.types import Filters, Promise, Question, Response


class OneEmbedder:
    """The same vector for every text."""

    name = "one"
    sha256 = "e" * 64
    dimensions = 2

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.tile(np.array([1.0, 0.0], dtype=np.float32), (len(texts), 1))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]


class FirstWordReader:
    """Answers with the first word of every passage, by a margin of 1: a confidence of 0.7311."""

    name = "first"
    sha256 = "f" * 64

    def read(
        self, questions: Sequence[str], passages: Sequence[Sequence[str]], headings: object = None
    ) -> list[list[list[Span]]]:
        return [[[Span(0, len(text.split()[0]), 1.0)] for text in own] for own in passages]


CALIBRATION = Calibration(
    features=FEATURES,
    mean=(0.0,) * len(FEATURES),
    scale=(1.0,) * len(FEATURES),
    weights=tuple(float(name == "margin") for name in FEATURES),
    bias=0.0,
    threshold=0.9,
    reader_sha256=FirstWordReader.sha256,
    embedder_sha256=OneEmbedder.sha256,
    fitted_on="nothing",
)
PROMISE = Promise(
    risk=0.1,
    delta=0.05,
    threshold=0.7,
    strictest=0.85,
    coverage=0.4,
    questions=500,
    passages=20,
    gold="gold.jsonl",
    measured_at="2026-11-22T16:00:00+00:00",
    store_generation=1,
)
KEPT = KeptPromise(
    promise=PROMISE,
    reader_sha256=FirstWordReader.sha256,
    embedder_sha256=OneEmbedder.sha256,
    calibration_sha256=CALIBRATION.sha256,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "store", OneEmbedder())
    made.put(Document(uri="file:///a.txt", title="a", text="Lindal has a harbour."))
    yield made
    made.close()


def ask(store: Store, **changes: object) -> Response:
    engine = Engine(store, FirstWordReader(), CALIBRATION)
    return engine.ask(Question.model_validate({"question": "Which town?"} | changes))


def test_without_a_promise_the_calibration_decides(store: Store) -> None:
    response = ask(store)
    assert (response.promise, response.threshold, response.reason) == (None, 0.9, "below_threshold")


def test_the_promised_threshold_decides_and_the_promise_comes_with_the_answer(store: Store) -> None:
    KEPT.keep(store.catalogue)
    response = ask(store)
    assert (response.status, response.threshold, response.promise) == ("answered", 0.7, PROMISE)
    assert Response.model_validate_json(response.model_dump_json()) == response
    nothing = ask(store, filters={"uri_prefix": "file:///none"})
    assert (nothing.reason, nothing.promise) == ("nothing_retrieved", None)


@pytest.mark.parametrize("reason", ["below_threshold", "not_in_passages"])
def test_what_is_not_answered_carries_the_promise_too(
    store: Store, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    margin, status = (0.1, "unsure") if reason == "below_threshold" else (-9.0, "not_found")
    monkeypatch.setattr(
        FirstWordReader,
        "read",
        lambda _self, _questions, passages, _headings=None: [[[Span(0, 6, margin)] for _ in p] for p in passages],
    )
    KEPT.keep(store.catalogue)
    response = ask(store)
    assert (response.status, response.reason, response.promise) == (status, reason, PROMISE)


@pytest.mark.parametrize(
    ("changes", "covered"),
    [
        ({"threshold": 0.7}, True),
        ({"threshold": 0.74}, True),
        ({"threshold": 0.85}, True),
        ({"threshold": 0.69}, False),
        ({"threshold": 0.86}, False),
        ({"threshold": 0.0}, False),
        ({"threshold": 0.745}, False),
        ({"passages": 19}, False),
        ({"passages": 21}, False),
        ({"filters": {"uri_prefix": "file:///"}}, False),
        ({"answers": 5, "candidates": True}, True),
    ],
)
def test_it_speaks_of_what_was_proved_alone(store: Store, changes: dict[str, object], covered: bool) -> None:
    KEPT.keep(store.catalogue)
    response = ask(store, **changes)
    assert (response.promise == PROMISE) is covered
    assert response.threshold == changes.get("threshold", 0.7)


@pytest.mark.parametrize("name", ["reader", "embedder", "calibration"])
def test_another_model_makes_it_void(store: Store, name: str) -> None:
    KEPT.model_copy(update={f"{name}_sha256": "0" * 64}).keep(store.catalogue)
    assert ask(store).threshold == 0.9 and ask(store).promise is None
    promise, ignored = Engine(store, FirstWordReader(), CALIBRATION).promise()
    assert promise is None and ignored is not None and f"another {name} (000000000000, now " in ignored


def test_any_change_of_the_calibration_is_another_one() -> None:
    assert Calibration.model_validate_json(CALIBRATION.model_dump_json()).sha256 == CALIBRATION.sha256
    for changes in ({"bias": 1e-6}, {"rank_fused": 1.0}, {"weights": (0.0,) * len(FEATURES)}):
        assert CALIBRATION.model_copy(update=changes).sha256 != CALIBRATION.sha256


def test_it_outlives_changes_of_the_documents_and_says_from_when_it_is(store: Store) -> None:
    KEPT.keep(store.catalogue)
    store.put(Document(uri="file:///b.txt", title="b", text="Oberau has none."))
    response = ask(store)
    assert response.promise == PROMISE
    assert response.promise.store_generation < response.provenance.store_generation


def test_one_made_while_the_engine_runs_counts_at_once(store: Store) -> None:
    engine = Engine(store, FirstWordReader(), CALIBRATION)
    asked = Question(question="Which town?", filters=Filters())
    assert engine.ask(asked).promise is None
    KEPT.keep(store.catalogue)
    assert engine.ask(asked).promise == PROMISE
    assert forget(store.catalogue)
    assert engine.ask(asked).promise is None
    assert not forget(store.catalogue)


def test_one_promise_replaces_another(store: Store) -> None:
    KEPT.keep(store.catalogue)
    later = KEPT.model_copy(update={"promise": PROMISE.model_copy(update={"risk": 0.2})})
    later.keep(store.catalogue)
    assert kept(store.catalogue) == later


@pytest.mark.parametrize("damaged", ["not json", "{}", '{"promise": 1}'])
def test_one_that_cannot_be_read_is_ignored_and_said_to_be(store: Store, damaged: str) -> None:
    store.catalogue.set_settings({SETTING: damaged})
    assert ask(store).promise is None
    _, ignored = Engine(store, FirstWordReader(), CALIBRATION).promise()
    assert ignored == "it was written by another version of spanqa"
