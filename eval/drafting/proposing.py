"""Questions proposed from sentences, by patterns over words.

There is no parser: what does not fit a pattern exactly proposes nothing. A question takes its words from the sentence
and its answer is a span of it, so that a person has something to edit, not a finished gold set.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from eval.drafting.clauses import clean_sentence, main_clause
from eval.drafting.patterns.acronyms import acronyms
from eval.drafting.patterns.by_whom import by_whom
from eval.drafting.patterns.how_many import how_many
from eval.drafting.patterns.identity import identity
from eval.drafting.patterns.known_as import known_as
from eval.drafting.patterns.life_dates import life_dates
from eval.drafting.patterns.pattern import Pattern, Proposal, Statement
from eval.drafting.patterns.roles import roles
from eval.drafting.patterns.when import when
from eval.drafting.patterns.where import where
from eval.drafting.patterns.who import who

PATTERNS: tuple[Pattern, ...] = (
    life_dates,
    acronyms,
    roles,
    when,
    where,
    by_whom,
    identity,
    known_as,
    how_many,
    who,
)
"""Every pattern, in the order of its proposals; a new one is a module of `eval.drafting.patterns` and a line here."""
# Longer ones are seldom plain statements, and the patterns may take time that grows faster than the sentence.
LONGEST_SENTENCE = 400


def propose(
    text: str, start: int, end: int, *, follows: str = "", common: Container[str] = frozenset()
) -> Iterator[Proposal]:
    """Questions that the sentence `[start, end)` of a text answers, from each pattern that fits, in a fixed order.

    `follows` are the words behind it, which may tell a person by "he" or "she"; `common` are words that the text has
    in lower case, so that one of them at the start of a sentence is no name. A sentence of more than
    `LONGEST_SENTENCE` characters proposes nothing.
    """
    if end - start > LONGEST_SENTENCE:
        return
    sentence = clean_sentence(text, start, end, follows)
    clause = None if sentence is None else main_clause(sentence.text, common)
    statement = Statement(text, start, end, sentence, clause)
    for pattern in PATTERNS:
        yield from pattern(statement)
