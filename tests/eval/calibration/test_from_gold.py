"""A calibration from gold questions, end to end, with a reader that needs no weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from harbours import YearReader, gold_set

from eval.calibration.from_gold import DocumentsSet, calibrate_end_to_end, fit_calibration, require_both_kinds
from eval.calibration.observed_answers import ObservedAnswers
from eval.calibration.readings import KeptReadings
from eval.gold.halves import half_of
from eval.gold.questions import GoldAnswer, GoldQuestion
from eval.measures.names import parse_measure
from eval.runs.asker import StoreAsker
from eval.runs.harness import evaluate
from index.documents import Document
from index.errors import InputError, ModelError
from index.models.embedder import Embedder
from index.store.store import Store
from qa.engine import Engine
from qa.judging.candidates import RankWeights
from qa.judging.confidence import FEATURES
from qa.reading.spans import Span
from qa.retrieval.fusion import FusionWeights
from qa.types import Question

pytestmark = pytest.mark.slow


@contextmanager
def unwatched(name: str, total: int | None) -> Iterator[Callable[[int, int], None]]:
    del name, total
    yield lambda _done, _of: None


def test_a_calibration_tells_right_from_wrong(harbour_store: Store, tmp_path: Path) -> None:
    gold = gold_set()
    shown: list[tuple[int, int]] = []

    @contextmanager
    def watch(name: str, total: int | None) -> Iterator[object]:
        del name, total
        yield lambda done, of: shown.append((done, of))

    outcome = calibrate_end_to_end(
        harbour_store,
        YearReader(),
        gold,
        tuning=gold,
        fitting=gold,
        passages=10,
        fitted_on="a test",
        watch=watch,  # type: ignore[arg-type]
    )
    engine = Engine(harbour_store, YearReader(), outcome.calibration)
    assert engine.calibrated
    asker = StoreAsker(engine, gold, tmp_path / "gold.jsonl")
    run = evaluate(gold, asker)
    assert run.values["Right"] == 1.0
    assert shown[-1] == (len(gold), len(gold))


def test_a_calibration_sees_the_sentences_that_yes_or_no_questions_get(harbour_store: Store) -> None:
    gold = []
    for question in gold_set():
        asked = question.question.replace("When did", "Did")
        answers = question.answers
        if question.context and answers:
            end = question.context.index(".") + 1
            answers = (GoldAnswer(text=question.context[:end], start=0, end=end),)
        gold.append(question.model_copy(update={"question": asked, "answers": answers}))
    outcome = calibrate_end_to_end(
        harbour_store, YearReader(), gold, tuning=gold, fitting=gold, passages=10, fitted_on="a test", watch=unwatched
    )
    assert outcome.first_f1 == 1.0
    engine = Engine(harbour_store, YearReader(), outcome.calibration)
    for question in gold[:6]:
        response = engine.ask(Question(question=question.question))
        assert [answer.text for answer in response.answers] == [answer.text for answer in question.answers]


def test_too_few_questions_of_a_kind_are_told_with_how_many_to_add() -> None:
    gold = gold_set()
    require_both_kinds(gold, "fitting")
    answerable = [question for question in gold if question.answerable]
    with pytest.raises(InputError, match=r"fitting: 32 answerable and 0 unanswerable .* add 10 more"):
        require_both_kinds(answerable, "fitting")


class CountingReader(YearReader):
    """A YearReader that counts the passages it reads."""

    def __init__(self) -> None:
        self.passages = 0

    def read(
        self, questions: Sequence[str], passages: Sequence[Sequence[str]], headings: object = None
    ) -> list[list[list[Span]]]:
        self.passages += sum(map(len, passages))
        return super().read(questions, passages, headings)


def document_questions(folder: Path) -> tuple[list[GoldQuestion], list[Document]]:
    """The questions about harbours once more, each on a whole document in one of two folders."""
    gold, documents = [], []
    for number, question in enumerate(gold_set()):
        name = f"{('laws', 'news')[number // 2 % 2]}/{number // 2}.txt"
        gold.append(question.model_copy(update={"document": name, "context": None, "id": f"d{question.id}"}))
        if number % 2 == 0:
            documents.append(Document(uri=(folder / name).as_uri(), title="harbour", text=question.context or ""))
    return gold, documents


@pytest.fixture
def documents(tmp_path: Path, embedder: Embedder) -> Iterator[DocumentsSet]:
    gold, held = document_questions(tmp_path)
    store = Store(tmp_path / "documents", embedder)
    list(store.put_all(held))
    store.sync()
    tune = [question for question in gold if half_of(question.document or "") == "tune"]
    yield DocumentsSet(
        store=store,
        file=tmp_path / "gold.jsonl",
        name="gold.jsonl, half tune",
        fitting=tune,
        held_out=[question for question in gold if question not in tune],
    )
    store.close()


def test_questions_on_whole_documents_join_the_fit(
    harbour_store: Store, documents: DocumentsSet, tmp_path: Path
) -> None:
    gold = gold_set()

    def fit(reader: YearReader | KeptReadings) -> tuple[object, ...]:
        outcome = calibrate_end_to_end(
            harbour_store, reader, gold, tuning=gold, fitting=gold, passages=10, fitted_on="a test",
            watch=unwatched, documents=documents,
        )  # fmt: skip
        return outcome.calibration, outcome.fitted, outcome.held_out

    calibration, fitted, held_out = plain = fit(YearReader())
    assert calibration.fitted_on == (  # type: ignore[attr-defined]
        "a test: 64 questions, asked of 32 passages and of their own articles; as much, gold.jsonl, half tune: "
        f"{len(documents.fitting)} questions, asked of 32 passages and of their own documents"
    )
    assert [result.id for result in fitted] == [question.id for question in documents.fitting]  # type: ignore[attr-defined]
    assert [result.id for result in held_out] == [question.id for question in documents.held_out]  # type: ignore[attr-defined]
    for results in (fitted, held_out):
        assert parse_measure("Right").value(results) == 1.0  # type: ignore[arg-type]
        assert parse_measure("ECE").value(results) < 0.1  # type: ignore[arg-type, operator]
    # With its readings kept the same comes out, and a second time without any reading.
    reader = CountingReader()
    for passages in (True, False):
        reader.passages = 0
        with KeptReadings(reader, tmp_path / "readings.jsonl") as kept:
            assert fit(kept) == plain
        assert bool(reader.passages) == passages


def test_what_cannot_be_fitted_on_documents_is_told_before_reading(
    harbour_store: Store, documents: DocumentsSet, embedder: Embedder, tmp_path: Path
) -> None:
    gold = gold_set()
    lost = documents.fitting[0].model_copy(update={"document": "laws/lost.txt"})
    unnamed = documents.fitting[0].model_copy(update={"document": None})

    class Another:
        name, sha256, dimensions = "another", "a" * 64, embedder.dimensions
        embed, count_tokens = embedder.embed, embedder.count_tokens

    other = Store(tmp_path / "other", Another())
    for changes, error, said in (
        ({"fitting": [lost, *documents.fitting]}, InputError, "lacks laws/lost.txt"),
        ({"held_out": [unnamed]}, InputError, "names no document"),
        ({"fitting": documents.fitting[:1]}, InputError, "half tune: 1 answerable and 0 unanswerable"),
        ({"store": other}, ModelError, "different embedders"),
    ):
        reader = CountingReader()
        with pytest.raises(error, match=said):
            calibrate_end_to_end(
                harbour_store, reader, gold, tuning=gold, fitting=gold, passages=10, fitted_on="a test",
                watch=unwatched, documents=replace(documents, **changes),
            )  # fmt: skip
        assert reader.passages == 0
    other.close()


def test_every_set_counts_the_same_however_large(harbour_store: Store) -> None:
    """One set says that a margin of 1 is right, another of a tenth of its size that it is as often wrong."""

    def answers(count: int, share_right: float) -> ObservedAnswers:
        features = np.zeros((2 * count, len(FEATURES)))
        features[:count, 0] = 1.0
        right = np.arange(2 * count) < round(share_right * count)
        gold = [
            GoldQuestion(id=str(n), question="When?", answers=(GoldAnswer(text="1"),) if n < count else ())
            for n in range(2 * count)
        ]
        rows = [range(number, number + 1) for number in range(2 * count)]
        return ObservedAnswers(gold, rows, ["1"] * (2 * count), features, right, np.ones(2 * count))

    def sure(*sets: ObservedAnswers) -> float:
        fitted = fit_calibration(
            sets, harbour_store, YearReader(), fusion=FusionWeights(), ranking=RankWeights(), fitted_on="a test"
        )
        return fitted.probability(sets[0].features[0])

    large, small = answers(1000, 1.0), answers(100, 0.0)
    alone = sure(large)
    assert alone > 0.95
    assert sure(large, small) == pytest.approx(0.5, abs=0.03)
    assert sure(large, large) == pytest.approx(alone, abs=0.01)
