"""Asks every gold question and judges what comes back; a question that fails is wrong, never left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from pydantic import ValidationError

from eval.gold.excerpts import excerpts
from eval.gold.places import source_of
from eval.gold.questions import GoldQuestion
from eval.measures.basic import first_overlap, overlaps
from eval.measures.measure import Measure
from eval.measures.squad import exact_match, f1
from eval.results import RIGHT_F1, Cause, Cited, GoldPlace, PassageRead, QuestionResult
from eval.runs.journal import Journal
from eval.runs.run import About, Run, RunSettings
from index.documents import text_sha256
from index.errors import InputError, SpanqaError
from qa.types import Answer, Citation, Provenance, Question, Response


class Asker(Protocol):
    """Anything that answers questions: the engine, an HTTP client, a peer system behind an adapter."""

    def ask(self, question: Question) -> Response:
        """The answers or none; with `question.candidates` the best spans as candidates also where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Inspected:
    """Where the answer of a gold question stands, None where that is not in the store, and what was read for it."""

    place: GoldPlace | None
    passages: Sequence[PassageRead]


class Inside(Protocol):
    """A system that can be looked into: what it read for the question just asked, and why it went wrong."""

    def inspect(self, gold: GoldQuestion) -> Inspected: ...

    def cause(self, gold: GoldQuestion, question: Question) -> Cause:
        """The cause of a wrong outcome (eval.runs.attribution)."""
        ...


class SourceTexts(Protocol):
    """Where citations are checked: the documents' texts, independent of what the answer claims."""

    def text(self, document_id: str) -> str | None:
        """The document's whole text, None when there is no such document."""
        ...


def run_settings(passages: int, threshold: float | None) -> RunSettings:
    """Settings that a question may have; raises InputError for others."""
    try:
        return RunSettings(passages=passages, threshold=threshold)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{first['loc'][0]}: {first['msg']}") from error


def evaluate(
    gold: Sequence[GoldQuestion],
    asker: Asker,
    *,
    passages: int = 20,
    threshold: float | None = None,
    inside: Inside | None = None,
    sources: SourceTexts | None = None,
    about: About | None = None,
    measures: Sequence[Measure] | None = None,
    journal: Journal | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Run:
    """Asks every question once, in order, and judges the outcome.

    `passages` are read for each question; `threshold` None takes the system's own. Without `inside` neither retrieval
    nor causes are known, without `sources` no citation is judged and no excerpt kept. `about` is recorded;
    `measures` None takes the default ones. What `journal` has already is not asked again, and every result is added to
    it. `progress` is called with (done, total) after each question.

    A SpanqaError from any of the three becomes the question's `error`, and the question counts as wrong; any other
    exception is a defect and ends the run. Raises InputError for settings that no question may have, and for a journal
    of other questions.
    """
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    settings = run_settings(passages, threshold)
    results: list[QuestionResult] = []
    origins: list[Provenance] = []
    done = journal.done if journal is not None else []
    for number, question in enumerate(gold):
        if journal is not None and number < len(done):
            result, origin = done[number].result, done[number].origin
            if result.id != question.id:
                raise InputError(f"{journal.path}: line {number + 2}: holds another question than {question.id!r}")
        else:
            result, origin = _judge(question, asker, settings, inside, sources)
            if journal is not None:
                journal.add(result, origin)
        results.append(result)
        if origin is not None and origin not in origins:
            origins.append(origin)
        if progress is not None:
            progress(number + 1, len(gold))
    return Run.of(results, settings=settings, started_at=started_at, about=about, provenance=origins, measures=measures)


def _judge(
    gold: GoldQuestion,
    asker: Asker,
    settings: RunSettings,
    inside: Inside | None,
    sources: SourceTexts | None,
) -> tuple[QuestionResult, Provenance | None]:
    asked = Question(
        question=gold.question, answers=1, passages=settings.passages, threshold=settings.threshold, candidates=True
    )
    response: Response | None = None
    try:
        response = asker.ask(asked)
        if response.status == "answered" and not response.answers:
            raise InputError("the status is answered, but there is no answer")
        result = _judged(gold, response, inside, sources)
        if not result.right:
            cause = inside.cause(gold, asked) if inside is not None else "unknown"
            result = result.model_copy(update={"cause": cause})
    except SpanqaError as error:
        return QuestionResult(
            id=gold.id,
            question=gold.question,
            kind=gold.kind,
            source=source_of(gold),
            answerable=gold.answerable,
            golds=tuple(answer.text for answer in gold.answers),
            status="failed",
            cause="failed",
            retrieval_judged=inside is not None and gold.located,
            citation_valid=None if sources is None else False,
            citation_precise=False if inside is not None and (gold.located or not gold.answerable) else None,
            error=_printable(error),
        ), response.provenance if response is not None else None
    return result, response.provenance


def _judged(
    gold: GoldQuestion, response: Response, inside: Inside | None, sources: SourceTexts | None
) -> QuestionResult:
    answered = response.status == "answered"
    best = response.best
    seen = inside.inspect(gold) if inside is not None else None
    place = seen.place if seen is not None else None
    passages = tuple(seen.passages) if seen is not None else ()
    judged = seen is not None and gold.located
    ranked = [(passage.document, passage.start, passage.end) for passage in passages]
    valid = precise = None
    if answered and best is not None:
        valid = all(citation_holds(answer, sources) for answer in response.answers) if sources is not None else None
        if judged or (seen is not None and not gold.answerable):
            precise = citation_contains(best.citation, place)
    scored = score(gold, best.text if best is not None else "", answered)
    where = cited(best.citation) if best is not None else None
    return scored.model_copy(
        update={
            "status": response.status,
            "reason": response.reason,
            "best": best.text if best is not None else None,
            "confidence": best.confidence if best is not None else None,
            "threshold": response.threshold,
            "place": place,
            "cited": where,
            "citation_valid": valid,
            "citation_precise": precise,
            "retrieval_judged": judged,
            "rank": first_overlap(ranked, place.document, place.spans) if judged and place is not None else None,
            "passages": passages,
            "excerpts": excerpts(place, passages, where, sources.text) if sources is not None else (),
            # As the answer states it: an asker may work in batches, of which a clock here would see only the first.
            "elapsed_ms": response.elapsed_ms.total,
        }
    )


def score(gold: GoldQuestion, best: str, answered: bool) -> QuestionResult:
    """The scores of a question whose best span is `best`, "" when there is none, and that was answered or not."""
    golds = tuple(answer.text for answer in gold.answers)
    predicted = best if answered else ""
    value = f1(predicted, golds)
    return QuestionResult(
        id=gold.id,
        question=gold.question,
        kind=gold.kind,
        source=source_of(gold),
        answerable=gold.answerable,
        golds=golds,
        status="answered" if answered else "not_found",
        predicted=predicted,
        best=best or None,
        em=exact_match(predicted, golds),
        f1=value,
        # SQuAD takes an answer without words ("the") for an abstention; whoever was shown it would not.
        right=value >= RIGHT_F1 and answered == gold.answerable,
        forced_em=exact_match(best, golds),
        forced_f1=f1(best, golds),
    )


def cited(citation: Citation) -> Cited:
    """What a run file keeps of a citation."""
    return Cited(
        document=citation.document.id,
        uri=citation.document.uri,
        start=citation.start,
        end=citation.end,
        sentence_start=citation.sentence.start,
        sentence_end=citation.sentence.end,
        sentence=citation.sentence.text,
    )


def citation_contains(citation: Citation, place: GoldPlace | None) -> bool:
    """Whether the cited sentence contains an answer to the question: it overlaps a gold span in the gold document.

    Never for a question without an answer. The same words elsewhere do not count: whether they say the same is not
    known.
    """
    return (
        place is not None
        and citation.document.id == place.document
        and overlaps(citation.sentence.start, citation.sentence.end, place.spans)
    )


def citation_holds(answer: Answer, sources: SourceTexts) -> bool:
    """Whether an answer is the quote it cites, and every place that it names, supporting ones too, says just that.

    A place holds when its document is there, has the hash cited, and `text[start:end] == quote`.
    """
    if answer.text != answer.citation.quote:
        return False
    for citation in (answer.citation, *answer.supporting):
        text = sources.text(citation.document.id)
        if text is None or text_sha256(text) != citation.document.sha256:
            return False
        # Bounds first: a negative offset would count from the end.
        if not 0 <= citation.start < citation.end <= len(text) or text[citation.start : citation.end] != citation.quote:
            return False
    return True


def _printable(error: SpanqaError) -> str:
    # A file name that is not UTF-8 reaches messages as lone surrogates, which JSON cannot hold.
    return str(error).encode("utf-8", "backslashreplace").decode("utf-8") or type(error).__name__
