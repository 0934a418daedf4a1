"""One cause for every error, with a reader that finds what it is told and a store without models."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from eval.gold.corpus import context_uri
from eval.gold.questions import GoldAnswer, GoldQuestion
from eval.measures.names import parse_measure
from eval.runs.asker import StoreAsker
from eval.runs.compare import compare
from eval.runs.harness import evaluate
from eval.runs.run import About, GoldRef, Run
from index.documents import Document
from index.models.embedder import Embedder
from index.store.store import Store
from index.text.passages import CutSettings
from qa.asking.asked import Asked
from qa.calibration.promise import KeptPromise
from qa.engine import Engine
from qa.judging.confidence import FEATURES, uncalibrated
from qa.reading.spans import Span
from qa.retrieval.retriever import Retrieved
from qa.types import Promise

pytestmark = pytest.mark.slow

ADA = "Ada wrote the notes in 1843. Charles built the engine. The engine was never finished at all."
TOWN = "The harbour of Lindal opened in 1911. Boats came from everywhere to see it."


class PhraseReader:
    """Finds phrases wherever they stand whole, each with its own margin."""

    name = "phrases"
    sha256 = "f" * 64

    def __init__(self, phrases: dict[str, float]) -> None:
        self.phrases = phrases

    def read(
        self, questions: Sequence[str], passages: Sequence[Sequence[str]], headings: object = None
    ) -> list[list[list[Span]]]:
        return [
            [
                sorted(
                    (
                        Span(match.start(), match.end(), margin)
                        for phrase, margin in self.phrases.items()
                        for match in re.finditer(re.escape(phrase), text)
                    ),
                    key=lambda span: -span.margin,
                )
                for text in own
            ]
            for own in passages
        ]


def engine_over(store: Store, phrases: dict[str, float], **weights: float) -> Engine:
    """Confidence by margin, one half at a margin of 0, and by what else is weighed."""
    chosen = {"margin": 1.0, **weights}
    fitted = uncalibrated().model_copy(update={"weights": tuple(chosen.get(name, 0.0) for name in FEATURES)})
    return Engine(store, PhraseReader(phrases), fitted)


@pytest.fixture
def store(tmp_path: Path, embedder: Embedder) -> Iterator[Store]:
    # Eight words a passage: every sentence of the texts above is one of its own.
    opened = Store(tmp_path / "store", embedder, cut=CutSettings(minimum=1, maximum=8, overlap=0))
    for name, text in (("ada.txt", ADA), ("lindal.txt", TOWN)):
        opened.put(Document(uri=(tmp_path / name).as_uri(), title=name, text=text))
    yield opened
    opened.close()


def gold(
    question: str, answer: str | None, document: str | None = "ada.txt", text: str = ADA, *, offsets: bool = True
) -> GoldQuestion:
    answers: tuple[GoldAnswer, ...] = ()
    if answer is not None:
        at = text.find(answer)
        place = {"start": at, "end": at + len(answer)} if offsets else {}
        answers = (GoldAnswer(text=answer, **place),)
    return GoldQuestion(id=question, question=question, answers=answers, document=document)


@pytest.fixture
def run(store: Store, tmp_path: Path) -> Callable[..., Run]:
    def ask(questions: Sequence[GoldQuestion], engine: Engine, passages: int = 5, threshold: float | None = 0.5) -> Run:
        asker = StoreAsker(engine, questions, tmp_path / "gold.jsonl")
        found = evaluate(questions, asker, passages=passages, threshold=threshold, inside=asker, sources=asker)
        assert sum(found.causes.values()) == found.counts.wrong == sum(not one.right for one in found.results)
        return found

    return ask


def test_a_document_or_a_version_that_is_not_stored(store: Store, run: Callable[..., Run]) -> None:
    engine = engine_over(store, {"Charles": 5})
    missing = gold("Who wrote it?", "Ada", "elsewhere.txt")
    moved = gold("Who wrote it?", "Grace", text="Grace wrote the notes.")
    assert run([missing], engine).causes == {"not in corpus": 1}
    assert run([moved], engine).causes == {"not in corpus": 1}


def test_an_answer_that_no_passage_holds_whole(store: Store, run: Callable[..., Run]) -> None:
    across = gold("What happened in 1843?", "wrote the notes in 1843. Charles built the engine")
    found = run([across], engine_over(store, {"wrote the notes in 1843. Charles built the engine": 5, "Boats": 1}))
    assert found.causes == {"passage cutting": 1}
    # Parts of the answer were found, in two passages.
    assert found.results[0].rank is not None
    # A reader that would not find it even so has something else to mend first.
    assert run([across], engine_over(store, {"Boats": 1})).causes == {"reading": 1}


def test_a_passage_that_was_not_read(store: Store, run: Callable[..., Run]) -> None:
    question = gold("Boats came from where in the harbour of Lindal?", "1843")
    found = run([question], engine_over(store, {"1843": 5, "everywhere": 2}), passages=1)
    assert found.causes == {"retrieval": 1}
    assert (found.results[0].rank, found.values["HitRate@1"]) == (None, 0)
    # With the passage read, the reader still prefers other words.
    assert run([question], engine_over(store, {"1843": 5, "notes": 6}), passages=1).causes == {"reading": 1}
    # With the passage read, the answer is still withheld.
    assert run([question], engine_over(store, {"1843": -1}), passages=1).causes == {"threshold": 1}


def test_a_passage_that_was_read_wrongly(store: Store, run: Callable[..., Run]) -> None:
    question = gold("When did Ada write the notes?", "1843")
    assert run([question], engine_over(store, {"1843": 1, "notes": 5})).causes == {"reading": 1}
    assert run([question], engine_over(store, {})).causes == {"reading": 1}
    assert run([question], engine_over(store, {"1843": -1})).causes == {"threshold": 1}
    assert run([question], engine_over(store, {"1843": 1})).causes == {}
    # Even a perfect reader is not believed: nothing but the threshold is left.
    assert run([question], engine_over(store, {"notes": 5}, margin=0.0, length=-9.0)).causes == {"threshold": 1}


def test_a_right_span_that_was_merged_into_a_wrong_one(store: Store, run: Callable[..., Run]) -> None:
    question = gold("When did Ada write the notes?", "1843")
    # The longer span scores higher and swallows the year; short answers are the surer ones here.
    phrases: dict[str, float] = {"Ada wrote the notes in 1843": 5, "1843": 4}
    assert run([question], engine_over(store, phrases, length=-2.0)).causes == {"duplicate merge": 1}
    assert run([question], engine_over(store, phrases, length=-2.6)).causes == {"threshold": 1}
    assert run([question], engine_over(store, phrases)).causes == {"reading": 1}


def test_an_answer_where_there_is_none(store: Store, run: Callable[..., Run]) -> None:
    question = gold("When did Grace write the notes?", None)
    assert run([question], engine_over(store, {"1843": 1})).causes == {"reading": 1}
    assert run([question], engine_over(store, {"1843": -1}), threshold=0.1).causes == {"threshold": 1}
    assert run([question], engine_over(store, {"1843": -1})).causes == {}


def test_the_threshold_is_the_one_that_the_engine_answers_by(store: Store, run: Callable[..., Run]) -> None:
    engine = engine_over(store, {"1843": 1.0})
    question = gold("Boats came from where in the harbour of Lindal?", "1843")
    # A confidence of 0.73, once the passage is read.
    assert run([question], engine, passages=1, threshold=None).causes == {"retrieval": 1}
    promise = Promise(
        risk=0.1,
        delta=0.05,
        threshold=0.9,
        strictest=0.95,
        coverage=0.2,
        questions=100,
        passages=20,
        gold="towns.jsonl",
        measured_at="2026-11-28T09:00:00+00:00",
        store_generation=1,
    )
    KeptPromise(
        promise=promise,
        reader_sha256=engine.reader.sha256,
        embedder_sha256=store.embedder.sha256,
        calibration_sha256=engine.calibration.sha256,
    ).keep(store.catalogue)
    assert run([question], engine, passages=1, threshold=None).causes == {"threshold": 1}
    assert run([question], engine, passages=1, threshold=0.5).causes == {"retrieval": 1}


def test_what_is_read_again_is_read_as_the_engine_reads_it(
    store: Store, run: Callable[..., Run], tmp_path: Path
) -> None:
    text = "Ada met the engi\u00adneer in 1843. Charles was not there."
    store.put(Document(uri=(tmp_path / "met.txt").as_uri(), title="met", text=text))
    question = gold("Boats came from where in the harbour of Lindal?", "engi\u00adneer", "met.txt", text)
    assert run([question], engine_over(store, {"engineer": 3.0}), passages=1).causes == {"retrieval": 1}
    across = gold("Who met?", "engi\u00adneer in 1843. Charles", "met.txt", text)
    assert run([across], engine_over(store, {"engineer in 1843. Charles": 3.0})).causes == {"passage cutting": 1}


def test_a_yes_or_no_question_is_judged_by_whole_sentences(
    tmp_path: Path, embedder: Embedder, run: Callable[..., Run]
) -> None:
    store = Store(tmp_path / "whole", embedder)
    store.put(Document(uri=(tmp_path / "ada.txt").as_uri(), title="ada.txt", text=ADA))
    question = gold("Did Charles build the engine?", "Charles built the engine.")
    assert run([question], engine_over(store, {"Charles": 4.0})).causes == {}
    # A span of two sentences scores higher and swallows the sentence that would be surer by itself.
    phrases: dict[str, float] = {"1843. Charles": 5.0, "Charles built": 4.0}
    engine = engine_over(store, phrases, length=-2.0)
    assert run([question], engine, threshold=0.05).causes == {"duplicate merge": 1}
    store.close()


def test_gold_without_offsets(store: Store, run: Callable[..., Run]) -> None:
    def causes(question: GoldQuestion, phrases: dict[str, float], passages: int = 5) -> dict[str, int]:
        found = run([question], engine_over(store, phrases), passages)
        assert not found.results[0].retrieval_judged
        return dict(found.causes)

    for document in ("ada.txt", None):
        asked = "Boats came from where in the harbour of Lindal?"
        assert causes(gold(asked, "1843", document, offsets=False), {"1843": 5}, passages=1) == {"retrieval": 1}
        assert causes(gold("When did Ada write?", "1843", document, offsets=False), {"notes": 5}) == {"reading": 1}
        assert causes(gold("When did Ada write?", "1842", document, offsets=False), {"notes": 5}) == {
            "not in corpus": 1
        }
        # "84" is a part of 1843 and no word of the text.
        assert causes(gold("When did Ada write?", "84", document, offsets=False), {"notes": 5}) == {"not in corpus": 1}
        # Case and white space are not words.
        assert causes(gold("What?", "THE \n ENGINE", document, offsets=False), {"notes": 5}) == {"reading": 1}
    assert causes(gold("When did Ada write?", "1843", "none.txt", offsets=False), {}) == {"not in corpus": 1}


def test_a_paragraph_is_found_within_a_stored_document(store: Store, run: Callable[..., Run]) -> None:
    paragraph = "Charles built the engine. The engine was never finished at all."
    question = GoldQuestion(
        id="1",
        question="Who built the engine?",
        context=paragraph,
        answers=(GoldAnswer(text="Charles", start=0, end=7),),
    )
    engine = engine_over(store, {"Charles": 3})
    found = run([question], engine).results[0]
    at = ADA.index("Charles")
    assert found.place is not None and found.place.spans == ((at, at + 7),)
    assert (found.right, found.citation_precise, found.source) == (True, True, context_uri(paragraph))
    elsewhere = question.model_copy(update={"context": "Charles built another engine. It went."})
    assert run([elsewhere], engine).results[0].place is None


def test_an_empty_store_holds_nothing(tmp_path: Path, embedder: Embedder, run: Callable[..., Run]) -> None:
    empty = Store(tmp_path / "empty", embedder)
    questions = [gold("When?", "1843"), gold("When then?", "1843", None, offsets=False), gold("Who?", None)]
    found = run(questions, engine_over(empty, {"1843": 5}))
    assert found.causes == {"not in corpus": 2} and found.results[2].right
    empty.close()


class Crippled(Engine):
    """Leaves out the passages that it found first."""

    def retrieve(self, asked: Sequence[Asked]) -> list[Retrieved]:
        questions = [entry.question for entry in asked]
        deeper = [Asked(question.model_copy(update={"passages": question.passages + 1})) for question in questions]
        return [replace(retrieved, passages=retrieved.passages[1:]) for retrieved in super().retrieve(deeper)]


@pytest.mark.slow
def test_a_crippled_retriever_shows_in_causes_and_comparison(tmp_path: Path, embedder: Embedder) -> None:
    store = Store(tmp_path / "towns", embedder)
    questions, documents = [], []
    for number in range(24):
        town = f"{'BLTVMKFH'[number % 8]}{'aeo'[number // 8]}rn{'dal' if number % 2 else 'gard'}"
        text = f"The harbour of {town} opened in {1800 + number}."
        documents.append(Document(uri=(tmp_path / f"{number}.txt").as_uri(), title=town, text=text))
        answer = GoldAnswer(text=str(1800 + number), start=len(text) - 5, end=len(text) - 1)
        asked = f"When did the harbour of {town} open?"
        questions.append(GoldQuestion(id=town, question=asked, answers=(answer,), document=f"{number}.txt"))
    assert len(list(store.put_all(documents))) == 24
    about = About(gold=GoldRef(name="towns", sha256="0" * 64, questions=len(questions)))
    years: dict[str, float] = {str(1800 + number): 3.0 for number in range(24)}

    def evaluated(kind: type[Engine]) -> Run:
        plain = engine_over(store, years)
        asker = StoreAsker(kind(store, plain.reader, plain.calibration), questions, tmp_path / "gold.jsonl")
        return evaluate(questions, asker, passages=1, inside=asker, sources=asker, about=about)

    whole, crippled = evaluated(Engine), evaluated(Crippled)
    assert whole.causes == {} and crippled.causes == {"retrieval": 24}
    differences = compare(whole, crippled, [parse_measure(name) for name in ("F1", "HitRate@1", "Risk")]).differences
    assert [one.verdict for one in differences] == ["worse"] * 3
    assert all(
        one.interval is not None and one.interval.low <= one.change <= one.interval.high  # type: ignore[operator]
        for one in differences
    )
    again = compare(whole, evaluated(Engine), [parse_measure("F1"), parse_measure("AURC")])
    assert again.identical and {one.verdict for one in again.differences} == {"no difference shown"}
    store.close()
