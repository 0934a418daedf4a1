"""Reading alone: each question with its own paragraph given, scored as SQuAD 2.0 scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from eval.gold.corpus import context_uri
from eval.gold.excerpts import excerpts
from eval.gold.questions import GoldQuestion
from eval.measures.measure import Measure
from eval.measures.names import parse_measure
from eval.measures.squad import best_threshold, f1
from eval.results import Cause, GoldPlace, PassageRead, QuestionResult
from eval.runs.harness import cited, score
from eval.runs.journal import ReadEntry, ReadingJournal
from eval.runs.run import About, Run, RunSettings
from index.documents import Document
from index.errors import InputError
from qa.citing.cite import cite
from qa.reading.reader import Reader

BATCH = 64
# The margin of a question in whose paragraph no span was found: below whatever a reader says.
NO_SPAN = -100.0
MEASURES = ("EM", "F1", "HasAnsEM", "HasAnsF1", "NoAnsF1", "ForcedEM", "ForcedF1", "Coverage", "Risk")


@dataclass(frozen=True, slots=True)
class Reading:
    """The best span `[start, end)` of a question in its paragraph, its margin over null in logits, and its F1."""

    gold: GoldQuestion
    start: int
    end: int
    margin: float
    f1: float

    @property
    def text(self) -> str:
        return (self.gold.context or "")[self.start : self.end]


def read_paragraphs(
    gold: Sequence[GoldQuestion],
    reader: Reader,
    progress: Callable[[int, int], None] | None = None,
    *,
    journal: ReadingJournal | None = None,
    after: int = 0,
) -> list[Reading]:
    """Read every question's own paragraph. Questions without a paragraph have no span and count as such.

    What `journal` has from its entry number `after` on is not read again, and every batch is added to it. Raises
    InputError for a journal of other questions.
    """
    readings = _read_before(gold, journal, after) if journal is not None else []
    known = len(readings)
    if known < len(gold):
        # Batches are cut at fixed places, so that what is left is read just as it would have been.
        del readings[known // BATCH * BATCH :]
    for begin in range(len(readings), len(gold), BATCH):
        batch = gold[begin : begin + BATCH]
        headings = [[_heading(q)] for q in batch]
        spans_by_passage = reader.read([q.question for q in batch], [[q.context or ""] for q in batch], headings)
        for question, spans in zip(batch, spans_by_passage, strict=True):
            best = spans[0][0] if spans[0] else None
            start, end, margin = (best.start, best.end, best.margin) if best else (0, 0, NO_SPAN)
            text = (question.context or "")[start:end]
            scored = f1(text, [answer.text for answer in question.answers])
            readings.append(Reading(question, start, end, margin, scored))
        if journal is not None:
            for reading in readings[max(begin, known) :]:
                start, end, margin, scored = reading.start, reading.end, reading.margin, reading.f1
                journal.keep(ReadEntry(id=reading.gold.id, start=start, end=end, margin=margin, f1=scored))
        if progress:
            progress(len(readings), len(gold))
    return readings


def _heading(question: GoldQuestion) -> str:
    """The title of a paragraph's article, as indexing would know it: SQuAD writes its spaces as underscores."""
    return question.title.replace("_", " ")


def _read_before(gold: Sequence[GoldQuestion], journal: ReadingJournal, after: int) -> list[Reading]:
    readings = []
    for number, (question, entry) in enumerate(zip(gold, journal.done[after:], strict=False), start=after):
        if entry.id != question.id:
            raise InputError(f"{journal.path}: line {number + 2}: holds another question than {question.id!r}")
        readings.append(Reading(question, entry.start, entry.end, entry.margin, entry.f1))
    return readings


def choose_threshold(readings: Sequence[Reading]) -> float:
    """The margin that gives the best F1 over all of these questions (the official script's search)."""
    best = best_threshold(
        [reading.f1 for reading in readings],
        [-reading.margin for reading in readings],
        [reading.gold.answerable for reading in readings],
        [bool(reading.text) for reading in readings],
    )
    # Adding 0 makes -0.0, a negated zero, a plain one.
    return -best.threshold + 0.0


def reading_run(
    readings: Sequence[Reading],
    threshold: float,
    chosen_on: str | None = None,
    *,
    about: About | None = None,
    measures: Sequence[Measure] | None = None,
) -> Run:
    """The run of these readings, answered where the margin is at least `threshold`. `chosen_on` names the articles that
    it was chosen on; None says that it was chosen on these very questions."""
    balance = choose_threshold(readings) if readings else threshold
    return Run.of(
        [_result(reading, threshold, balance) for reading in readings],
        settings=RunSettings(passages=1, own_paragraph=True, null_threshold=threshold, chosen_on=chosen_on),
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        about=about,
        measures=[parse_measure(name) for name in MEASURES] if measures is None else measures,
    )


def _result(reading: Reading, threshold: float, balance: float) -> QuestionResult:
    gold = reading.gold
    context = gold.context or ""
    result = score(gold, reading.text, bool(reading.text) and reading.margin >= threshold)
    uri = context_uri(context)
    spans = [(a.start, a.end) for a in gold.answers if a.start is not None and a.end is not None]
    document = Document(uri=uri, title=gold.title, text=context)
    citation = cite(document, reading.start, reading.end, around=(0, len(context))) if reading.text else None
    place = GoldPlace(document=document.id, uri=uri, spans=tuple(dict.fromkeys(spans)))
    where = cited(citation) if citation else None
    paragraph = (0, len(context))
    return result.model_copy(
        update={
            "cause": None if result.right else _cause(reading, result, balance),
            "place": place,
            "cited": where,
            "excerpts": excerpts(
                place.model_copy(update={"passages": (paragraph,)}),
                [PassageRead(document.id, *paragraph, 0.0)],
                where,
                lambda _: context,
            ),
        }
    )


def _cause(reading: Reading, result: QuestionResult, balance: float) -> Cause:
    """As eval.runs.attribution has it, where nothing comes before reading. There is no confidence here: a span was
    doubted where its margin is below `balance`, the threshold that is best for these questions."""
    doubted = result.forced_right if reading.gold.answerable else reading.margin < balance
    return "threshold" if doubted else "reading"
