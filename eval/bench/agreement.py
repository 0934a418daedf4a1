"""Whether two stores of the same documents give the same answers: one in a folder, say, and its copy in servers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from eval.gold.corpus import check_holds_paragraphs
from eval.gold.places import StorePlaces
from eval.gold.questions import GoldQuestion
from eval.results import Frozen
from eval.runs.asker import about_store
from eval.runs.run import GoldRef, Software, StoreRef, software
from index.errors import InputError
from qa.engine import Engine
from qa.retrieval.retriever import Retrieved
from qa.types import Question, Response

BATCH = 16
HIT_DEPTHS = (1, 5, 20)
# What must hold of the second store beside the first.
LEAST_SAME = 0.99
MOST_HIT_RATE_LOST = 0.005
MOST_SHOWN = 50


class Span(Frozen):
    """The best span of a response: its words, its document by id, and where it begins there. "" where there is none."""

    status: str
    text: str
    document: str
    start: int


class Difference(Frozen):
    """A question that the stores answer in different ways."""

    question: str
    first: Span
    second: Span


class Measured(Frozen):
    """One of the stores: what it holds, how often a gold passage was among the first 1, 5 and 20 that were read, and
    the median of the milliseconds that retrieval took."""

    location: str
    store: StoreRef
    hit_rate: dict[int, float]
    retrieve_ms: float


class Agreement(Frozen):
    """How far two stores agree. `same` counts questions with the same status and the same best span in the same place;
    hit rates are over `located` questions, whose answers stand in the store."""

    agreement_version: str = "1"
    software: Software
    gold: GoldRef
    questions: int
    located: int
    passages: int
    same: int
    same_status: int
    first: Measured
    second: Measured
    differing: tuple[Difference, ...]

    @property
    def same_share(self) -> float:
        """The share of questions that both answer alike."""
        return self.same / self.questions

    @property
    def largest_hit_rate_change(self) -> float:
        """The largest difference of the hit rates, at any depth, as a share."""
        return max(abs(self.first.hit_rate[depth] - self.second.hit_rate[depth]) for depth in HIT_DEPTHS)

    @property
    def holds(self) -> bool:
        """Whether the second store may take the place of the first."""
        return self.same_share >= LEAST_SAME and self.largest_hit_rate_change <= MOST_HIT_RATE_LOST


class _Side:
    """One store with what was found in it."""

    def __init__(self, engine: Engine, gold_file: Path) -> None:
        self.engine = engine
        self._places = StorePlaces(engine.store, gold_file)
        self._hits = dict.fromkeys(HIT_DEPTHS, 0)
        self._retrieve_ms: list[float] = []
        self.located = 0

    def ask(self, gold: Sequence[GoldQuestion], passages: int) -> list[Span]:
        """The best span of each question, forced."""
        asked = [Question(question=one.question, passages=passages, candidates=True) for one in gold]
        traces = self.engine.trace(asked)
        for question, trace in zip(gold, traces, strict=True):
            self._note(question, trace.retrieved)
        return [_best(trace.response) for trace in traces]

    def measured(self, ref: StoreRef) -> Measured:
        """What came of it."""
        return Measured(
            location=str(self.engine.store.location),
            store=ref,
            hit_rate={depth: hits / max(1, self.located) for depth, hits in self._hits.items()},
            retrieve_ms=round(median(self._retrieve_ms), 2),
        )

    def _note(self, gold: GoldQuestion, retrieved: Retrieved) -> None:
        self._retrieve_ms.append(retrieved.retrieve_ms)
        place = self._places.place(gold)
        if place is None or not place.passages:
            return
        self.located += 1
        wanted = {(place.document, *own) for own in place.passages}
        read = [(e.passage.document_id, e.passage.start, e.passage.end) for e in retrieved.passages]
        for depth in HIT_DEPTHS:
            self._hits[depth] += not wanted.isdisjoint(read[:depth])


def compare_stores(
    first: Engine,
    second: Engine,
    gold: Sequence[GoldQuestion],
    gold_file: Path,
    *,
    ref: GoldRef,
    passages: int = 20,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Agreement:
    """Ask both stores the same questions; raises InputError where they do not hold the same documents."""
    refs = about_store(first.store), about_store(second.store)
    if refs[0].sha256 != refs[1].sha256:
        raise InputError(
            f"{first.store.location} and {second.store.location} do not hold the same documents: copy one with "
            "qa migrate-store"
        )
    if not gold:
        raise InputError(f"{gold_file}: no question to ask")
    check_holds_paragraphs(first.store, gold)
    sides = _Side(first, gold_file), _Side(second, gold_file)
    same = same_status = 0
    differing: list[Difference] = []
    for begin in range(0, len(gold), BATCH):
        batch = gold[begin : begin + BATCH]
        spans = [side.ask(batch, passages) for side in sides]
        for question, one, other in zip(batch, *spans, strict=True):
            same += one == other
            same_status += one.status == other.status
            if one != other:
                differing.append(Difference(question=question.question, first=one, second=other))
        progress(min(begin + BATCH, len(gold)), len(gold))
    return Agreement(
        software=software(),
        gold=ref,
        questions=len(gold),
        located=sides[0].located,
        passages=passages,
        same=same,
        same_status=same_status,
        first=sides[0].measured(refs[0]),
        second=sides[1].measured(refs[1]),
        differing=tuple(differing[:MOST_SHOWN]),
    )


def _best(response: Response) -> Span:
    best = response.best
    if best is None:
        return Span(status=response.status, text="", document="", start=-1)
    return Span(status=response.status, text=best.text, document=best.citation.document.id, start=best.citation.start)
