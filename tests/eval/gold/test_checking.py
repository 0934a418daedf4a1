"""Checking gold sets: what is an error, what a warning, and what is neither."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from eval.gold.checking import DocumentTexts, GoldReport, check_gold
from eval.gold.questions import read_gold
from index.documents import Document
from index.errors import InputError

TEXT = "Ada wrote the notes in 1843. Charles built the engine in London."
SEEDS = Path(__file__).parents[3] / "seeds"


def row(number: int = 1, question: str = "When were the notes written?", **changes: Any) -> dict[str, Any]:
    answers = [{"text": "1843", "start": 23, "end": 27}]
    return {"id": f"q{number}", "question": question, "document": "notes.txt", "answers": answers} | changes


def check(folder: Path, *rows: dict[str, Any], documents: bool = True) -> GoldReport:
    gold = folder / "gold.jsonl"
    gold.write_text("\n".join(json.dumps(each) for each in rows), encoding="utf-8")
    (folder / "notes.txt").write_text(TEXT, encoding="utf-8")
    return check_gold(gold, DocumentTexts.of_paths(gold, [folder]) if documents else None)


def codes_of(report: GoldReport, *, of_set: bool = False) -> list[tuple[str, str]]:
    return [(f.severity, f.code) for f in report.findings if of_set or f.place is not None]


def message(report: GoldReport, code: str) -> str:
    (text,) = [finding.message for finding in report.findings if finding.code == code]
    return text


def test_the_seed_gold_has_no_error() -> None:
    gold = SEEDS / "gold.jsonl"
    report = check_gold(gold, DocumentTexts.of_paths(gold, [SEEDS]))
    assert report.errors == 0
    assert report.checked == sum(len(question.answers) for question in read_gold(gold)) > 100
    assert (report.unchecked, report.drafts) == (0, 0)


def test_a_question_that_holds_is_found_nothing_of(tmp_path: Path) -> None:
    report = check(tmp_path, row())
    assert (codes_of(report), report.checked) == ([], 1)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"text": "1843", "start": 24, "end": 28}, "[24, 28) holds '843.', not '1843', which begins at 23"),
        ({"text": "1843", "start": 400, "end": 404}, "[400, 404) lies beyond the text of 64 characters"),
        ({"text": "1999", "start": 23, "end": 27}, "which the text does not have"),
        ({"text": "1999"}, "'1999' does not stand in the text"),
        ({"text": "the", "start": 14, "end": 17}, "which begins at 10"),
    ],
)
def test_an_answer_that_is_not_where_it_should_be(tmp_path: Path, answer: dict[str, Any], says: str) -> None:
    good = {"text": "London"}
    report = check(tmp_path, row(answers=[good, answer]))
    assert codes_of(report) == [("error", "span")]
    assert "answers[1]: " in message(report, "span") and says in message(report, "span")


def test_answers_in_a_context_need_no_document(tmp_path: Path) -> None:
    ok = row(context=TEXT, document=None)
    missing = row(2, "Where?", context=TEXT, document=None, answers=[{"text": "Paris"}])
    report = check(tmp_path, ok, missing, documents=False)
    assert codes_of(report) == [("error", "span")]
    assert (report.checked, report.unchecked) == (2, 0)


def test_documents_that_are_not_there_or_not_to_be_told_apart(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same.txt").write_text(TEXT)
    report = check(
        tmp_path,
        row(document="none.txt"),
        row(2, "Why?", document="same.txt"),
        row(3, "Who?", document="a/same.txt"),
        row(4, "How?", document="../../notes.txt"),
    )
    messages = {finding.id: finding.message for finding in report.findings if finding.code == "span"}
    assert messages.keys() == {"q1", "q2"}
    assert "there is none" in messages["q1"] and "2 documents" in messages["q2"]


def test_without_documents_what_was_not_looked_up_is_said(tmp_path: Path) -> None:
    report = check(tmp_path, row(), documents=False)
    assert (report.checked, report.unchecked, report.errors) == (0, 1, 0)
    assert "--documents or --store" in message(report, "unchecked")


def test_names_are_found_in_a_store_too(tmp_path: Path) -> None:
    class Catalogue:
        def records(self) -> Sequence[Any]:
            return [self.stored]

        stored = Document(uri="https://host/a%20b/notes.txt", title="", text=TEXT)

        def document(self, _: str) -> Document:
            return self.stored

    class FakeStore:
        catalogue = Catalogue()

    gold = tmp_path / "gold.jsonl"
    gold.write_text(json.dumps(row()))
    report = check_gold(gold, DocumentTexts.of_store(gold, FakeStore()))  # type: ignore[arg-type]
    assert (report.errors, report.checked) == (0, 1)


def test_every_malformed_line_is_reported_with_its_place(tmp_path: Path) -> None:
    rows = [row(), row(2, answers=None), row(3, "Who?"), row(1, "Why?"), row(5, " ")]
    report = check(tmp_path, *rows)
    malformed = [finding for finding in report.findings if finding.code == "malformed"]
    assert [finding.place for finding in malformed] == ["line 2", "line 4", "line 5"]
    assert [finding.message.partition(":")[0] for finding in malformed] == ["answers", "id", "question"]
    assert (report.questions, report.errors) == (2, 3)


def test_a_file_of_something_else_is_not_read_to_its_end(tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text("1\n" * 100_000)
    with pytest.raises(InputError, match=r"1000 questions cannot be read, up to line 1000; the last: should be a JSON"):
        check_gold(gold)


def test_the_same_question_twice(tmp_path: Path) -> None:
    again = row(2, "when were  the NOTES written")
    elsewhere = row(3, document="other.txt", answers=[])
    report = check(tmp_path, row(), again, elsewhere)
    assert codes_of(report) == [("warning", "duplicate")]
    assert "'q1' at line 1, and counts twice" in message(report, "duplicate")


def test_the_same_question_with_and_without_an_answer_contradicts_itself(tmp_path: Path) -> None:
    report = check(tmp_path, row(), row(2, answers=[]))
    assert codes_of(report) == [("error", "duplicate")]


@pytest.mark.parametrize(
    ("question", "answer", "leaks"),
    [
        ("Did Ada write the notes in 1843?", "1843", True),
        ("Who built the Engine?", "the engine", True),
        ("When was the 1843a built?", "1843", False),
        ("Who wrote?", "Ada", False),
    ],
)
def test_answers_that_stand_in_their_question(tmp_path: Path, question: str, answer: str, leaks: bool) -> None:
    report = check(tmp_path, row(question=question, answers=[{"text": answer}]))
    assert codes_of(report) == [("warning", "leak")] * leaks


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("Ada wrote the notes", False),
        ("notes of Ada", False),
        ("who wrote the notes", True),
        ("The notes were written when?", True),
        ("Notes, in which year", True),
        ("Name the author.", True),
        ("Ada’s “year?”", True),
    ],
)
def test_questions_that_are_none(tmp_path: Path, question: str, asks: bool) -> None:
    assert codes_of(check(tmp_path, row(question=question))) == [("warning", "no-question")] * (not asks)


def test_answers_without_a_word_to_compare(tmp_path: Path) -> None:
    assert codes_of(check(tmp_path, row(answers=[{"text": "the"}]))) == [("error", "no-words")]
    assert codes_of(check(tmp_path, row(answers=[{"text": "the"}, {"text": "1843"}]))) == []


def test_drafts_are_an_error_of_the_set(tmp_path: Path) -> None:
    report = check(tmp_path, row(), row(2, "Who wrote?", answers=[{"text": "Ada"}], reviewed=False))
    assert report.drafts == 1
    assert "1 of 2" in message(report, "unreviewed")
    assert report.errors == 1


@pytest.mark.parametrize(
    ("answerable", "unanswerable", "codes"),
    [
        (80, 20, set()),
        (300, 30, {"few-unanswerable"}),
        (81, 19, {"few-unanswerable"}),
        (60, 25, {"few-questions"}),
        (0, 93, set()),
        (0, 92, {"few-questions"}),
    ],
)
def test_sets_that_are_too_small(tmp_path: Path, answerable: int, unanswerable: int, codes: set[str]) -> None:
    rows = [
        row(n, f"When were notes {n} written?", answers=row()["answers"] if n < answerable else [])
        for n in range(answerable + unanswerable)
    ]
    report = check(tmp_path, *rows)
    assert {finding.code for finding in report.findings} == codes
    assert (report.answerable, report.unanswerable) == (answerable, unanswerable)


@pytest.mark.parametrize("questions", [2, 50, 400])
def test_the_interval_is_wilsons(tmp_path: Path, questions: int) -> None:
    report = check(tmp_path, *(row(n, f"When was {n}?", answers=[]) for n in range(questions)))
    interval = binomtest(questions // 2, questions).proportion_ci(0.95, method="wilson")
    assert report.half_width == pytest.approx((interval.high - interval.low) / 2)


@settings(max_examples=50, deadline=None)
@given(text=st.text(min_size=1), start=st.integers(0, 80), words=st.text(min_size=1, max_size=5))
def test_an_error_is_found_exactly_where_the_text_differs(
    tmp_path_factory: pytest.TempPathFactory, text: str, start: int, words: str
) -> None:
    folder = tmp_path_factory.mktemp("gold")
    gold = folder / "gold.jsonl"
    span = {"text": words, "start": start, "end": start + len(words)}
    gold.write_text(json.dumps(row(answers=[span])), encoding="utf-8")
    try:
        read_gold(gold)
    except InputError:
        return
    texts = DocumentTexts(gold, [(folder / "notes.txt").as_uri()], lambda _: text)
    codes = [finding.code for finding in check_gold(gold, texts).findings]
    assert ("span" in codes) == (text[start : start + len(words)] != words)
