"""Questions like "What is the mountain known as?", from the name that a sentence gives."""

from __future__ import annotations

import re

from eval.drafting.clauses import Clause, Sentence, inverted, up_to_second_clause
from eval.drafting.patterns.pattern import Asked, of_clause
from eval.drafting.verbs import BE


@of_clause("name")
def known_as(sentence: Sentence, clause: Clause) -> Asked | None:
    """Ask what something is called."""
    words = sentence.text
    match = re.compile(
        r"((?:commonly |formerly |originally |sometimes |often |widely )?(?:known as|called|named|nicknamed|renamed)) "
        r"(?:the )?([“\"]?[^,;:“”\"]{3,50}[”\"]?)$"
    ).match(words[: clause.end], clause.rest)
    if clause.verb not in BE or match is None:
        return None
    name = up_to_second_clause(re.split(r" (?:in|by|after|for|on|at|to|from|because|due) ", match[2])[0])
    first = match.start(2)
    name_only = name.strip('“”" ')
    first += name.find(name_only)
    return inverted("What", clause, match[1]), (first, first + len(name_only))
