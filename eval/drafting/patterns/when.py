"""Questions like "When was the bridge opened?", from the date before or behind the verb of a plain statement."""

from __future__ import annotations

import re

from eval.drafting.clauses import FUNCTION_WORDS, LEADING, Clause, Sentence, inverted, up_to_second_clause
from eval.drafting.expressions import DATE, YEAR
from eval.drafting.patterns.pattern import Asked, of_clause


@of_clause("when")
def when(sentence: Sentence, clause: Clause) -> Asked | None:
    """Ask when, with the preposition of the date: "Until when", "In what year"."""
    words = sentence.text
    lead = LEADING.match(words)
    if lead and re.fullmatch(DATE, lead["rest"]) and lead["preposition"] in ("In", "On", "By", "Since", "From"):
        if clause.listed:
            return None
        rest = up_to_second_clause(words[clause.rest : clause.end])
        span = lead.span("rest")
        preposition = lead["preposition"].lower()
    else:
        match = re.compile(rf"(?:^|(?<= ))(in|on|by|since|until) ({DATE})(?= |$)").search(
            words[: clause.end], clause.rest
        )
        if match is None:
            return None
        before, after = words[clause.rest : match.start()], words[match.end() : clause.end]
        if up_to_second_clause(f"{before} ") != f"{before} " or not _goes_on(after):
            return None
        rest = f"{before} {up_to_second_clause(after)}"
        span = match.span(2)
        preposition = match[1]
    year = re.fullmatch(YEAR, words[slice(*span)])
    ask = {"in": "In what year" if year else "When", "on": "When", "from": "When"}.get(
        preposition, f"{preposition.capitalize()} when"
    )
    if re.search(DATE, rest):
        return None
    return inverted(ask, clause, rest), span


def _goes_on(after: str) -> bool:
    """Whether what follows a date is no noun that the date belongs to ("in 1912 cases")."""
    first = after.split(" ")[1] if after.startswith(" ") else ""
    return not first or first.lower() in FUNCTION_WORDS or first in ("through", "because", "under", "where", "against")
