"""One-edit unanswerables: an answerable question with one name, number, date or word changed so that it no longer fits.

The kinds follow the ways in which people wrote unanswerable questions for SQuAD 2.0 (Rajpurkar, Jia and Liang 2018,
table 1): entity swap, antonym, number or date changed.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable

from qa.training.data import Row

_NAME = re.compile(r"\b[A-Z][\w’'&-]+(?: (?:of |the |de |van |von )?[A-Z][\w’'&-]+)*")
_NUMBER = re.compile(r"\b\d[\d,.]*\d\b|\b\d\b")
_YEAR = re.compile(r"\b1[0-9]{3}\b|\b20[0-9]{2}\b")
_MONTHS = ("January February March April May June July August September October November December").split()
_ANTONYMS = (
    "first/last largest/smallest highest/lowest most/least before/after begin/end start/stop increase/decrease "
    "north/south east/west northern/southern eastern/western oldest/youngest win/lose won/lost best/worst more/fewer "
    "longest/shortest early/late male/female inside/outside rise/fall rich/poor support/oppose join/leave above/below "
    "import/export major/minor maximum/minimum public/private father/mother brother/sister king/queen wife/husband "
    "son/daughter buy/sell bought/sold arrive/depart victory/defeat ally/enemy"
)
_OPPOSITE = {
    word: opposite
    for one, other in (pair.split("/") for pair in _ANTONYMS.split())
    for word, opposite in ((one, other), (other, one))
}
_QUESTION_WORDS = frozenset(
    "What When Where Which Who Whom Whose Why How In On At By For From Of To The Is Are Was Were Did Does Do Has Have "
    "Had Can Could Name A An After Before During According If Under With As".split()
)
# How often the new name comes from the same passage (harder, and sometimes answerable) rather than its article.
_FROM_PASSAGE = 0.3
# Names drawn from the article before those that fit are kept: an article may have thousands.
_DRAWS = 80


def one_edit_unanswerables(rows: Iterable[Row], seed: int, each: int = 1) -> list[Row]:
    """At most `each` edited, unanswerable copies of every answerable row whose question has something to change.

    A name, number or date is changed only where the passage holds the old one, and to one that does not stand in the
    sentence that answers: the question then asks for what the passage does not say.
    """
    rows = list(rows)
    rng = random.Random(seed)
    names: dict[str, list[str]] = defaultdict(list)
    for context in dict.fromkeys((row.title, row.context) for row in rows):
        names[context[0]].extend(dict.fromkeys(_names(context[1])))
    everywhere = [name for title in sorted(names) for name in names[title]]
    edited = []
    for row in rows:
        if not row.answerable or row.question.islower():
            continue
        makers = [_swap_name, _swap_name, _swap_number, _swap_word] * each
        rng.shuffle(makers)
        made: list[str] = []
        for make in makers:
            question = make(row, names[row.title] if row.title else everywhere, rng)
            if question is None or question in made:
                continue
            made.append(question)
            name = f"oe-{row.id}" if len(made) == 1 else f"oe{len(made)}-{row.id}"
            edited.append(Row(name, row.title, question, row.context, None, None, ()))
            if len(made) == each:
                break
    return edited


def _names(text: str) -> list[str]:
    return [name for name in _NAME.findall(text) if name.split()[0] not in _QUESTION_WORDS and len(name) > 2]


def _answer_sentence(row: Row) -> str:
    assert row.start is not None and row.end is not None
    begin = max(row.context.rfind(mark, 0, row.start) for mark in (". ", "? ", "! ", "\n")) + 1
    ends = [at for mark in (". ", "? ", "! ", "\n") if (at := row.context.find(mark, row.end)) >= 0]
    return row.context[begin : min(ends, default=len(row.context))]


def _swap_name(row: Row, article: list[str], rng: random.Random) -> str | None:
    present = [name for name in _names(row.question) if name in row.context]
    if not present or not article:
        return None
    old = rng.choice(present)
    if rng.random() < _FROM_PASSAGE:
        sentence = _answer_sentence(row)
        pool = [name for name in _names(row.context) if name not in sentence]
    else:
        drawn = rng.choices(article, k=_DRAWS)
        pool = [name for name in drawn if name not in row.context]
    answers = " ".join(row.answers)
    alike = [
        name
        for name in pool
        if name not in row.question
        and name not in answers
        and old not in name
        and len(name.split()) == len(old.split())
    ]
    if not alike:
        return None
    return row.question.replace(old, rng.choice(alike), 1)


def _swap_number(row: Row, article: list[str], rng: random.Random) -> str | None:
    del article
    for month in _MONTHS:
        if re.search(rf"\b{month}\b", row.question) and month in row.context:
            absent = [name for name in _MONTHS if name not in row.context]
            if not absent:
                return None
            other = rng.choice(absent)
            return re.sub(rf"\b{month}\b", other, row.question, count=1)
    numbers = [match for match in _NUMBER.finditer(row.question) if match.group() in row.context]
    if not numbers:
        return None
    match = rng.choice(numbers)
    old = match.group()
    if _YEAR.fullmatch(old):
        new = str(int(old) + rng.choice([-21, -12, -7, -4, -3, -2, -1, 1, 2, 3, 5, 8, 14]))
    elif old.isdigit():
        new = str(max(2, int(old) + rng.choice([-3, -2, -1, 1, 2, 3, 5]) * max(1, int(old) // 12)))
    else:
        return None
    if new == old or new in row.context:
        return None
    return row.question[: match.start()] + new + row.question[match.end() :]


def _swap_word(row: Row, article: list[str], rng: random.Random) -> str | None:
    del article
    words = [match for match in re.finditer(r"[a-z]+", row.question) if match.group() in _OPPOSITE]
    words = [match for match in words if _OPPOSITE[match.group()] not in row.context]
    if not words:
        return None
    match = rng.choice(words)
    return row.question[: match.start()] + _OPPOSITE[match.group()] + row.question[match.end() :]
