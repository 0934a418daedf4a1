"""Questions like "Where was the bridge built?", from the place behind a participle such as "built in"."""

from __future__ import annotations

import re

from eval.drafting.clauses import Clause, Sentence, inverted
from eval.drafting.expressions import DATE, MONTH, NAME
from eval.drafting.patterns.pattern import Asked, of_clause
from eval.drafting.verbs import BE


@of_clause("where")
def where(sentence: Sentence, clause: Clause) -> Asked | None:
    """Ask where something was born, held, founded or the like."""
    words = sentence.text
    if clause.verb not in BE:
        return None
    match = re.compile(
        r"((?:born|held|founded|located|situated|built|based|killed|buried|signed|raised|headquartered|established|"
        rf"educated|published|discovered|stationed)) (?:in|at|near) ((?:the )?{NAME}(?:, {NAME})*)"
    ).match(words, clause.rest)
    if match is None or re.search(DATE, match[2]) or re.search(MONTH, match[2]):
        return None
    return inverted("Where", clause, match[1]), match.span(2)
