"""Questions, answers and citations: the contract of every door."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from index.documents import first_day
from index.selection import Selection
from qa.explanation import Explanation

SCHEMA_VERSION = "2"
MAX_QUESTION_LENGTH = 2_000
MAX_ANSWERS = 20
MAX_PASSAGES = 200

# A candidate below it is no more likely than a span taken at random: nothing is unsure that rests on such.
POSSIBLE = 0.05

Status = Literal["answered", "unsure", "not_found"]
Reason = Literal["empty_index", "nothing_retrieved", "not_in_passages", "below_threshold", "not_a_span_question"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _is_date(value: str) -> str:
    first_day(value)
    return value


def _has_words(value: str) -> str:
    if not value.strip():
        raise ValueError("the question is empty")
    if not any(char.isalnum() for char in value):
        raise ValueError("the question has no words")
    return value


def _whole(value: Any) -> Any:
    # JSON has one kind of number: 1.0 is the whole number 1.
    return int(value) if isinstance(value, float) and value.is_integer() else value


# Strict, because pydantic by itself takes true for 1 and "1" for 1, which JSON Schema does not.
# Limits stand before the validator: those behind it, pydantic may write into a JSON Schema as "ge" and "le".
_Number = BeforeValidator(_whole)
Whole = Annotated[int, Field(strict=True), _Number]
Positive = Annotated[int, Field(strict=True, ge=1), _Number]
AnswerCount = Annotated[int, Field(strict=True, ge=1, le=MAX_ANSWERS), _Number]
Share = Annotated[float, Field(strict=True, ge=0, le=1)]
Flag = Annotated[bool, Field(strict=True)]
QuestionText = Annotated[
    str,
    Field(
        max_length=MAX_QUESTION_LENGTH,
        description="The question, in the words of the user.",
        examples=["When do the Russia-China drills run?"],
        json_schema_extra={"pattern": r"\S"},
    ),
    AfterValidator(_has_words),
]
FilterDate = Annotated[
    str,
    Field(pattern=r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$", examples=["2026-08"]),
    AfterValidator(_is_date),
]
Name = Annotated[str, Field(max_length=200)]


class Filters(_Frozen):
    """Which documents may answer, be cited and support. An empty field does not restrict.

    A document must satisfy every field; of a field with several values, one of them. A document without a date
    satisfies no date.
    """

    document_ids: tuple[Name, ...] = Field(default=(), max_length=1_000, description="Any of these documents.")
    uri_prefix: str = Field(default="", max_length=2_000, description="Documents whose URI begins with this.")
    collections: tuple[Name, ...] = Field(default=(), max_length=100, description="Documents of any of these.")
    tags: tuple[Name, ...] = Field(default=(), max_length=100, description="Documents with any of these tags.")
    date_from: FilterDate | None = Field(
        default=None, description="A day, month or year: documents whose date may be in it, or later."
    )
    date_to: FilterDate | None = Field(
        default=None, description="A day, month or year: documents whose date may be in it, or earlier."
    )

    @model_validator(mode="after")
    def _dates_in_order(self) -> Filters:
        first, last = self.selection().first_day, self.selection().last_day
        if first is not None and last is not None and first > last:
            raise ValueError(f"date_from {self.date_from} is later than date_to {self.date_to}")
        return self

    def selection(self) -> Selection:
        """The filters as the catalogue takes them."""
        return Selection(
            document_ids=self.document_ids,
            uri_prefix=self.uri_prefix,
            collections=self.collections,
            tags=self.tags,
            date_from=self.date_from,
            date_to=self.date_to,
        )


class Question(_Frozen):
    """A question as a user asks it. `threshold` None takes the promised one, or else the calibrated default."""

    question: QuestionText
    answers: AnswerCount | None = Field(
        default=None,
        description="How many answers to return, at most; by default one, or every item where a list is asked for.",
    )
    passages: Whole = Field(default=20, ge=1, le=MAX_PASSAGES, description="How many passages to read.")
    filters: Filters = Field(default_factory=Filters)
    threshold: Share | None = Field(default=None, description="Confidence needed to answer.")
    candidates: Flag = Field(
        default=False,
        description="Return in `candidates` as many as `answers` asks for (5 by default), those under 5 % as well; for "
        "an answered question, what comes behind its answers.",
    )
    explain: Flag = Field(
        default=False, description="Say why it came out so: what was read, what counted, what would have changed it."
    )


class DocumentRef(_Frozen):
    """The cited document; `sha256` is the hash of its text, its version, `date` the one that it states itself."""

    id: str
    uri: str
    title: str
    sha256: str
    date: str | None = None


class SentenceRef(_Frozen):
    """The sentence or sentences around a span: code points `[start, end)` and their text."""

    start: Whole
    end: Whole
    text: str


class TextQuoteSelector(_Frozen):
    """W3C Web Annotation Data Model, section 4.2.4."""

    type: Literal["TextQuoteSelector"] = "TextQuoteSelector"
    exact: str
    prefix: str
    suffix: str


class TextPositionSelector(_Frozen):
    """W3C Web Annotation Data Model, section 4.2.5: code points `[start, end)`."""

    type: Literal["TextPositionSelector"] = "TextPositionSelector"
    start: Whole
    end: Whole


class Citation(_Frozen):
    """Where a quote stands: `text[start:end] == quote` in the document's text with that hash.

    `line` counts in the whole text, `page_line` on the page; `headings` is the path of titles that it stands under,
    null in a document without; `row` its row in a table, counted from 1 as in a spreadsheet.
    `occurrences` is how often the quote stands in that text, overlapping places not counted.
    """

    document: DocumentRef
    start: Whole
    end: Whole
    quote: str
    sentence: SentenceRef
    page: Whole | None = None
    page_line: Whole | None = None
    line: Positive
    headings: tuple[str, ...] | None = None
    row: Whole | None = None
    selector: tuple[TextQuoteSelector, TextPositionSelector]
    occurrences: Positive | None = None


class NormalizedDate(_Frozen):
    """A date or interval in ISO 8601; in EDTF (ISO 8601-2) where a part is open.

    So `2026-08-09/2026-08-14`, `2026-08`, `XXXX-08-09`, `1994/..`, `199X`, `1850~`; `[2026-05-06,2026-06-05]` is one of
    the two, where day and month may stand in either order. `document_date` is that of the document, where a year or a
    day was counted from it.
    """

    type: Literal["date"] = "date"
    value: str
    document_date: str | None = None


class NormalizedQuantity(_Frozen):
    """A number with its unit, by the CLDR's identifier (`kilometer`, `percent`): one value, or a range."""

    type: Literal["quantity"] = "quantity"
    value: int | float | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    unit: str
    approximate: bool = False


class NormalizedMoney(_Frozen):
    """An amount of money: one value, or a range. `currency` is its ISO 4217 code, null where only a symbol is there
    that several countries use (`$`)."""

    type: Literal["money"] = "money"
    value: int | float | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    currency: str | None
    symbol: str | None = None
    approximate: bool = False


Normalized = Annotated[NormalizedDate | NormalizedQuantity | NormalizedMoney, Field(discriminator="type")]


class Answer(_Frozen):
    """A span that answers.

    `confidence` is the calibrated probability that it is right; `normalized` says what its words come to, where they
    are a date, a quantity or money for sure.
    """

    text: str
    confidence: Share
    citation: Citation
    supporting: tuple[Citation, ...] = ()
    normalized: Normalized | None = None


class Elapsed(_Frozen):
    """Wall-clock milliseconds by stage, without waiting; of questions that were read together an even share.

    An answer that was kept has only a total: the time that it took to find it again.
    """

    embed: float
    retrieve: float
    read: float
    total: float


class ModelRef(_Frozen):
    """A model's name and the SHA-256 of its weights."""

    name: str
    sha256: str


class Provenance(_Frozen):
    """What made the answer, so that it can be made again.

    `store_generation` is null for whoever may see only some collections: it tells when others change theirs.
    """

    version: str
    store_generation: int | None
    embedder: ModelRef
    reader: ModelRef


class Promise(_Frozen):
    """That at most a share `risk` of the answers given is wrong, with confidence 1 - `delta` (see
    `qa.calibration.risk`).

    It was proved with gold questions, and speaks of questions like those: of the answers to them in the long run, and
    of as many answers as the gold questions had. With several answers to a question it speaks of the first. `coverage`
    is the share of the gold `questions` that is answered at `threshold`; it holds as well at every hundredth from there
    up to `strictest`, and when `passages` are read. `measured_at` is UTC, ISO 8601; `store_generation` tells whether
    documents have changed since.
    """

    risk: float = Field(gt=0, lt=1)
    delta: float = Field(gt=0, lt=0.5)
    threshold: float = Field(ge=0, le=1)
    strictest: float = Field(ge=0, le=1)
    coverage: float = Field(ge=0, le=1)
    questions: int = Field(ge=1)
    passages: int = Field(ge=1, le=MAX_PASSAGES)
    gold: str
    measured_at: str
    store_generation: int = Field(ge=0)

    def covers(self, question: Question, threshold: float) -> bool:
        """Whether it was proved for questions that are asked like this one, answered from `threshold` on."""
        # A threshold between two hundredths was not tested, and the share of wrong answers need not be monotone.
        tested = self.threshold <= threshold <= self.strictest and round(threshold, 2) == threshold
        return tested and question.passages == self.passages and question.filters == Filters()


class Response(_Frozen):
    """The answers to a question; or what may be one, where none is sure enough; or that none was found, and why.

    `answered`: the confidence of each of `answers` is at least `threshold`. `unsure`: none is, but the best of
    `candidates` has at least 5 %. `not_found`: nothing has in the passages that were read, which does not say that the
    documents do not hold it. `hint` says what to ask instead where no span can answer (`not_a_span_question`).

    `also_found` are answers of the same kind that contradict the first one, in this document or in others: which of
    them holds, the sources and their dates may tell. There are none for questions for a list, or for yes or no.
    `promise` is null where nothing was proved for answers at this `threshold` to questions that are asked like this.
    `explanation` says why it came out so, null where the question did not ask for it.
    """

    question: str
    status: Status
    reason: Reason | None
    hint: str | None = None
    answers: tuple[Answer, ...]
    candidates: tuple[Answer, ...] = ()
    also_found: tuple[Answer, ...] = ()
    threshold: float
    promise: Promise | None = None
    explanation: Explanation | None = None
    elapsed_ms: Elapsed
    schema_version: str = SCHEMA_VERSION
    provenance: Provenance

    @property
    def best(self) -> Answer | None:
        """The first answer, else the first candidate: the best span as far as it is shown, whatever was decided."""
        return next(iter(self.answers or self.candidates), None)
