"""The harness with scripted askers: what counts as right, as wrong, and as a failure."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eval.gold.questions import GoldAnswer, GoldQuestion
from eval.measures.names import parse_measure
from eval.results import Cause, GoldPlace, PassageRead, QuestionResult
from eval.runs.harness import Inspected, evaluate
from eval.runs.run import About, GoldRef, Run
from index.errors import InputError, ModelError, StoreError
from qa.types import Answer, Question, Response

ABOUT = About(gold=GoldRef(name="g.jsonl", sha256="0" * 64, questions=2))
MakeAnswer = Callable[..., Answer]
MakeResponse = Callable[..., Response]


def gold(question: str, *texts: str, document: str | None = "notes.txt") -> GoldQuestion:
    answers = tuple(GoldAnswer(text=text, start=0, end=len(text)) for text in texts)
    return GoldQuestion(id=question, question=question, answers=answers, document=document)


class FakeSources:
    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = texts

    def text(self, document_id: str) -> str | None:
        return self.texts.get(document_id)


class FakeInside:
    """Reads passages of ten characters; the one at `rank` holds the answer at the start of the document."""

    def __init__(self, rank: int | Exception | None, cause: Cause = "reading", place: str = "notes") -> None:
        self.rank = rank
        self.because: Cause = cause
        self.place = GoldPlace(document=place, uri="file:///notes.txt", spans=((0, 4),), passages=((0, 10),))
        self.asked: list[str] = []

    def inspect(self, gold: GoldQuestion) -> Inspected:
        self.asked.append(gold.id)
        if isinstance(self.rank, Exception):
            raise self.rank
        passages = [PassageRead(self.place.document, 10 * number, 10 * number + 10, 0.5) for number in range(1, 10)]
        if self.rank is not None:
            passages.insert(self.rank - 1, PassageRead(self.place.document, 0, 10, 0.5))
        nowhere = self.place.model_copy(update={"spans": (), "passages": ()})
        return Inspected(self.place if gold.answerable else nowhere, passages)

    def cause(self, gold: GoldQuestion, question: Question) -> Cause:
        return self.because


def run_one(question: GoldQuestion, outcome: Response | Exception, fake_asker: Any, **options: Any) -> Any:
    run = evaluate([question], fake_asker({question.question: outcome}), **options)
    assert run.counts.questions == 1
    return run.results[0]


def test_a_right_answer(answer: MakeAnswer, response: MakeResponse, fake_asker: Any) -> None:
    result = run_one(gold("q", "in 1843", "1843"), response(answer("1843", 0.7)), fake_asker)
    assert (result.status, result.predicted, result.best, result.confidence) == ("answered", "1843", "1843", 0.7)
    assert (result.em, result.f1, result.right, result.forced_em, result.forced_f1) == (1, 1, True, 1, 1)
    assert result.golds == ("in 1843", "1843") and result.error is None and result.citation_valid is None
    assert result.threshold == 0.5


def test_right_from_an_f1_of_point_8(answer: MakeAnswer, response: MakeResponse, fake_asker: Any) -> None:
    result = run_one(gold("q", "wrote notes in 1843"), response(answer("notes in 1843")), fake_asker)
    assert result.f1 == pytest.approx(6 / 7) and result.em == 0 and result.right
    result = run_one(gold("q", "notes in 1843"), response(answer("1843")), fake_asker)
    assert result.f1 == 0.5 and not result.right


def test_an_abstention_with_candidates_gave_no_answer(
    answer: MakeAnswer, response: MakeResponse, fake_asker: Any
) -> None:
    withheld = response(answer("1843", 0.3), abstain="below_threshold")
    result = run_one(gold("q", "1843"), withheld, fake_asker)
    assert (result.status, result.reason, result.predicted) == ("unsure", "below_threshold", "")
    assert (result.em, result.f1, result.right) == (0, 0, False)
    assert (result.best, result.confidence, result.forced_em, result.forced_f1) == ("1843", 0.3, 1, 1)
    result = run_one(gold("q"), withheld, fake_asker)
    assert (result.em, result.f1, result.right, result.forced_f1) == (1, 1, True, 0)


def test_an_abstention_without_candidates(response: MakeResponse, fake_asker: Any) -> None:
    result = run_one(gold("q", "1843"), response(abstain="nothing_retrieved"), fake_asker)
    assert (result.best, result.confidence, result.forced_f1, result.right) == (None, None, 0, False)


def test_answering_an_unanswerable_question_is_wrong(
    answer: MakeAnswer, response: MakeResponse, fake_asker: Any
) -> None:
    result = run_one(gold("q"), response(answer("Charles")), fake_asker)
    assert (result.em, result.f1, result.right) == (0, 0, False)


def test_an_answer_without_words_scores_as_squad_says_but_is_not_right(
    answer: MakeAnswer, response: MakeResponse, fake_asker: Any
) -> None:
    result = run_one(gold("q"), response(answer("the")), fake_asker)
    assert (result.em, result.f1) == (1, 1) and not result.right
    result = run_one(gold("q", "the"), response(abstain="not_in_passages"), fake_asker)
    assert (result.em, result.f1) == (1, 1) and not result.right


@pytest.mark.parametrize("error", [StoreError("locked"), ModelError("gone"), InputError("")])
@pytest.mark.parametrize("texts", [(), ("1843",), ("the",)], ids=["unanswerable", "answerable", "wordless gold"])
def test_a_failed_question_counts_as_wrong_and_stays_in_every_denominator(
    texts: tuple[str, ...], error: Exception, answer: MakeAnswer, response: MakeResponse, fake_asker: Any
) -> None:
    good = gold("good", "1843")
    failing = gold("failing", *texts)
    given = answer("1843")
    asker = fake_asker({"good": response(given), "failing": error})
    document = given.citation.document.id
    sources = FakeSources({document: given.citation.sentence.text})
    run = evaluate([good, failing], asker, inside=FakeInside(1, place=document), sources=sources)
    result = run.results[1]
    assert (result.status, result.predicted, result.right, result.em, result.f1) == ("failed", "", False, 0, 0)
    assert (result.forced_em, result.forced_f1) == (0, 0)
    assert result.error == (str(error) or type(error).__name__)
    counts, values = run.counts, run.values
    assert (counts.questions, counts.failed, counts.answered, counts.not_found, counts.wrong) == (2, 1, 1, 0, 1)
    assert (values["Right"], values["EM"], values["F1"], values["Coverage"], values["Risk"]) == (0.5,) * 5
    assert (values["CitationValidity"], values["CitationPrecision"], values["AURC"]) == (0.5, 0.5, 0.75)
    assert values["ECE"] == pytest.approx((0.1 + 1.0) / 2)
    assert run.causes == {"failed": 1}
    if texts:
        assert (values["HasAnsEM"], values["ForcedF1"], values["HitRate@20"], values["MRR@10"]) == (0.5,) * 4
    else:
        assert (values["NoAnsF1"], values["AbstentionRecall"], values["AbstentionF1"]) == (0, 0, 0)


def test_all_questions_failing_is_a_score_of_zero(fake_asker: Any) -> None:
    run = evaluate([gold("q", "x"), gold("r")], fake_asker({"q": StoreError("s"), "r": StoreError("s")}))
    assert [run.values[name] for name in ("Right", "F1", "HasAnsEM", "NoAnsF1", "Coverage", "Risk", "ECE", "AURC")] == [
        0,
        0,
        0,
        0,
        0,
        1,
        1,
        1,
    ]
    assert run.values["Latency@50"] is None and run.causes == {"failed": 2}


def test_a_defect_ends_the_run(fake_asker: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        evaluate([gold("q")], fake_asker({"q": ZeroDivisionError()}))


def test_answered_without_an_answer_is_a_failure(response: MakeResponse, fake_asker: Any) -> None:
    result = run_one(gold("q"), response(), fake_asker)
    assert result.status == "failed" and "no answer" in result.error and not result.right


def test_what_is_asked(response: MakeResponse, fake_asker: Any) -> None:
    asker = fake_asker({"q": response(abstain="not_in_passages")})
    seen: list[tuple[int, int]] = []
    run = evaluate(
        [gold("q"), gold("q")],
        asker,
        passages=7,
        threshold=0.25,
        about=ABOUT,
        progress=lambda done, total: seen.append((done, total)),
    )
    (first, _) = asker.asked
    assert (first.question, first.passages, first.threshold, first.candidates) == ("q", 7, 0.25, True)
    assert seen == [(1, 2), (2, 2)]
    assert (run.settings.passages, run.settings.threshold, run.about) == (7, 0.25, ABOUT)


@pytest.mark.parametrize("options", [{"passages": 0}, {"passages": 10_000}, {"threshold": 1.5}])
def test_settings_that_no_question_may_have(options: dict[str, Any], fake_asker: Any) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        evaluate([], fake_asker({}), **options)


def test_ranks_are_asked_for_where_the_place_is_known(response: MakeResponse, fake_asker: Any) -> None:
    nowhere = GoldQuestion(id="n", question="n", answers=(GoldAnswer(text="x"),), document="notes.txt")
    questions = [gold("q", "x"), gold("unanswerable"), nowhere, gold("no-document", "x", document=None)]
    asker = fake_asker({question.question: response(abstain="not_in_passages") for question in questions})
    inside = FakeInside(3)
    run = evaluate(questions, asker, passages=10, inside=inside)
    assert [(one.retrieval_judged, one.rank) for one in run.results] == [(True, 3)] + [(False, None)] * 3
    assert [run.values[name] for name in ("HitRate@1", "HitRate@5")] == [0, 1]
    assert "HitRate@20" not in run.values
    deeper = evaluate(questions, asker, passages=10, inside=inside, measures=[parse_measure("HitRate@11")])
    assert deeper.values == {"HitRate@11": None}
    assert not any(one.retrieval_judged for one in evaluate(questions, asker).results)


def test_a_retriever_that_fails_makes_the_question_wrong(
    answer: MakeAnswer, response: MakeResponse, fake_asker: Any
) -> None:
    inside = FakeInside(InputError("no such document"))
    result = run_one(gold("q", "1843"), response(answer("1843")), fake_asker, inside=inside)
    assert (result.status, result.error, result.right, result.retrieval_judged, result.rank) == (
        "failed",
        "no such document",
        False,
        True,
        None,
    )


def test_only_what_went_wrong_has_a_cause(answer: MakeAnswer, response: MakeResponse, fake_asker: Any) -> None:
    script = {
        "right": response(answer("1843")),
        "wrong": response(answer("Ada")),
        "withheld": response(answer("1843"), abstain="below_threshold"),
    }
    questions = [gold(name, "1843") for name in script]
    run = evaluate(questions, fake_asker(script), inside=FakeInside(1, "retrieval"))
    assert [one.cause for one in run.results] == [None, "retrieval", "retrieval"]
    assert run.causes == {"retrieval": 2} and run.counts.wrong == 2
    assert evaluate(questions, fake_asker(script)).causes == {"unknown": 2}


def test_a_cited_sentence_is_precise_where_it_overlaps_the_gold_span(
    answer: MakeAnswer, response: MakeResponse, fake_asker: Any, source: tuple[str, str]
) -> None:
    document, _ = source

    def precise(question: GoldQuestion, given: Answer, place: str = document, **options: Any) -> bool | None:
        inside = FakeInside(1, place=place)
        result: QuestionResult = run_one(question, response(given, **options), fake_asker, inside=inside)
        return result.citation_precise

    # The gold span is [0, 4); the sentence of every fake answer is the whole text.
    given = answer("1843")
    assert precise(gold("q", "1843"), given) is True
    elsewhere = given.citation.sentence.model_copy(update={"start": 4, "text": source[1][4:]})
    assert precise(gold("q", "1843"), answer("1843", sentence=elsewhere)) is False
    assert precise(gold("q", "1843"), given, place="another document") is False
    assert precise(gold("q"), given) is False
    assert precise(gold("q", "1843", document=None), given) is None
    assert precise(gold("q", "1843"), given, abstain="below_threshold") is None


def test_citations(answer: MakeAnswer, response: MakeResponse, fake_asker: Any, source: tuple[str, str]) -> None:
    document, text = source
    sources = FakeSources({document: text})
    good = answer("1843")

    def valid(given: Answer, sources: FakeSources = sources) -> bool | None:
        is_valid: bool | None = run_one(gold("q", "1843"), response(given), fake_asker, sources=sources).citation_valid
        return is_valid

    assert valid(good) is True
    assert valid(answer("1843", start=good.citation.start + 1)) is False
    assert valid(answer("1843", start=good.citation.start - len(text), end=good.citation.end - len(text))) is False
    assert valid(answer("1843", end=len(text) + 5)) is False
    misquoted = good.citation.model_copy(update={"quote": "1842"})
    assert valid(good.model_copy(update={"text": "1842", "citation": misquoted})) is False
    assert valid(answer("engine.", start=text.index("engine."), end=len(text) + 9)) is False
    stale = good.citation.document.model_copy(update={"sha256": "0" * 64})
    assert valid(answer("1843", document=stale)) is False
    # The text moved on, the words still stand there: another version is another source.
    assert valid(good, FakeSources({document: text + "!"})) is False
    assert valid(good, FakeSources({})) is False
    assert valid(good.model_copy(update={"text": "in 1843"})) is False
    bad_support = good.citation.model_copy(update={"start": 0, "end": 4})
    assert valid(good.model_copy(update={"supporting": (answer("Ada").citation,)})) is True
    assert valid(good.model_copy(update={"supporting": (bad_support,)})) is False


def test_citations_of_an_abstention_are_not_counted(
    answer: MakeAnswer, response: MakeResponse, fake_asker: Any
) -> None:
    withheld = response(answer("1843"), abstain="below_threshold")
    assert run_one(gold("q"), withheld, fake_asker, sources=FakeSources({})).citation_valid is None


def test_a_change_of_store_shows_in_the_provenance(response: MakeResponse, fake_asker: Any) -> None:
    script = {
        "a": response(abstain="empty_index", generation=1),
        "b": response(abstain="empty_index", generation=2),
        "c": response(abstain="empty_index", generation=1),
    }
    run = evaluate([gold(name) for name in script], fake_asker(script))
    assert [origin.store_generation for origin in run.provenance] == [1, 2]


@pytest.fixture
def run(answer: MakeAnswer, response: MakeResponse, fake_asker: Any) -> Run:
    script = {"q": response(answer("1843")), "r": StoreError("file \udcff is locked")}
    return evaluate([gold("q", "1843"), gold("r")], fake_asker(script))


def test_a_run_survives_writing(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text("older")
    run.write(path)
    assert Run.read(path) == run
    content = json.loads(path.read_bytes())
    assert content["values"]["HitRate@5"] is None and "Latency@50" in content["times"]["values"]
    assert content["results"][1]["error"] == "file \\udcff is locked"
    assert os.listdir(tmp_path) == ["run.json"]


def test_a_lone_surrogate_does_not_lose_the_run(run: Run, tmp_path: Path) -> None:
    odd = run.model_copy(update={"results": (run.results[0].model_copy(update={"predicted": "x\ud800y"}),)})
    odd.write(tmp_path / "run.json")
    assert json.loads((tmp_path / "run.json").read_bytes())["results"][0]["predicted"] == "x\ud800y"


@pytest.mark.parametrize("target", ["missing/run.json", "folder", "nul\0", "/"])
def test_a_run_that_cannot_be_written(run: Run, tmp_path: Path, target: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        run.write(tmp_path / target)
    assert os.listdir(tmp_path) == ["folder"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_cut_short_leaves_the_older_file(
    step: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.json"
    path.write_text("older")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(InputError, match="No space left"):
        run.write(path)
    assert path.read_text() == "older" and os.listdir(tmp_path) == ["run.json"]
