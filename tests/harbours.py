"""Gold questions about the harbours of towns, and a reader that finds years: right answers without any weights."""

from __future__ import annotations

import re
from collections.abc import Sequence

from eval.gold.questions import GoldAnswer, GoldQuestion
from index.errors import ModelError
from index.store.store import Store
from qa.engine import Engine
from qa.judging.confidence import FEATURES, uncalibrated
from qa.reading.spans import Span

TOWNS = [
    f"{a}{b}" for a in ("Lin", "Bor", "Tar", "Vel", "Mor", "Kas", "Fen", "Hul") for b in ("dal", "gard", "by", "mo")
]


class YearReader:
    """Finds every year; surer where the passage holds the question's last word."""

    name = "years"
    sha256 = "f" * 64
    fails_on = "\N{BOMB}"

    def read(
        self, questions: Sequence[str], passages: Sequence[Sequence[str]], headings: object = None
    ) -> list[list[list[Span]]]:
        if any(self.fails_on in question for question in questions):
            raise ModelError("the reader cannot read this")
        return [
            [
                [
                    Span(year.start(), year.end(), 5.0 if question.rstrip("?").split()[-1] in text else -5.0)
                    for year in re.finditer(r"\d{4}", text)
                ]
                for text in texts
            ]
            for question, texts in zip(questions, passages, strict=True)
        ]


def gold_set() -> list[GoldQuestion]:
    questions = []
    for number, town in enumerate(TOWNS):
        context = f"The harbour of {town} opened in {1800 + number}. Boats came from everywhere."
        start = context.index("18")
        answer = GoldAnswer(text=str(1800 + number), start=start, end=start + 4)
        title = f"article {number % 4}"
        ask = f"When did boats first come to {town}?"
        questions.append(GoldQuestion(id=f"a{number}", question=ask, answers=(answer,), context=context, title=title))
        ask = f"When did the king visit Un{town.lower()}?"
        questions.append(GoldQuestion(id=f"u{number}", question=ask, answers=(), context=context, title=title))
    return questions


def engine_over(store: Store) -> Engine:
    weights = (1.0,) + (0.0,) * (len(FEATURES) - 1)
    return Engine(store, YearReader(), uncalibrated().model_copy(update={"weights": weights}))
