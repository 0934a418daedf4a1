"""From passages read to answers with a confidence."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from index.documents import StoredPassage
from qa.asking.asked import Asked
from qa.judging.confidence import FEATURES, Calibration, uncalibrated
from qa.judging.judge import Judge, Judged
from qa.reading.legible_reader import ReadPassage
from qa.reading.spans import Span
from qa.retrieval.fusion import Fused
from qa.types import MAX_ANSWERS, Question

TEXT = "It was cold. The pier opened in 1831 for boats. It was closed in 1902, and in 1911."


class CloseReader:
    """Finds 1831 wherever it stands, with a margin of 5; it keeps what it was asked."""

    name = "close"
    sha256 = "0" * 64

    def __init__(self) -> None:
        self.asked: list[str] = []

    def read(
        self, questions: Sequence[str], passages: Sequence[Sequence[str]], headings: object = None
    ) -> list[list[list[Span]]]:
        self.asked.extend(questions)
        at = [[text.find("1831") for text in texts] for texts in passages]
        return [[[Span(start, start + 4, 5.0)] if start >= 0 else [] for start in starts] for starts in at]


def weighing(**weights: float) -> Calibration:
    """A calibration by which the features named count, and nothing else."""
    numbers = tuple(weights.get(name, 0.0) for name in FEATURES)
    return uncalibrated().model_copy(update={"weights": numbers})


def asked(text: str = "When did it open?", answers: int | None = None) -> Asked:
    return Asked(Question(question=text, answers=answers))


def read(*words: str, text: str = TEXT) -> list[ReadPassage]:
    passage = StoredPassage(id=1, document_id="d", start=0, end=len(text), context="", text=text)
    spans = [Span(text.index(word), text.index(word) + len(word), 3.0 - n) for n, word in enumerate(words)]
    return [ReadPassage(passage, Fused(1, 0.1), 0.5, spans)]


def texts(judged: Sequence[Judged]) -> list[str]:
    return [answer.candidate.best.text for answer in judged]


def test_best_first_by_confidence() -> None:
    passages = read("1831", "1902", "boats")
    by_margin = Judge(CloseReader(), weighing(margin=1.0))
    (judged,) = by_margin.judge([asked()], [passages])
    assert texts(judged) == ["1831", "1902", "boats"]
    assert [answer.confidence for answer in judged] == [0.9526, 0.8808, 0.7311]
    (judged,) = Judge(CloseReader(), weighing(length=1.0)).judge([asked()], [passages])
    assert texts(judged)[0] == "boats"


def test_the_answer_has_the_form_that_is_asked_for() -> None:
    judge = Judge(CloseReader(), weighing(margin=1.0))
    assert texts(judge.judge([asked("Did it open?")], [read("1831")])[0]) == ["The pier opened in 1831 for boats."]
    listed = read("1902", "1902, and in 1911")
    assert texts(judge.judge([asked("Which years are named?")], [listed])[0]) == ["1902, and in 1911"]
    assert texts(judge.judge([asked("Which years are named?", 1)], [listed])[0]) == ["1902"]


def test_it_is_read_closely_only_where_that_counts() -> None:
    reader = CloseReader()
    Judge(reader, weighing(margin=1.0)).judge([asked()], [read("1831")])
    assert reader.asked == []
    ((answer,),) = Judge(reader, weighing(margin_alone=1.0)).judge([asked()], [read("1831")])
    assert reader.asked == ["When did it open?"] and answer.candidate.close == (5.0, 5.0)


def test_a_sentence_that_settles_a_question_is_not_read_again() -> None:
    reader = CloseReader()
    judge = Judge(reader, weighing(margin_alone=1.0))
    (polar,), (span,) = judge.judge([asked("Did it open?"), asked()], [read("1831"), read("1831")])
    assert reader.asked == ["When did it open?"]
    assert polar.candidate.close is None and span.candidate.close is not None


def test_candidates_made_elsewhere_are_weighed_alike() -> None:
    judge = Judge(CloseReader(), weighing(margin=1.0))
    passages = read("1831", "boats")
    ranked = judge.candidates(asked(), passages)
    (weighed,), (judged,) = judge.weigh([asked()], [ranked], [passages]), judge.judge([asked()], [passages])
    assert texts(weighed) == texts(judged)
    assert [answer.confidence for answer in weighed] == [answer.confidence for answer in judged]


def test_answers_are_bounded() -> None:
    words = [f"w{number:03}" for number in range(MAX_ANSWERS + 7)]
    (judged,) = Judge(CloseReader(), weighing()).judge([asked()], [read(*words, text=" ".join(words))])
    assert len(judged) == MAX_ANSWERS


def test_questions_and_passages_must_pair() -> None:
    with pytest.raises(ValueError, match="zip"):
        Judge(CloseReader(), weighing()).judge([asked()], [])
