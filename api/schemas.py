"""What the HTTP door takes and gives beside the contract's own types."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator

from index.documents import DocumentRecord
from qa.types import MAX_ANSWERS, MAX_PASSAGES, MAX_QUESTION_LENGTH, Citation, DocumentRef, Filters
from qa.verify import Verdict

MAX_URI_LENGTH = 2_000
MAX_TITLE_LENGTH = 1_000
# More than all that one response can hold: its answers and the supporting places of each.
MAX_CITATIONS = MAX_ANSWERS * 12

TextMediaType = Literal["text/plain", "text/markdown"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SearchRequest(_Frozen):
    """What to search for, without reading it."""

    question: str = Field(max_length=MAX_QUESTION_LENGTH, examples=["When do the Russia-China drills run?"])
    passages: int = Field(default=20, ge=1, le=MAX_PASSAGES, description="How many passages to return, at most.")
    filters: Filters = Field(default_factory=Filters)

    @field_validator("question")
    @classmethod
    def _has_words(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("the question is empty")
        return value


class ListPlace(_Frozen):
    """Where a passage stands in one ranked list: rank from 1, and that list's own score."""

    rank: int = Field(ge=1)
    score: float


class FoundPassage(_Frozen):
    """A passage `[start, end)` in code points of its document's text: `text[start:end]` there is `text` here.

    `score` is the fused one that orders the list. `dense` (inner product) and `lexical` (BM25) are null where that
    search did not find the passage within its depth; `similarity` is the inner product in either case.
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
    """Passages, best first; `reason` says why there are none."""

    question: str
    reason: Literal["empty_index", "nothing_retrieved"] | None
    passages: tuple[FoundPassage, ...]
    store_generation: int
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


class DocumentAddress(_Frozen):
    """What names a document. The same `uri` again replaces it."""

    uri: Uri
    title: Title | None = Field(
        default=None, description="Default: the first Markdown heading, or the URI's last part."
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
    """A part of the documents, ordered by URI; `total` counts all of them."""

    documents: tuple[DocumentRecord, ...]
    total: int = Field(ge=0)


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
