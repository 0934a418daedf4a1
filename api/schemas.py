"""What the HTTP door takes and gives beside the contract's own types."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, field_validator

from api.problems import Problem
from index.documents import DocumentRecord, StatedDate
from qa.citing.verify import Verdict
from qa.types import MAX_ANSWERS, MAX_PASSAGES, Citation, DocumentRef, Filters, QuestionText, Whole

MAX_URI_LENGTH = 2_000
MAX_TITLE_LENGTH = 1_000
MAX_LISTED = 1_000
# In base64 a URI of the longest path that Linux has (4,096 bytes), each byte percent-encoded, and a collection.
MAX_CURSOR_LENGTH = 20_000
# Beyond what any store holds, within what SQLite counts.
MAX_OFFSET = 2**53
# More than all that one response can hold: its answers and the supporting places of each.
MAX_CITATIONS = MAX_ANSWERS * 12

TextMediaType = Literal["text/plain", "text/markdown"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SearchRequest(_Frozen):
    """What to search for, without reading it."""

    question: QuestionText
    passages: Whole = Field(default=20, ge=1, le=MAX_PASSAGES, description="How many passages to return, at most.")
    filters: Filters = Field(default_factory=Filters)


class ListPlace(_Frozen):
    """Where a passage stands in one ranked list: rank from 1, and that list's own score.

    The score of the word search is null for whoever may see only some collections: it speaks of all documents.
    """

    rank: int = Field(ge=1)
    score: float | None


class FoundPassage(_Frozen):
    """A passage `[start, end)` in code points of its document's text: `text[start:end]` there is `text` here.

    `score` is the fused one that orders the list; for whoever may see only some collections it is 1 / `rank`. `dense`
    (inner product) and `lexical` (BM25) are null where that search did not find the passage within its depth;
    `similarity` is the inner product in either case.
    """

    rank: int = Field(ge=1)
    document: DocumentRef
    start: int = Field(ge=0)
    end: int = Field(ge=1)
    text: str
    context: str = Field(description="The headings that the passage stands under.")
    score: float
    similarity: float
    dense: ListPlace | None
    lexical: ListPlace | None


class SearchTimes(_Frozen):
    """Wall-clock milliseconds by stage."""

    embed: float
    retrieve: float


class SearchResponse(_Frozen):
    """Passages, best first; `reason` says why there are none. `store_generation` is null for whoever may see only some
    collections."""

    question: str
    reason: Literal["empty_index", "nothing_retrieved"] | None
    passages: tuple[FoundPassage, ...]
    store_generation: int | None
    elapsed_ms: SearchTimes


def _usable_uri(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty")
    if any(unicodedata.category(character) == "Cc" for character in value):
        raise ValueError("holds control characters")
    return value


Uri = Annotated[
    str,
    Field(min_length=1, max_length=MAX_URI_LENGTH, examples=["https://example.org/drills.txt"]),
    AfterValidator(_usable_uri),
]
Title = Annotated[str, Field(min_length=1, max_length=MAX_TITLE_LENGTH, examples=["Military drills"])]


Collection = Annotated[
    str,
    Field(min_length=1, max_length=100, examples=["reports"], description="A set of documents that has this name."),
    AfterValidator(_usable_uri),
]
TagName = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_usable_uri)]


class Description(_Frozen):
    """What is known of documents beside their content. What is not given is what the content itself says."""

    collection: Collection | None = Field(
        default=None, description="Default: `default`, or the only one that the API key is for."
    )
    tags: tuple[TagName, ...] | None = Field(default=None, max_length=50)
    date: StatedDate | None = Field(
        default=None, max_length=40, examples=["2026-08"], description="ISO 8601; a year or a month will do."
    )
    author: Title | None = None
    language: str | None = Field(
        default=None, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$", max_length=35, description="A BCP 47 tag."
    )


class DocumentFields(Description):
    """What is known of one document beside its content."""

    title: Title | None = Field(
        default=None, description="Default: the content's own (a heading), or the URI's last part."
    )


class DocumentAddress(DocumentFields):
    """What names a document. The same `uri` again in the same collection replaces it."""

    uri: Uri


class DocumentQuery(DocumentFields):
    """As DocumentAddress, in the query of a request whose body is the content."""

    uri: Uri | None = Field(default=None, description="The document's URI; required, except for JSON.")


def _plain_digits(value: Any) -> Any:
    # A query holds strings, which Python's rules turn into numbers in more ways than the description allows.
    return int(value) if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,20}", value, re.ASCII) else value


QueryWhole = Annotated[Whole, BeforeValidator(_plain_digits)]


class ListQuery(Filters):
    """Which documents to list, and from where on."""

    limit: QueryWhole = Field(default=100, ge=1, le=MAX_LISTED, description="How many documents, at most.")
    cursor: str | None = Field(
        default=None,
        max_length=MAX_CURSOR_LENGTH,
        description="`next_cursor` of the page before; the filters stay the same.",
    )
    offset: QueryWhole = Field(
        default=0, ge=0, le=MAX_OFFSET, description="How many documents to skip; a cursor is faster, and exact."
    )


class DocumentUpload(DocumentAddress):
    """A document as JSON. Its text is stored exactly as given: offsets count its code points."""

    text: str = Field(examples=["The drills run from August 9 to 13 in Ningxia."])
    media_type: TextMediaType = "text/plain"

    @field_validator("text")
    @classmethod
    def _is_text(cls, value: str) -> str:
        if "\x00" in value:
            raise ValueError("holds NUL characters: binary data, not text")
        if not value.strip():
            raise ValueError("has no text")
        return value


class DocumentList(_Frozen):
    """A part of the documents, ordered by URI and collection; `total` counts all that the filters leave.

    `next_cursor` leads on to those that follow, and is null where there are none.
    """

    documents: tuple[DocumentRecord, ...]
    total: int = Field(ge=0)
    next_cursor: str | None = None


class FileResult(_Frozen):
    """What became of one of several files: its document, or what was wrong with it."""

    name: str
    changed: bool = Field(description="False also where the same document was already there.")
    replaced: bool = Field(description="Whether another version was there, which this one took the place of.")
    document: DocumentRecord | None
    problem: Problem | None


class UploadReport(_Frozen):
    """What became of each of several files, in their order."""

    files: tuple[FileResult, ...]


class DocumentText(_Frozen):
    """A document's whole text; `sha256` is that of its UTF-8 bytes."""

    id: str
    sha256: str
    text: str


class CitationList(_Frozen):
    """Citations to check together."""

    citations: tuple[Citation, ...] = Field(min_length=1, max_length=MAX_CITATIONS)


class VerdictList(_Frozen):
    """A verdict for each citation, in their order."""

    verdicts: tuple[Verdict, ...]


# Pydantic puts these into the paths of errors, where they name no field.
_ONE, _MANY = "(citation)", "(citations)"
UNION_TAGS = frozenset({_ONE, _MANY})


def _one_or_many(value: Any) -> str:
    many = "citations" in value if isinstance(value, dict) else isinstance(value, CitationList)
    return _MANY if many else _ONE


# By a function and not by trying each: the errors are then those of the form that was meant.
OneOrManyCitations = Annotated[
    Annotated[Citation, Tag(_ONE)] | Annotated[CitationList, Tag(_MANY)], Discriminator(_one_or_many)
]


class Status(_Frozen):
    """That the server is up to what was asked of it."""

    status: Literal["ok"] = "ok"


class Readiness(_Frozen):
    """What the server answers from."""

    status: Literal["ok"] = "ok"
    documents: int = Field(ge=0)
    passages: int = Field(ge=0)
    store_generation: int = Field(ge=0)
    calibrated: bool = Field(description="Whether the confidences were fitted with these very models.")
