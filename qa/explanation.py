"""Why a question came out as it did: what a response says of it where that was asked for.

Numbers are rounded to four decimals, as confidences are; the model's own and fused scores are as they are.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ThresholdSource = Literal["question", "promise", "calibration"]
ChangeKind = Literal["threshold", "runner_up", "feature", "question", "reading", "documents"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ExplainedDocument(_Frozen):
    """The document of a passage; `sha256` is the hash of its text, the version that was read."""

    id: str
    uri: str
    title: str
    sha256: str


class ReadSpan(_Frozen):
    """The span that the reader likes best in a passage: code points `[start, end)` of the document, and their text.

    `margin` is its score above that of "no answer" in the same window, in logits: below 0 the reader prefers none.
    """

    text: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    margin: float


class ExplainedPassage(_Frozen):
    """A passage `[start, end)` in code points of its document that was retrieved, and what was found in it.

    `dense_*` are of the search by meaning (inner product), `lexical_*` of the search by words (BM25): rank from 1 and
    that list's own score, null where the passage is not in the list. `lexical_score` is null also for whoever may see
    only some collections. `fused_score` orders the passages; `similarity` is the inner product in either case.
    `read` is null where the reader proposed no span.
    """

    document: ExplainedDocument
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    dense_rank: int | None = Field(ge=1)
    dense_score: float | None
    lexical_rank: int | None = Field(ge=1)
    lexical_score: float | None
    fused_score: float
    similarity: float
    read: ReadSpan | None


class ExplainedFeature(_Frozen):
    """One thing that counts for a confidence: `contribution` = `weight` * (`value` - `mean`) / `scale`, in logits.

    `mean` and `scale` are the average and the standard deviation of the candidates that the calibration was fitted on.
    """

    name: str
    value: float
    mean: float
    scale: float = Field(gt=0)
    weight: float
    contribution: float


class ExplainedCandidate(_Frozen):
    """A span that was judged: code points `[start, end)` of a document, and their text.

    `margin` is the reader's, in logits above "no answer"; `score` adds what retrieval says, and ranks the candidates
    before they are judged. The contributions of the features and the explanation's `bias` sum up to the logit of
    `confidence`, the logarithm of its odds.
    """

    text: str
    document_id: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    margin: float
    score: float
    confidence: float = Field(ge=0, le=1)
    features: tuple[ExplainedFeature, ...]


class Change(_Frozen):
    """What would have changed the outcome, or would not have: a sentence, computed from this very answer.

    `feature` is the one that it speaks of, null where it speaks of none or of all.
    """

    kind: ChangeKind
    statement: str
    feature: str | None = None


class Explanation(_Frozen):
    """How a response came about: every passage that was retrieved, in order; the candidates, best first; and what would
    have changed the outcome.

    `threshold` was the question's own, or promised, or the calibration's default. `bias` is the part of every
    confidence that no feature decides, in logits; `meanings` says what each feature measures.
    """

    passages: tuple[ExplainedPassage, ...]
    candidates: tuple[ExplainedCandidate, ...]
    bias: float
    meanings: dict[str, str]
    threshold: float
    threshold_from: ThresholdSource
    would_change: tuple[Change, ...]

    def without_word_scores(self) -> Explanation:
        """As it is for whoever may see only some collections: the word search counts how common words are in the whole
        store, and so speaks of all documents."""
        passages = tuple(passage.model_copy(update={"lexical_score": None}) for passage in self.passages)
        return self.model_copy(update={"passages": passages})
