"""Documents and passages: what the store holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date as calendar_date
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

DEFAULT_COLLECTION = "default"
# A document names at most so many parts that were not read, the last of them saying how many more there are.
MOST_UNREAD = 100
MOST_UNREAD_CHARACTERS = 200
Offset = Annotated[int, Field(ge=0)]


def text_sha256(text: str) -> str:
    """SHA-256 of a text's UTF-8 bytes, hexadecimal: the version of a document."""
    # surrogatepass: a lone surrogate cannot come from a decoded file, but may come through JSON, and must not crash.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def document_id(uri: str, collection: str = DEFAULT_COLLECTION) -> str:
    """A document's id: stable for its collection and URI, whatever its text becomes."""
    named = uri.encode("utf-8", "surrogatepass")
    if collection != DEFAULT_COLLECTION:
        # 0xFF stands in no UTF-8 text: no URI of one collection can be made to mean a document of another.
        named = collection.encode("utf-8", "surrogatepass") + b"\xff" + named
    return hashlib.sha256(named).hexdigest()[:16]


def first_day(stated: str) -> calendar_date:
    """The first day that an ISO 8601 year, year and month, day or time of a day may mean.

    Raises ValueError for anything else.
    """
    day, _, _ = stated.partition("T")
    parts = day.split("-")
    if [len(part) for part in parts] not in ([4], [4, 2], [4, 2, 2]):
        raise ValueError(f"{stated!r} is no ISO 8601 date: YYYY, YYYY-MM or YYYY-MM-DD")
    return calendar_date.fromisoformat("-".join([*parts, "01", "01"][:3]))


def _stated_date(value: str) -> str:
    first_day(value)
    return value


def _each_once(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _short_line(value: str) -> str:
    line = " ".join(value.split())
    return line if len(line) <= MOST_UNREAD_CHARACTERS else f"{line[: MOST_UNREAD_CHARACTERS - 1]}…"


def _at_most(values: tuple[Unread, ...]) -> tuple[Unread, ...]:
    values = tuple(dict.fromkeys(values))
    if len(values) <= MOST_UNREAD:
        return values
    more = len(values) - MOST_UNREAD + 1
    return (*values[: MOST_UNREAD - 1], Unread(part=f"{more:,} more parts", reason="too many to be listed"))


ShortLine = Annotated[str, AfterValidator(_short_line), Field(min_length=1)]
StatedDate = Annotated[str, AfterValidator(_stated_date)]
Tags = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], AfterValidator(_each_once)]


class Page(BaseModel):
    """One page of a paged format: its code points `[start, end)` in the document's text."""

    model_config = ConfigDict(frozen=True)

    number: int = Field(ge=1)
    start: Offset
    end: Offset


class Heading(BaseModel):
    """A heading of a structured format, at code point `start` of the document's text; the topmost level is 1."""

    model_config = ConfigDict(frozen=True)

    level: int = Field(ge=1)
    title: str
    start: Offset


class Row(BaseModel):
    """One row of a table: its code points `[start, end)` in the document's text.

    `number` counts from 1 in each table, as a spreadsheet does. `header` marks the row that names the columns of the
    rows after it.
    """

    model_config = ConfigDict(frozen=True)

    number: int = Field(ge=1)
    start: Offset
    end: Offset
    header: bool = False


class Unread(BaseModel):
    """A part of a source that was not read: which (`page 3`, `sheet Budget`, `header 1`) and why, in plain words, each
    on one line and cut off after MOST_UNREAD_CHARACTERS."""

    model_config = ConfigDict(frozen=True)

    part: ShortLine
    reason: ShortLine


UnreadParts = Annotated[tuple[Unread, ...], AfterValidator(_at_most)]


class Document(BaseModel):
    """A source text exactly as it was decoded or extracted, and what is known of it.

    `own_title` tells a title that the source itself states (a heading) from one made of its file name: only the
    former says something about the content. `source_sha256` is the hash of the original bytes, `source` the URI of the
    file that indexing found it in (an archive holds several documents), None for what came another way. `date` is ISO
    8601 as the source states it, so maybe a year or a month only; `language` is a BCP 47 tag. `unread` names the parts
    of the source whose words are not in the text.
    """

    model_config = ConfigDict(frozen=True)

    uri: str = Field(min_length=1)
    title: str
    own_title: bool = False
    text: str
    media_type: str = "text/plain"
    source_sha256: str | None = None
    pages: tuple[Page, ...] = ()
    collection: str = Field(default=DEFAULT_COLLECTION, min_length=1)
    tags: Tags = ()
    date: StatedDate | None = None
    author: str | None = None
    language: str | None = None
    outline: tuple[Heading, ...] = ()
    rows: tuple[Row, ...] = ()
    source: str | None = None
    unread: UnreadParts = ()

    @property
    def id(self) -> str:
        return document_id(self.uri, self.collection)

    @property
    def sha256(self) -> str:
        return text_sha256(self.text)

    def with_unread(self, parts: Iterable[Unread]) -> Document:
        """The document with more parts named that were not read."""
        return self.model_copy(update={"unread": _at_most((*self.unread, *parts))})

    def reads_like(self, other: Document) -> bool:
        """Whether the passages of one are those of the other: they differ in what describes the document, at most."""
        return self == other.model_copy(update={name: getattr(self, name) for name in _DESCRIPTIVE})


# What passages are not made from.
_DESCRIPTIVE = ("source_sha256", "source", "tags", "date", "author", "language", "unread")


@dataclass(frozen=True, slots=True)
class DocumentVersion:
    """What names one version of a document; `sha256` is the hash of its text, `date` its own."""

    id: str
    uri: str
    title: str
    sha256: str
    date: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was indexed, as it was then: hash of its bytes, what the file system said of it, and which loaders
    made documents of it."""

    uri: str
    sha256: str
    stamp: str
    loaders: str


class Passage(BaseModel):
    """A stretch `[start, end)` of a document's text, in code points, with the headings that it stands under."""

    model_config = ConfigDict(frozen=True)

    start: Offset
    end: Offset
    context: str = ""

    @model_validator(mode="after")
    def _not_empty(self) -> Passage:
        if self.end <= self.start:
            raise ValueError(f"a passage must not be empty: [{self.start}, {self.end})")
        return self


class DocumentRecord(BaseModel):
    """A stored document without its text."""

    model_config = ConfigDict(frozen=True)

    id: str
    uri: str
    title: str
    sha256: str
    media_type: str
    characters: int
    passages: int
    indexed_at: str
    collection: str = DEFAULT_COLLECTION
    tags: tuple[str, ...] = ()
    date: str | None = None
    author: str | None = None
    language: str | None = None
    unread: tuple[Unread, ...] = ()


class StoredPassage(BaseModel):
    """A passage as the catalogue holds it, with its text and its document's identity and date."""

    model_config = ConfigDict(frozen=True)

    id: int
    document_id: str
    start: Offset
    end: Offset
    context: str
    text: str
    collection: str = DEFAULT_COLLECTION
    date: str | None = None
