"""Questions like "How many people did the company employ?", from a number and the things that it counts."""

from __future__ import annotations

import re

from eval.drafting.clauses import Clause, Sentence, up_to_second_clause
from eval.drafting.expressions import ABOUT, NUMBER, THINGS, YEAR
from eval.drafting.patterns.pattern import Asked, of_clause
from eval.drafting.verbs import AUXILIARIES, BE, HAVE, is_participle


@of_clause("how many")
def how_many(sentence: Sentence, clause: Clause) -> Asked | None:
    """Ask how many there are of what a number counts, in the subject or behind the verb."""
    words = sentence.text
    leading = re.compile(rf"(?:{ABOUT[:-1]}|)?({NUMBER}) {THINGS}$", re.IGNORECASE)
    subject = words[clause.start : clause.rest - len(clause.verb) - 2]
    counted = leading.match(subject)
    if counted and not clause.listed:
        span = (clause.start + counted.start(1), clause.start + counted.end(1))
        rest = up_to_second_clause(words[clause.rest : clause.end])
        return f"How many {counted[2]} {clause.verb} {rest}", span
    chain = r"((?:[a-z]+ ){0,2}?)" if clause.asked[1] == "" else "()"
    match = re.compile(rf"{chain}{ABOUT}({NUMBER}) {THINGS}").match(words[: clause.end], clause.rest)
    if match is None or re.fullmatch(YEAR, match[2]) or not _all_verbs(match[1], clause.verb):
        return None
    rest = "" if clause.listed else up_to_second_clause(words[match.end() : clause.end])
    auxiliary, base = clause.asked
    question = f"How many {match[3]} {auxiliary} {clause.subject} {base} {match[1]} {rest}"
    return question, match.span(2)


def _all_verbs(chain: str, auxiliary: str) -> bool:
    """Whether the words between an auxiliary and a number are its verb, not the beginning of something else."""
    words = chain.split()
    if not words:
        return auxiliary not in AUXILIARIES or auxiliary in HAVE
    if auxiliary in BE or auxiliary in HAVE:
        return all(is_participle(word) for word in words)
    return len(words) == 1 or words[0] in ("be", "have")
