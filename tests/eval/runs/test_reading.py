from __future__ import annotations

from collections.abc import Sequence

import pytest

from eval.gold.questions import GoldAnswer, GoldQuestion
from eval.runs.reading import choose_threshold, read_paragraphs, reading_run
from qa.reading.spans import Span

CONTEXT = "The harbour of Lindal opened in 1911 under Mayor Holm."


class ChosenReader:
    """Gives each question the span and margin that its text names: `word margin`."""

    name = "chosen"
    sha256 = "0" * 64

    def read(
        self, questions: Sequence[str], passages: Sequence[Sequence[str]], headings: object = None
    ) -> list[list[list[Span]]]:
        spans_by_question = []
        for question, texts in zip(questions, passages, strict=True):
            word, margin = question.rsplit(" ", 1)
            start = texts[0].find(word)
            spans_by_question.append(
                [[Span(start, start + len(word), float(margin))] if texts[0] and start >= 0 else []]
            )
        return spans_by_question


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
    run = reading_run(read_paragraphs(questions, ChosenReader()), 0.0)
    assert (run.counts.questions, run.counts.answerable, run.counts.wrong) == (4, 2, 2)
    assert run.values["ForcedEM"] == 0.5
    assert run.values["ForcedF1"] == pytest.approx((1 + 2 / 3) / 2)
    assert run.values["EM"] == pytest.approx((1 + 0 + 1 + 0) / 4)
    assert run.values["F1"] == pytest.approx((1 + 2 / 3 + 1 + 0) / 4)
    assert (run.settings.own_paragraph, run.settings.null_threshold, run.settings.chosen_on) == (True, 0.0, None)
    first = run.results[0]
    assert first.place is not None and first.cited is not None
    assert (first.cited.document, first.cited.sentence) == (first.place.document, CONTEXT)
    assert CONTEXT[first.cited.start : first.cited.end] == "1911"


def test_the_cause_is_reading_unless_the_reader_had_it_right() -> None:
    questions = [
        gold(1, "1911 1", "1911"),  # right but withheld
        gold(2, "Lindal 3", "1911"),
        gold(3, "Lindal 12", None),  # a span above any threshold
        gold(4, "absent 5", "1911"),  # no span
        gold(5, "1911 9", "1911"),
    ]
    strict = reading_run(read_paragraphs(questions, ChosenReader()), 2.0)
    assert [one.cause for one in strict.results] == ["threshold", "reading", "reading", "reading", None]
    assert sum(strict.causes.values()) == strict.counts.wrong == 4
    # A low threshold let it through, the best one would not.
    lax = reading_run(read_paragraphs([gold(1, "Lindal -3", None)], ChosenReader()), -5.0)
    assert lax.causes == {"threshold": 1}


def test_the_threshold_separates_what_can_be_separated() -> None:
    readings = read_paragraphs(
        [
            gold(n, f"1911 {m}", a)
            for n, (m, a) in enumerate([(5, "1911"), (4, "1911"), (1, None), (0, None), (-1, None)])
        ],
        ChosenReader(),
    )
    threshold = choose_threshold(readings)
    assert 1 < threshold <= 4
    assert reading_run(readings, threshold, "0:6").values["F1"] == 1.0


def test_a_question_without_a_span_counts_as_wrong_not_as_dropped() -> None:
    readings = read_paragraphs([gold(1, "absent 9", "1911"), gold(2, "1911 9", "1911")], ChosenReader())
    run = reading_run(readings, 0.0)
    assert (run.counts.answerable, run.values["ForcedF1"], run.values["F1"]) == (2, 0.5, 0.5)
