"""One question after it was asked: what came back, how it was judged, and where everything stands."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, Field

from qa.types import Reason, Status

RIGHT_F1 = 0.8
"""The least best F1 at which an answer is right (the contract's definition)."""

Share = Annotated[float, Field(ge=0, le=1)]
Span = tuple[int, int]

Cause = Literal[
    "not in corpus", "passage cutting", "retrieval", "reading", "duplicate merge", "threshold", "failed", "unknown"
]
CAUSES: tuple[Cause, ...] = get_args(Cause)
"""In the order of the stages: eval.runs.attribution defines each."""


class Frozen(BaseModel):
    """What is written to a run file and never changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class PassageRead(NamedTuple):
    """A passage that was read: `[start, end)` of the document with this id, in code points, and its fused score."""

    document: str
    start: int
    end: int
    score: float


class Excerpt(NamedTuple):
    """A stretch `[start, end)` of the document with this id, in code points, and its text."""

    document: str
    start: int
    end: int
    text: str


class GoldPlace(Frozen):
    """Where the answers of a gold question stand in the store: `[start, end)` in code points of the document.

    `spans` are the answers, none for an unanswerable question; `passages` the stored passages that overlap one.
    """

    document: str
    uri: str
    spans: tuple[Span, ...] = ()
    passages: tuple[Span, ...] = ()


class Cited(Frozen):
    """Where the best span stands, and the sentence around it."""

    document: str
    uri: str
    start: int
    end: int
    sentence_start: int
    sentence_end: int
    sentence: str


class QuestionResult(Frozen):
    """One question, what came back and how it was judged.

    `source` is the document or paragraph that the gold question belongs to, as the gold file has it; `place` where it
    is in the store. `status` is that of the answer, or `failed`. `predicted` is the given answer, "" when none was
    given; `best` the best span whatever was decided (of a question without an answer the first candidate), None when
    the system named none, with its `confidence` and where it is `cited`. `em` and `f1` score `predicted`, `forced_em`
    and `forced_f1` score `best` (SQuAD 2.0, 0..1); all four are 0 for a failed question. `right` asks besides that the
    decision to answer or not was right, and `cause` says why it was not.

    `retrieval_judged`: the place of an answer is known and the passages were looked at; `rank` counts from 1, None when
    not retrieved. `passages` were read, best first; `excerpts` are the texts around a gold span and the cited one, for
    people to look at. `citation_valid`: every citation of the answer holds; `citation_precise`: the cited sentence
    overlaps a gold span. Both are None when no answer was given or nothing is known to check against, and False for a
    failed question: it cited nothing.

    `elapsed_ms` is the time that the answer states, in a batch its even share; 0 for a question that failed. In a run
    file it stands apart, with the other times.
    """

    id: str
    question: str
    kind: str | None = None
    source: str | None = None
    answerable: bool
    golds: tuple[str, ...]
    status: Status | Literal["failed"]
    reason: Reason | None = None
    predicted: str = ""
    best: str | None = None
    confidence: Share | None = None
    threshold: Share | None = None
    em: Share = 0.0
    f1: Share = 0.0
    right: bool = False
    cause: Cause | None = None
    forced_em: Share = 0.0
    forced_f1: Share = 0.0
    place: GoldPlace | None = None
    cited: Cited | None = None
    citation_valid: bool | None = None
    citation_precise: bool | None = None
    retrieval_judged: bool = False
    rank: int | None = Field(default=None, ge=1)
    passages: tuple[PassageRead, ...] = ()
    excerpts: tuple[Excerpt, ...] = ()
    error: str | None = None
    elapsed_ms: float = Field(default=0.0, ge=0)

    @property
    def declined(self) -> bool:
        """Whether no answer was given, unsure or not found; a failed question is neither."""
        return self.status in ("unsure", "not_found")

    @property
    def forced_right(self) -> bool:
        """Whether the best span is right, whatever was decided: what `confidence` is the probability of."""
        return self.answerable and self.forced_f1 >= RIGHT_F1

    @property
    def forced_place(self) -> bool:
        """Whether the sentence around the best span, whatever was decided, overlaps a gold span in the gold document:
        the right place, though the words may be cut otherwise."""
        place, cited = self.place, self.cited
        return (
            place is not None
            and cited is not None
            and cited.document == place.document
            and any(cited.sentence_start < end and start < cited.sentence_end for start, end in place.spans)
        )
