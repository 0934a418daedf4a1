"""Reading alone on whole documents: which passages are read, and the figures, by hand and against brute force."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.gold.questions import GoldAnswer, GoldQuestion
from eval.runs.own_document import (
    NO_SPAN,
    PASSAGES,
    RISK,
    DocumentReading,
    document_figures,
    domain,
    figures_by,
    read_own_documents,
)
from index.errors import InputError
from qa.reading.spans import Span


class WordReader:
    """Finds the last word of a question, surer in a passage that begins earlier in the alphabet."""

    name = "words"
    sha256 = "0" * 64

    def __init__(self) -> None:
        self.passages: list[list[str]] = []
        self.headings: list[list[str]] = []

    def read(self, questions: Sequence[str], passages: Any, headings: Any = None) -> list[list[list[Span]]]:
        self.passages += [list(own) for own in passages]
        self.headings += [list(own) for own in headings]
        found = []
        for question, own in zip(questions, passages, strict=True):
            word = question.rsplit(" ", 1)[-1]
            at = [text.find(word) for text in own]
            found.append([[Span(p, p + len(word), -p / 10)] if p >= 0 else [] for p in at])
        return found


def count_tokens(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def question(number: int, asked: str, *answers: str, document: str | None = "rules/a.md") -> GoldQuestion:
    return GoldQuestion(
        id=str(number), question=asked, answers=tuple(GoldAnswer(text=a) for a in answers), document=document
    )


def test_the_best_matching_passages_of_the_own_document_are_read(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    sections = "".join(f"## Part {n}\n\nBoats of kind{n} pay {n} crowns.\n\n" for n in range(12))
    (tmp_path / "rules" / "a.md").write_text(f"# Dues\n\n{sections}", encoding="utf-8")
    reader = WordReader()
    gold = [question(1, "What do boats of kind7 pay? crowns", "crowns"), question(2, "Of kind3: nowhere")]
    right, none = read_own_documents(gold, tmp_path, reader, count_tokens)
    assert [len(own) for own in reader.passages] == [PASSAGES, PASSAGES]
    assert "kind7" in reader.passages[0][0] and reader.headings[0][0] == "Dues > Part 7"
    assert (right.text, right.f1, right.right) == ("crowns", 1.0, True)
    assert (none.text, none.margin, none.f1, none.right) == ("", NO_SPAN, 0.0, False)


def test_a_question_without_document(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="question '1' names no document"):
        read_own_documents([question(1, "Who?", document=None)], tmp_path, WordReader(), count_tokens)


def reading(margin: float, f1: float, *, answerable: bool = True, document: str = "d/a.md") -> DocumentReading:
    asked = question(1, "Who?", *(["Ada"] if answerable else []), document=document)
    return DocumentReading(asked, "words", margin, f1 if answerable else 0.0)


def test_figures_by_hand() -> None:
    found = document_figures(
        [
            reading(5.0, 1.0),
            reading(4.0, 0.8),
            reading(3.0, 0.5),
            reading(1.0, 1.0),
            reading(2.0, 0.0, answerable=False),
            reading(0.0, 0.0, answerable=False),
        ]
    )
    assert (found.questions, found.answerable) == (6, 4)
    assert found.right == 0.75 and found.f1 == pytest.approx((1 + 0.8 + 0.5 + 1) / 4)
    # From 3 on: two of four answered rightly, both unanswerable declined; from 1 on: three, and one.
    assert (found.balanced_right, found.balanced_declined, found.threshold) == (0.5, 1.0, 3.0)
    # The surest two are right; the third makes a third wrong.
    assert found.answered == pytest.approx(2 / 6)


def test_figures_of_one_kind_alone() -> None:
    answerable = document_figures([reading(1.0, 1.0)])
    assert (answerable.right, answerable.balanced_right, answerable.threshold, answerable.answered) == (
        1,
        None,
        None,
        1,
    )
    none = document_figures([reading(1.0, 0.0, answerable=False)])
    assert (none.right, none.f1, none.balanced_declined, none.answered) == (None, None, None, 0)
    assert document_figures([]).answered == 0


@given(
    st.lists(st.tuples(st.integers(-3, 3), st.sampled_from([0.0, 0.8, 1.0]), st.booleans()), min_size=1, max_size=12)
)
def test_figures_are_the_best_of_every_threshold(drawn: list[tuple[int, float, bool]]) -> None:
    readings = [reading(margin, f1, answerable=answerable) for margin, f1, answerable in drawn]
    found = document_figures(readings)
    shares, pairs = [0.0], []
    for threshold in {reading.margin for reading in readings}:
        sure = [one for one in readings if one.margin >= threshold]
        if sum(not one.right for one in sure) <= RISK * len(sure):
            shares.append(len(sure) / len(readings))
        of = [one for one in readings if one.gold.answerable]
        none = [one for one in readings if not one.gold.answerable]
        if of and none:
            answered = sum(one.right and one.margin >= threshold for one in of) / len(of)
            pairs.append(min(answered, sum(one.margin < threshold for one in none) / len(none)))
    assert found.answered == pytest.approx(max(shares))
    if pairs:
        assert found.balanced_right is not None and found.balanced_declined is not None
        assert min(found.balanced_right, found.balanced_declined) == pytest.approx(max(pairs))


def test_groups() -> None:
    readings = [reading(1, 1.0, document="x/laws/a.md"), reading(1, 0.0, document="x/news/b.md")]
    groups = figures_by(readings, domain)
    assert list(groups) == ["laws", "news"]
    assert (groups["laws"].right, groups["news"].right) == (1.0, 0.0)
