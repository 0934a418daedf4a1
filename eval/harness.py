"""Asks every gold question and judges what comes back; a question that fails is wrong, never left out."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eval.corpus import context_uri
from eval.gold import GoldQuestion
from eval.measures import RIGHT_F1, QuestionResult, Summary, summarize
from eval.squad import exact_match, f1
from index.documents import text_sha256
from index.errors import InputError, SpanqaError
from qa.types import MAX_PASSAGES, Answer, Provenance, Question, Response

RUN_VERSION = "1"


class Asker(Protocol):
    """Anything that answers questions: the engine, an HTTP client, a peer system behind an adapter."""

    def ask(self, question: Question) -> Response:
        """The answer or the abstention; with `question.candidates` the best spans also when abstaining."""
        ...


class Retrieves(Protocol):
    """A retriever that can be judged against known places."""

    def gold_rank(self, gold: GoldQuestion, k: int) -> int | None:
        """The rank, from 1, of the first of k passages that overlaps a gold span in the gold document, or None."""
        ...


class SourceTexts(Protocol):
    """Where citations are checked: the documents' texts, independent of what the answer claims."""

    def text(self, document_id: str) -> str | None:
        """The document's whole text, None when there is no such document."""
        ...


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class RunSettings(_Frozen):
    """How the questions were asked: `threshold` None left it to the system's calibrated default."""

    passages: int = Field(ge=1, le=MAX_PASSAGES)
    threshold: float | None = Field(default=None, ge=0, le=1)
    gold: str | None = None


class Run(_Frozen):
    """An evaluation: what was asked of what, what came out, question by question.

    `provenance` holds every distinct origin that the answers named: more than one tells that the store or a model
    changed while the run went on. `started_at` is UTC, ISO 8601.
    """

    run_version: str = RUN_VERSION
    started_at: str
    settings: RunSettings
    provenance: tuple[Provenance, ...]
    summary: Summary
    results: tuple[QuestionResult, ...]

    def write(self, path: str | Path) -> None:
        """Writes the run as UTF-8 JSON, whole or not at all; raises InputError where it cannot be written."""
        target = Path(path)
        # A lone surrogate, which UTF-8 cannot hold, becomes a \uXXXX escape: in a JSON string that is the same text.
        content = json.dumps(self.model_dump(), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
        data = content.encode("utf-8", "backslashreplace")
        try:
            beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
            try:
                with beside.open("xb") as stream:
                    stream.write(data)
                    stream.flush()
                    os.fsync(stream.fileno())
                os.replace(beside, target)
            finally:
                beside.unlink(missing_ok=True)
        except (OSError, ValueError) as error:
            raise InputError(f"{target}: cannot be written: {getattr(error, 'strerror', None) or error}") from error

    @classmethod
    def read(cls, path: str | Path) -> Run:
        """A run from its file; raises InputError for one that cannot be read, is none, or names no sources."""
        file = Path(path)
        try:
            run = cls.model_validate_json(file.read_bytes())
        except OSError as error:
            raise InputError(f"{file}: cannot be read: {error.strerror or error}") from error
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            raise InputError(
                f"{file}: is no run of this version: {field}: {first['msg']}; run qa eval again"
            ) from error
        # Taken for questions that have none, those of one paragraph would count as independent.
        if any("source" not in result.model_fields_set for result in run.results):
            raise InputError(f"{file}: was written before runs named the source of a question; run qa eval again")
        return run


def evaluate(
    gold: Sequence[GoldQuestion],
    asker: Asker,
    *,
    passages: int = 20,
    threshold: float | None = None,
    retrieval: Retrieves | None = None,
    sources: SourceTexts | None = None,
    gold_name: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Run:
    """Asks every question once, in order, and judges the outcome.

    `passages` are read for each question and are the depth of the ranks; `threshold` None takes the system's own.
    Without `retrieval` no rank, without `sources` no citation is judged. `gold_name` is recorded. `progress` is called
    with (done, total) after each question.

    A SpanqaError from any of the three becomes the question's `error`, and the question counts as wrong; any other
    exception is a defect and ends the run. Raises InputError for settings that no question may have.
    """
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        settings = RunSettings(passages=passages, threshold=threshold, gold=gold_name)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{first['loc'][0]}: {first['msg']}") from error
    results: list[QuestionResult] = []
    origins: list[Provenance] = []
    for number, question in enumerate(gold, 1):
        result, origin = _judge(question, asker, settings, retrieval, sources)
        results.append(result)
        if origin is not None and origin not in origins:
            origins.append(origin)
        if progress is not None:
            progress(number, len(gold))
    return Run(
        started_at=started_at,
        settings=settings,
        provenance=tuple(origins),
        summary=summarize(results, depth=settings.passages),
        results=tuple(results),
    )


def _judge(
    gold: GoldQuestion,
    asker: Asker,
    settings: RunSettings,
    retrieval: Retrieves | None,
    sources: SourceTexts | None,
) -> tuple[QuestionResult, Provenance | None]:
    golds = tuple(answer.text for answer in gold.answers)
    judged = retrieval is not None and gold.located
    asked = Question(question=gold.question, passages=settings.passages, threshold=settings.threshold, candidates=True)
    response: Response | None = None
    try:
        response = asker.ask(asked)
        # With candidates an abstention may carry spans too: only the status tells whether an answer was given.
        answered = response.status == "answered"
        if answered and not response.answers:
            raise InputError("the status is answered, but there is no answer")
        rank = retrieval.gold_rank(gold, settings.passages) if retrieval is not None and judged else None
        valid = all(citation_holds(answer, sources) for answer in response.answers) if answered and sources else None
    except SpanqaError as error:
        return QuestionResult(
            id=gold.id,
            question=gold.question,
            source=_source(gold),
            kind=gold.kind,
            answerable=gold.answerable,
            golds=golds,
            status="failed",
            retrieval_judged=judged,
            error=_printable(error),
        ), response.provenance if response is not None else None
    best = response.answers[0] if response.answers else None
    forced = best.text if best is not None else ""
    predicted = forced if answered else ""
    score = f1(predicted, golds)
    return QuestionResult(
        id=gold.id,
        question=gold.question,
        source=_source(gold),
        kind=gold.kind,
        answerable=gold.answerable,
        golds=golds,
        status=response.status,
        reason=response.reason,
        predicted=predicted,
        best=best.text if best is not None else None,
        confidence=best.confidence if best is not None else None,
        threshold=response.threshold,
        em=exact_match(predicted, golds),
        f1=score,
        # SQuAD takes an answer without words ("the") for an abstention; whoever was shown it would not.
        right=score >= RIGHT_F1 and answered == gold.answerable,
        forced_em=exact_match(forced, golds),
        forced_f1=f1(forced, golds),
        retrieval_judged=judged,
        rank=rank,
        citation_valid=valid,
        # As the answer states it: an asker may work in batches, of which a clock here would see only the first.
        elapsed_ms=response.elapsed_ms.total,
    ), response.provenance


def _source(gold: GoldQuestion) -> str | None:
    return gold.document or (context_uri(gold.context) if gold.context else None)


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
