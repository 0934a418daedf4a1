"""Questions as people type them: without marks, as keywords, with a slip of the finger."""

from __future__ import annotations

import random
import re
from dataclasses import replace

from qa.training.data import Row

_WORD = re.compile(r"[^\W_]+")
# Words that a searcher leaves out; question words stay, since they tell what is wanted.
_DROPPED = frozenset(
    "a an the is are was were be been do does did has have had of in on at to for by with that this it its".split()
)
_MIN_SLIP = 5


def variant(row: Row, rng: random.Random) -> Row:
    """A row with its question as somebody in a hurry would type it; the passage and the answer stay."""
    question = rng.choice((_unmarked, _keywords, _slip))(row.question, rng)
    if not question.strip() or question == row.question:
        return row
    return replace(row, question=question, original=row.original or row.question)


def _unmarked(question: str, rng: random.Random) -> str:
    del rng
    return question.rstrip(" ?.!")


def _keywords(question: str, rng: random.Random) -> str:
    del rng
    kept = [word for word in question.rstrip(" ?.!").split() if word.lower() not in _DROPPED]
    return " ".join(kept)


def _slip(question: str, rng: random.Random) -> str:
    """Two letters of one longer word change places, or one is left out."""
    words = [match for match in _WORD.finditer(question) if len(match.group()) >= _MIN_SLIP]
    if not words:
        return question
    match = rng.choice(words)
    at = rng.randrange(match.start() + 1, match.end() - 2)
    if rng.random() < 0.5:
        return question[:at] + question[at + 1] + question[at] + question[at + 2 :]
    return question[:at] + question[at + 1 :]
