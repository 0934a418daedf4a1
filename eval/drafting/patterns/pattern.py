"""What a pattern is: from a statement it makes proposals, each a question whose answer is a span of the text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from eval.drafting.clauses import PREPOSITIONS, PRONOUN, Clause, Sentence
from eval.drafting.expressions import MONTHS
from eval.measures.squad import normalize_answer

_STRANDED = PREPOSITIONS | frozenset("and or but the a an its his her their that which is was were are".split())


@dataclass(frozen=True, slots=True)
class Proposal:
    """A question whose answer is `[start, end)` of the text that it was made from, in code points; `kind` names the
    pattern."""

    question: str
    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class Statement:
    """The sentence `[start, end)` of a text, in code points, and what is known of it.

    `sentence` is None where it is not a plain statement, `clause` where its main clause cannot be told.
    """

    text: str
    start: int
    end: int
    sentence: Sentence | None
    clause: Clause | None


Pattern = Callable[[Statement], Iterator[Proposal]]
Asked = tuple[str, tuple[int, int]]
"""A question, and where its answer stands in `Sentence.text`."""


def of_clause(kind: str) -> Callable[[Callable[[Sentence, Clause], Asked | None]], Pattern]:
    """Makes a pattern, whose proposals are of this kind, of a function that asks at most one question of a clause."""

    def pattern_of(ask: Callable[[Sentence, Clause], Asked | None]) -> Pattern:
        def pattern(statement: Statement) -> Iterator[Proposal]:
            if statement.sentence is None or statement.clause is None:
                return
            asked = ask(statement.sentence, statement.clause)
            if asked is None:
                return
            question, (start, end) = asked
            proposal = placed(statement.sentence, question, start, end, kind)
            if proposal is not None:
                yield proposal

        return pattern

    return pattern_of


def placed(sentence: Sentence, question: str, first: int, last: int, kind: str) -> Proposal | None:
    """The proposal, its answer placed in the text; None where the question does not stand on its own."""
    question = " ".join(question.split()).rstrip(" ,.;:") + "?"
    answer = sentence.text[first:last]
    places = sentence.places[first:last]
    whole = bool(places) and places[-1] - places[0] == len(places) - 1
    words = question.split()
    # A name that is no mere acronym: without one the question could be asked of any text.
    named = any(word[0].isupper() and not word.isupper() and word.strip("?,") not in MONTHS for word in words[1:])
    stranded = words[-1].rstrip("?").lower() in _STRANDED and not question.endswith(" known as?")
    leaks = f" {normalize_answer(answer)} " in f" {normalize_answer(question)} "
    if not whole or not named or stranded or leaks or not 3 <= len(words) <= 28 or PRONOUN.search(question):
        return None
    return Proposal(question, places[0], places[-1] + 1, kind)
