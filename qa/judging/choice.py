"""Which of the judged answers are given, and which may be rivals of the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qa.asking.asked import Asked
from qa.judging.candidates import Candidate
from qa.judging.enumeration import items
from qa.judging.judge import Judged
from qa.judging.rivals import is_similar
from qa.types import MAX_ANSWERS, Reason

# Among how many answers rivals are looked for: each is cited first.
MAX_CONTENDERS = 8


def given_answers(asked: Asked, judged: Sequence[Judged]) -> Sequence[Judged]:
    """Of the answers judged, best first, as many as were asked for. A question for a list, of which not one answer
    alone is wanted, gets the items of enumerations one by one, in the order of the text."""
    wanted = asked.question.answers
    if not asked.wants_list:
        return judged[: wanted or 1]
    separate: list[Judged] = []
    known: set[str] = set()
    for entry in judged:
        best = entry.candidate.best
        for start, end in items(best.text):
            text = best.text[start:end]
            if text.casefold() in known:
                continue
            known.add(text.casefold())
            whole = (start, end) == (0, len(best.text))
            place = replace(best, start=best.start + start, end=best.start + end, text=text)
            # Other places say the whole of it, not this item.
            others = entry.candidate.others if whole else ()
            separate.append(replace(entry, candidate=Candidate(place, others)))
    return separate[: wanted or MAX_ANSWERS]


def contenders(asked: Asked, sure: Sequence[Judged]) -> Sequence[Judged]:
    """The answers among which rivals may be, best first: none where one answer does not exclude another."""
    if asked.form != "span":
        return []
    similar = [entry for entry in sure if is_similar(entry.confidence, sure[0].confidence)]
    return similar[:MAX_CONTENDERS] if len(similar) > 1 else []


def why_withheld(judged: Sequence[Judged]) -> Reason:
    """Why none of the answers judged is sure enough to be given."""
    # The best span against the null of its own window tells whether the reader found nothing, or was not sure.
    is_above_null = any(entry.candidate.best.margin > 0 for entry in judged)
    return "below_threshold" if is_above_null else "not_in_passages"
