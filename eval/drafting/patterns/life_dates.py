"""Questions like "When was Ada Lovelace born?", from the dates in brackets behind a name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from eval.drafting.expressions import DATE, MONTH, NAME_WORD
from eval.drafting.patterns.pattern import Proposal, Statement


def life_dates(statement: Statement) -> Iterator[Proposal]:
    """Ask when a person was born, and when they died."""
    date = DATE.replace(" ", r"\s")
    match = re.compile(
        rf"((?:{NAME_WORD}\s){{1,4}}{NAME_WORD})"
        rf"\s\((?:[^()]{{0,60}}?[;, ])??(?:born |b\. )?({date})(?: ?[–—-] ?({date}))?\)"
    ).match(statement.text, statement.start, statement.end)
    # Years alone are as often those of a state or a reign.
    if match is None or not re.search(MONTH, match[2]):
        return
    name = " ".join(match[1].split())
    if match[3] is not None or "born " in match[0]:
        yield Proposal(f"When was {name} born?", *match.span(2), "born")
    if match[3] is not None:
        yield Proposal(f"When did {name} die?", *match.span(3), "died")
