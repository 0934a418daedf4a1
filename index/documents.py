"""Documents and passages: what the store holds."""

from __future__ import annotations

import hashlib
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Offset = Annotated[int, Field(ge=0)]


def text_sha256(text: str) -> str:
    """SHA-256 of a text's UTF-8 bytes, hexadecimal: the version of a document."""
    # surrogatepass: a lone surrogate cannot come from a decoded file, but may come through JSON, and must not crash.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def document_id(uri: str) -> str:
    """A document's id: stable for its URI, whatever its text becomes."""
    return hashlib.sha256(uri.encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Page(BaseModel):
    """One page of a paged format: its code points `[start, end)` in the document's text."""

    model_config = ConfigDict(frozen=True)

    number: int = Field(ge=1)
    start: Offset
    end: Offset


class Document(BaseModel):
    """A source text exactly as it was decoded or extracted, and what is known of it.

    `own_title` tells a title that the source itself states (a heading) from one made of its file name: only the
    former says something about the content. `source_sha256` is the hash of the original bytes.
    """

    model_config = ConfigDict(frozen=True)

    uri: str = Field(min_length=1)
    title: str
    own_title: bool = False
    text: str
    media_type: str = "text/plain"
    source_sha256: str | None = None
    pages: tuple[Page, ...] = ()

    @property
    def id(self) -> str:
        return document_id(self.uri)

    @property
    def sha256(self) -> str:
        return text_sha256(self.text)


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

    def holds(self, document: Document) -> bool:
        """Whether this is what storing `document` would come to, so that nothing is left to do."""
        stored = (self.id, self.sha256, self.title, self.media_type)
        return stored == (document.id, document.sha256, document.title, document.media_type)


class StoredPassage(BaseModel):
    """A passage as the catalogue holds it, with its text and its document's identity."""

    model_config = ConfigDict(frozen=True)

    id: int
    document_id: str
    start: Offset
    end: Offset
    context: str
    text: str
