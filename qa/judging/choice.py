"""What is made of the judged answers: those that are given, those that are only candidates, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from qa.asking.asked import Asked
from qa.asking.span_question import HINTS
from qa.judging.also_found import is_worth_stating
from qa.judging.candidates import Candidate
from qa.judging.enumeration import items
from qa.judging.judge import Judged
from qa.types import MAX_ANSWERS, POSSIBLE, Reason, Status

# How many candidates are shown unasked, and how many to who asks for them without saying how many.
MAX_CANDIDATES, REQUESTED_CANDIDATES = 3, 5
# Among how many answers others that contradict the first are looked for: each is cited first.
MAX_CONTENDERS = 12


@dataclass(frozen=True, slots=True)
class Choice:
    """The outcome of a question, and of which judged answers it consists. `contenders`, best first, may contradict the
    first one, which is among them."""

    status: Status
    reason: Reason | None
    hint: str | None = None
    answers: Sequence[Judged] = ()
    candidates: Sequence[Judged] = ()
    contenders: Sequence[Judged] = ()

    @property
    def cited(self) -> list[Judged]:
        return [*self.answers, *self.candidates, *self.contenders]


def choose(asked: Asked, judged: Sequence[Judged], threshold: float, nothing_read: Reason | None = None) -> Choice:
    """What to say, given the answers judged, best first; `nothing_read` is why no passage was read.

    Only confidences decide: where the margins of a reader have their zero differs from reader to reader.
    """
    question = asked.question
    sure = [] if asked.beyond_spans else [entry for entry in judged if entry.confidence >= threshold]
    wanted = (question.answers or REQUESTED_CANDIDATES) if question.candidates else 0
    if sure:
        answers = given_answers(asked, sure)
        behind = [entry for entry in judged if not _is_given(entry, answers)][:wanted]
        return Choice("answered", None, None, answers, behind, contenders(asked, judged))
    possible = [entry for entry in judged if entry.confidence >= POSSIBLE]
    doubt: Reason = "below_threshold" if possible else "not_in_passages"
    reason = nothing_read or ("not_a_span_question" if asked.beyond_spans else doubt)
    return Choice(
        status="unsure" if possible else "not_found",
        reason=reason,
        hint=HINTS[asked.beyond_spans] if asked.beyond_spans and not nothing_read else None,
        candidates=judged[:wanted] if question.candidates else possible[:MAX_CANDIDATES],
    )


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


def contenders(asked: Asked, judged: Sequence[Judged]) -> Sequence[Judged]:
    """The answers among which some may contradict the first, best first: none where one does not exclude another."""
    if asked.form != "span":
        return []
    near = [entry for entry in judged if is_worth_stating(entry.confidence, judged[0].confidence)]
    return near[:MAX_CONTENDERS] if len(near) > 1 else []


def _is_given(entry: Judged, answers: Sequence[Judged]) -> bool:
    """Whether an answer, or an item of it, is among those that are given."""
    place = entry.candidate.best
    return any(
        place.text.casefold() == given.text.casefold()
        or (place.document_id == given.document_id and place.start < given.end and given.start < place.end)
        for given in (answer.candidate.best for answer in answers)
    )
