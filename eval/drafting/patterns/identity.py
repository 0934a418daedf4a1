"""Questions like "Who was the first president of the bank?", from what a named subject is said to be."""

from __future__ import annotations

import re

from eval.drafting.clauses import Clause, Sentence, up_to_second_clause
from eval.drafting.expressions import NAME, ROLE_NOUNS
from eval.drafting.patterns.pattern import Asked, of_clause


@of_clause("identity")
def identity(sentence: Sentence, clause: Clause) -> Asked | None:
    """Ask who or what holds the role, or is the thing, that the sentence names."""
    words = sentence.text
    subject = words[clause.start : clause.rest - len(clause.verb) - 2]
    match = re.compile(r"the [^,;:]{6,80}").match(words[: clause.end], clause.rest)
    if (
        clause.listed
        or clause.verb not in ("is", "was")
        or match is None
        or not re.fullmatch(rf"(?:The )?{NAME}", subject)
    ):
        return None
    role = up_to_second_clause(match[0])
    if " of " not in role and not re.search(r" [A-Z]", role):
        return None
    person = re.search(rf"\b(?:{ROLE_NOUNS}|person|man|woman)\b", role.partition(" of ")[0])
    ask = "Who" if person else "What"
    return f"{ask} {clause.verb} {role}", (clause.start, clause.start + len(subject))
