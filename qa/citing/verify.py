"""Verifying citations: is the quote still where the citation says, in the version that it names?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from index.documents import Document, text_sha256
from index.errors import InputError
from qa.citing.anchor import GONE, Anchor, anchor
from qa.citing.cite import headings_of, line_of, page_line_of, page_of, row_of, selectors
from qa.types import Citation, DocumentRef


class Verdict(BaseModel):
    """Whether a citation holds. `problems` says each thing that does not, `anchor` where its quote stands now."""

    model_config = ConfigDict(frozen=True)

    valid: bool
    quote: str
    uri: str
    problems: tuple[str, ...] = ()
    anchor: Anchor | None = None


class Problem(NamedTuple):
    """What is wrong with a citation: the field concerned, and in words what is true instead."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


# Fields that depend on where a document is; its source file may have been moved.
_OF_THE_PLACE = frozenset({"uri", "title", "id", "date"})


class DocumentSource(Protocol):
    """Where to get cited documents: the catalogue of a store, or a single file."""

    def document(self, document_id: str) -> Document | None: ...


def verify(citation: Citation, source: DocumentSource) -> Verdict:
    """Check every statement of a citation against the document as it is now."""
    document = source.document(citation.document.id)
    if document is None:
        problem = Problem("document", f"{citation.document.uri} is not there; it was removed, or never indexed here")
        return _verdict(citation, [problem], GONE)
    return _verdict(citation, list(_problems(citation, document)), anchor(citation, document))


def verify_against(citation: Citation, document: Document) -> Verdict:
    """Check a citation against a given document (its source file), wherever that is now."""
    problems = [problem for problem in _problems(citation, document) if problem.field not in _OF_THE_PLACE]
    return _verdict(citation, problems, anchor(citation, document))


def _verdict(citation: Citation, problems: Sequence[Problem], place: Anchor) -> Verdict:
    return Verdict(
        valid=not problems,
        quote=citation.quote,
        uri=citation.document.uri,
        problems=tuple(map(str, problems)),
        anchor=place,
    )


def citations_in(value: Any) -> Iterator[Citation]:
    """Yield every citation in a JSON value: a citation, an answer, a whole response, or a list of these.

    A response without answers may have none. Raises InputError if anything else has none, or for a malformed one.
    """
    citations = list(_walk(value, "$"))
    answered_nothing = isinstance(value, dict) and value.get("answers") == [] and "status" in value
    if not citations and not answered_nothing:
        raise InputError("no citation found: expected the JSON of qa ask --json, an answer or a citation")
    yield from citations


def _walk(value: Any, path: str) -> Iterator[Citation]:
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _walk(item, f"{path}[{number}]")
    elif isinstance(value, dict):
        if "quote" in value and "document" in value:
            try:
                yield Citation.model_validate(value)
            except ValidationError as error:
                first = error.errors()[0]
                field = ".".join(str(part) for part in first["loc"])
                raise InputError(f"malformed citation at {path}.{field}: {first['msg']}") from error
            return
        # `rivals` is what the first version of the answer called what is also found.
        for name in ("answers", "candidates", "also_found", "rivals", "citation", "supporting", "citations"):
            if name in value:
                yield from _walk(value[name], f"{path}.{name}")


def _problems(citation: Citation, document: Document) -> Iterator[Problem]:
    text, ref = document.text, citation.document
    yield from _document_problems(ref, document)
    actual = text_sha256(text)
    if ref.sha256 != actual:
        yield Problem(
            "sha256", f"the document is another version; its text has {actual}, the citation names {ref.sha256}"
        )
    start, end = citation.start, citation.end
    if not 0 <= start < end <= len(text):
        yield Problem("offsets", f"[{start}, {end}) is not within the text of {len(text)} characters")
        return
    if text[start:end] != citation.quote:
        yield Problem(
            "quote", f"the text at [{start}, {end}) is {_short(text[start:end])}, not {_short(citation.quote)}"
        )
    if citation.line != line_of(text, start):
        yield Problem("line", f"the span begins on line {line_of(text, start)}, not {citation.line}")
    if citation.page != page_of(document, start):
        yield Problem("page", f"the span begins on page {page_of(document, start)}, not {citation.page}")
    yield from _structure_problems(citation, document)
    sentence = citation.sentence
    if not 0 <= sentence.start <= start or not end <= sentence.end <= len(text):
        yield Problem("sentence", f"[{sentence.start}, {sentence.end}) does not hold the span [{start}, {end})")
    elif text[sentence.start : sentence.end] != sentence.text:
        yield Problem("sentence", f"the text at [{sentence.start}, {sentence.end}) is another")
    quote, position = citation.selector
    expected_quote, expected_position = selectors(text, start, end)
    if quote != expected_quote:
        yield Problem("selector", "the TextQuoteSelector does not fit the text at the span")
    yield from _false_count(citation, text)
    if position != expected_position:
        yield Problem(
            "selector", f"the TextPositionSelector is [{position.start}, {position.end}), not [{start}, {end})"
        )


def _document_problems(ref: DocumentRef, document: Document) -> Iterator[Problem]:
    if ref.id != document.id:
        yield Problem("id", f"the document's is {document.id}, not {ref.id}")
    if ref.uri != document.uri:
        yield Problem("uri", f"the document's is {document.uri}, not {ref.uri}")
    if ref.title != document.title:
        yield Problem("title", f"the document's is {document.title!r}, not {ref.title!r}")
    # Citations that were made before dates were stated do not claim one.
    if "date" in ref.model_fields_set and ref.date != document.date:
        yield Problem("date", f"the document's is {document.date}, not {ref.date}")


def _structure_problems(citation: Citation, document: Document) -> Iterator[Problem]:
    # Citations that were made before these were stated do not claim them.
    stated, start = citation.model_fields_set, citation.start
    line, path, row = page_line_of(document, start), headings_of(document, start), row_of(document, start)
    if "page_line" in stated and citation.page_line != line:
        yield Problem("page_line", f"the span begins on line {line} of its page, not {citation.page_line}")
    if "headings" in stated and citation.headings != path:
        yield Problem("headings", f"the span stands under {_path(path)}, not {_path(citation.headings)}")
    if "row" in stated and citation.row != row:
        yield Problem("row", f"the span begins in row {row}, not {citation.row}")


def _path(headings: tuple[str, ...] | None) -> str:
    return _short(" > ".join(headings)) if headings else "no heading"


def _false_count(citation: Citation, text: str) -> Iterator[Problem]:
    stands = text.count(citation.quote)
    if citation.occurrences not in (None, stands):
        yield Problem("occurrences", f"the quote stands {stands} times, not {citation.occurrences}")


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
