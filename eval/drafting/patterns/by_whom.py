"""Questions like "Who wrote the novel?", from the agent of a passive sentence."""

from __future__ import annotations

import re

from eval.drafting.clauses import Clause, Sentence
from eval.drafting.expressions import DATE, NAME
from eval.drafting.patterns.pattern import Asked, of_clause
from eval.drafting.verbs import BE, participle_past


@of_clause("by whom")
def by_whom(sentence: Sentence, clause: Clause) -> Asked | None:
    """Ask who did what the sentence tells in the passive."""
    words = sentence.text
    if clause.verb not in BE:
        return None
    match = re.compile(
        rf"(?:\w+ly )?([a-z]+)(?: (?:in|on) {DATE})? by ((?:the )?(?:[a-z-]+ ){{0,3}}{NAME}(?: and {NAME})?)(?= |,|$)"
    ).match(words[: clause.end], clause.rest)
    past = participle_past(match[1]) if match else None
    if match is None or past is None:
        return None
    return f"Who {past} {clause.subject}", match.span(2)
