"""Questions like "Who is the Minister of Trade?", from titles before a name and from appositions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from eval.drafting.clauses import PREPOSITIONS, SUBORDINATE
from eval.drafting.expressions import NAME, NAME_WORD, ROLE_NOUNS, TITLES
from eval.drafting.patterns.pattern import Proposal, Statement, placed

# A title without the country or the body: it could be anyone's.
_NO_OFFICE = f"(?:(?:Prime|Vice|Deputy|Former|Foreign|Defen[cs]e|Interior|Finance|Lord) )+(?:{TITLES})"


def roles(statement: Statement) -> Iterator[Proposal]:
    """Ask who holds a role, or who a named person is."""
    sentence = statement.sentence
    if sentence is None:
        return
    words, person = sentence.text, rf"{NAME_WORD} {NAME_WORD}(?: {NAME_WORD}){{0,2}}"
    role = rf"(?:[\w’'-]+ ){{0,4}}(?:{ROLE_NOUNS})"
    name, title = rf"(?P<name>{person})(?! ?[A-Z])", rf"(?:[A-Z][a-z]+ ){{1,3}}(?:{TITLES})"
    # What is asked for, what goes before it, and which group answers.
    for pattern, ask, answer in (
        (rf"\b(?!(?:{_NO_OFFICE}))(?P<role>{title}) {name}", "the ", "name"),
        (rf"{name}, the (?P<role>{role} (?:of|at|for|to) [^,;.]{{3,60}})[,.]", "the ", "name"),
        (rf"(?P<role>(?:the )?{NAME}[’']s (?:[a-z-]+ ){{0,3}}(?:{ROLE_NOUNS})),? {name}", "", "name"),
        (rf"{name}, (?P<role>an? {role}[^,;.]{{0,60}})[,.]", "", "role"),
        (rf"\b(?P<role>[Aa]n? {role}), {name},", "", "role"),
    ):
        for match in re.finditer(pattern, words):
            if SUBORDINATE.search(f" {match['role']} ") or match["role"].split()[0].lower() in PREPOSITIONS:
                continue
            asked = match["role"] if answer == "name" else match["name"]
            proposal = placed(sentence, f"Who is {ask}{asked}", *match.span(answer), "role")
            if proposal is not None:
                yield proposal
