"""One-edit unanswerables: always another question, never one that the same sentence answers."""

from __future__ import annotations

import random

import pytest

from qa.training.data import Row
from qa.training.making.edits import one_edit_unanswerables

CONTEXT = (
    "The Royal Society met in London in March 1831. Michael Faraday showed 12 largest magnets there. "
    "Joseph Henry of Albany had found the same before 1830. Humphry Davy was in Paris."
)
OTHER = "Charles Babbage lived in Dorset Street. Mary Somerville wrote about Georg Ohm and Thomas Young in Rome."


def row(question: str, answer: str | None, context: str = CONTEXT, number: int = 0, title: str = "Physics") -> Row:
    start = context.index(answer) if answer else None
    end = start + len(answer) if answer and start is not None else None
    return Row(f"r{number}", title, question, context, start, end, (answer,) if answer else ())


ROWS = [
    row("What did Michael Faraday show in London?", "12 largest magnets", number=1),
    row("Who showed magnets in March 1831?", "Michael Faraday", number=2),
    row("Who found the same before 1830?", "Joseph Henry", number=3),
    row("Where did Charles Babbage live?", "Dorset Street", OTHER, number=4),
    row("Who showed the largest magnets?", "Michael Faraday", number=5),
    row("Where was Humphry Davy in 1831?", None, number=6),
]


@pytest.mark.parametrize("seed", range(25))
def test_what_an_edit_makes(seed: int) -> None:
    by_id = {f"oe-{r.id}": r for r in ROWS}
    edited = one_edit_unanswerables(ROWS, seed)
    assert edited
    assert len({r.id for r in edited}) == len(edited)
    for made in edited:
        old = by_id[made.id]
        assert old.answerable
        assert made.question != old.question
        assert (made.context, made.title) == (old.context, old.title)
        assert not made.answerable and (made.start, made.end, made.answers) == (None, None, ())
        # One edit: a common beginning and end, and something else in between that is not the answer.
        begin = next(n for n in range(len(made.question)) if made.question[: n + 1] != old.question[: n + 1])
        assert begin > 0
        assert not any(answer in made.question for answer in old.answers if answer not in old.question)
        # What was put in does not stand in the sentence that answers: it cannot make the question right again.
        assert old.start is not None and old.end is not None
        close = old.context.rfind(". ", 0, old.start) + 1, old.context.find(". ", old.end)
        sentence = old.context[close[0] : close[1] if close[1] >= 0 else None]
        new = set(made.question.rstrip("?").split()) - set(old.question.rstrip("?").split())
        assert new and " ".join(sorted(new)) not in sentence


def test_the_same_seed_makes_the_same_edits() -> None:
    assert one_edit_unanswerables(ROWS, 7) == one_edit_unanswerables(iter(ROWS), 7)
    made = {tuple(r.question for r in one_edit_unanswerables(ROWS, seed)) for seed in range(10)}
    assert len(made) > 1


def test_every_kind_of_edit_comes_up() -> None:
    questions = {r.question for seed in range(40) for r in one_edit_unanswerables(ROWS, seed)}
    assert "Who showed the smallest magnets?" in questions
    assert any(q.startswith("Who found the same before 18") and q != ROWS[2].question for q in questions)
    assert any(q.startswith("Who showed magnets in ") and q.endswith(" 1831?") and "March" not in q for q in questions)
    assert any(q.startswith("Where did ") and "Babbage" not in q for q in questions) or any(
        q.startswith("What did ") and "Faraday" not in q for q in questions
    )


@pytest.mark.parametrize(
    "fixed",
    [
        row("Who was it?", "Michael Faraday"),
        row("what did michael faraday show?", "12 largest magnets"),
        row("Where was Humphry Davy in 1831?", None),
        row("", "Michael Faraday"),
        row("Who met Ada King in 1999?", "Michael Faraday"),
    ],
)
def test_what_cannot_be_edited_is_left_out(fixed: Row) -> None:
    for seed in range(20):
        assert one_edit_unanswerables([fixed], seed) == []


def test_a_name_of_the_answering_sentence_is_not_put_in() -> None:
    made = row(
        "Who saw Isaac Newton?", "Robert Hooke", "Isaac Newton, seen by Robert Hooke, met Edmond Halley. It rained."
    )
    for seed in range(40):
        assert one_edit_unanswerables([made], seed) == []


def test_another_answer_is_not_put_in() -> None:
    made = row("Who saw Isaac Newton?", "Robert Hooke", "Isaac Newton was seen by Robert Hooke. So says Robert Boyle.")
    asked = {r.question for seed in range(40) for r in one_edit_unanswerables([made], seed)}
    assert asked == {"Who saw Robert Boyle?"}
    both = Row(made.id, made.title, made.question, made.context, made.start, made.end, ("Robert Hooke", "Robert Boyle"))
    for seed in range(40):
        assert one_edit_unanswerables([both], seed) == []


def test_a_year_that_the_passage_also_names_is_not_put_in() -> None:
    near = " ".join(str(year) for year in range(1800, 1860) if year != 1834)
    made = row("who saw it in 1831? ABC", "the astronomer", f"Seen by the astronomer in 1831. Also {near}.")
    asked = {r.question for seed in range(60) for r in one_edit_unanswerables([made], seed)}
    assert asked == {"who saw it in 1834? ABC"}


def test_no_rows() -> None:
    assert one_edit_unanswerables([], 1) == []


def test_rows_without_titles_take_names_from_everywhere() -> None:
    rows = [row(r.question, r.answers[0], r.context, n, title="") for n, r in enumerate(ROWS[:4])]
    assert one_edit_unanswerables(rows, 3)


MONTHS = "January February March April May June July August September October November December"


def test_a_passage_that_names_every_month() -> None:
    made = row("What falls in March?", "sixty", f"Months: {MONTHS}. In March, sixty fall.")
    for seed in range(20):
        one_edit_unanswerables([made], seed)


def test_the_generator_of_others_is_left_alone() -> None:
    random.seed(5)
    before = random.getstate()
    one_edit_unanswerables(ROWS, 1)
    assert random.getstate() == before
