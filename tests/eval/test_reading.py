from __future__ import annotations

from collections.abc import Sequence

import pytest

from eval.gold import GoldAnswer, GoldQuestion
from eval.reading import choose_threshold, read_paragraphs, score_reading
from qa.spans import Span

CONTEXT = "The harbour of Lindal opened in 1911 under Mayor Holm."


class ChosenReader:
    """Gives each question the span and margin that its text names: `word margin`."""

    name = "chosen"
    sha256 = "0" * 64

    def read(self, questions: Sequence[str], passages: Sequence[Sequence[str]]) -> list[list[list[Span]]]:
        found = []
        for question, own in zip(questions, passages, strict=True):
            word, margin = question.rsplit(" ", 1)
            start = own[0].find(word)
            found.append([[Span(start, start + len(word), float(margin))] if own[0] and start >= 0 else []])
        return found


def gold(number: int, asked: str, answer: str | None, context: str | None = CONTEXT) -> GoldQuestion:
    answers = ()
    if answer is not None:
        start = CONTEXT.index(answer)
        answers = (GoldAnswer(text=answer, start=start, end=start + len(answer)),)
    return GoldQuestion(id=str(number), question=asked, answers=answers, context=context)


def test_scores_by_hand() -> None:
    questions = [
        gold(1, "1911 3", "1911"),  # right
        gold(2, "Mayor Holm 1", "Holm"),  # F1 2/3
        gold(3, "Lindal -2", None),  # rightly declined at 0
        gold(4, "Lindal 2", None),  # wrongly answered at 0
    ]
    readings = read_paragraphs(questions, ChosenReader())
    scores = score_reading(readings, 0.0)
    assert (scores.questions, scores.answerable) == (4, 2)
    assert scores.forced_em == 0.5
    assert scores.forced_f1 == pytest.approx((1 + 2 / 3) / 2)
    assert scores.em_all == pytest.approx((1 + 0 + 1 + 0) / 4)
    assert scores.f1_all == pytest.approx((1 + 2 / 3 + 1 + 0) / 4)


def test_the_threshold_separates_what_can_be_separated() -> None:
    readings = read_paragraphs([gold(n, f"1911 {m}", a) for n, (m, a) in enumerate(
        [(5, "1911"), (4, "1911"), (1, None), (0, None), (-1, None)])], ChosenReader())  # fmt: skip
    threshold = choose_threshold(readings)
    assert 1 < threshold <= 4
    assert score_reading(readings, threshold).f1_all == 1.0


def test_a_question_without_a_span_counts_as_wrong_not_as_dropped() -> None:
    readings = read_paragraphs([gold(1, "absent 9", "1911"), gold(2, "1911 9", "1911")], ChosenReader())
    scores = score_reading(readings, 0.0)
    assert (scores.answerable, scores.forced_f1, scores.f1_all) == (2, 0.5, 0.5)
