"""Questions like "Who opened the base?", from a subject that is told to be a person by what is said of it."""

from __future__ import annotations

import re

from eval.drafting.clauses import Clause, Sentence, up_to_second_clause
from eval.drafting.expressions import NAME_WORD, TITLES
from eval.drafting.patterns.pattern import Asked, of_clause

_SAYS = frozenset("said wrote told argued claimed announced admitted insisted explained warned noted married".split())


@of_clause("who")
def who(sentence: Sentence, clause: Clause) -> Asked | None:
    """Ask who did something, where a title, a verb of saying or the next sentence tells a person."""
    words = sentence.text
    subject = words[clause.start : clause.rest - len(clause.verb) - 2]
    match = re.fullmatch(
        rf"(?:(?:[A-Z][\w-]+ )*(?:{TITLES}|analyst|expert|journalist|author|historian) )?"
        rf"((?!The ){NAME_WORD} {NAME_WORD}(?: {NAME_WORD})?)",
        subject,
    )
    person = clause.verb in _SAYS or re.match(r"(?:\S+ ){0,3}?(?:He|She|he|she|his|her)\b", sentence.follows)
    if match is None or not person or clause.listed:
        return None
    rest = words[clause.rest : clause.end]
    if clause.verb not in _SAYS:
        rest = up_to_second_clause(rest)
    span = (clause.start + match.start(1), clause.start + match.end(1))
    return f"Who {clause.verb} {rest}", span
