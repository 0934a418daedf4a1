"""Questions like "What does IMF stand for?", from an acronym in brackets behind the words whose initials it has."""

from __future__ import annotations

import re
from collections.abc import Iterator

from eval.drafting.patterns.pattern import Proposal, Statement

_WITH_ACRONYM = re.compile(r"((?:[A-Z][\w-]+ (?:(?:of|for|the|and|on|in|de) ){0,2}){1,7}) ?\(([A-Z]{3,8})\)")


def acronyms(statement: Statement) -> Iterator[Proposal]:
    """Ask what an acronym stands for."""
    text = statement.text
    for match in _WITH_ACRONYM.finditer(text, statement.start, statement.end):
        words = match[1].split()
        letters = [(word[0], number) for number, word in enumerate(words) if word[0].isupper()]
        wanted = letters[-len(match[2]) :]
        if "".join(letter for letter, _ in wanted) != match[2]:
            continue
        long = re.compile(r"\s+".join(map(re.escape, words[wanted[0][1] :]))).search(text, match.start(), match.end())
        if long is not None:
            yield Proposal(f"What does {match[2]} stand for?", *long.span(), "acronym")
