"""Turning judged answers into answers with citations, in exactly the version of the documents that was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from index.catalogue.protocol import Catalogue, Snapshot
from index.documents import Document
from qa.asking.asked import Asked
from qa.citing.cite import cite
from qa.judging.candidates import Candidate, Place
from qa.judging.judge import Judged
from qa.types import Answer, Citation
from qa.values.normalize import normalize

MAX_SUPPORTING = 10


def cited_documents(catalogue: Catalogue, judged: Sequence[Judged], snapshot: Snapshot) -> dict[str, Document] | None:
    """The documents that these answers cite, by id; None if one is no longer the version that was read."""
    ids = list(dict.fromkeys(place.document_id for entry in judged for place in _places(entry.candidate)))
    documents_by_id = catalogue.documents(ids) if ids else {}
    unchanged = all(
        key in documents_by_id and documents_by_id[key].sha256 == snapshot.documents[key].sha256 for key in ids
    )
    return documents_by_id if unchanged else None


def cited_answer(asked: Asked, judged: Judged, documents_by_id: Mapping[str, Document], snapshot: Snapshot) -> Answer:
    """A judged answer with its citations; `documents_by_id` has the documents it cites (see `cited_documents`)."""
    citation, *supporting = (
        _citation(place, documents_by_id[place.document_id], snapshot.documents[place.document_id].sha256)
        for place in _places(judged.candidate)
    )
    best = judged.candidate.best
    document = documents_by_id[best.document_id]
    return Answer(
        text=best.text,
        confidence=judged.confidence,
        citation=citation,
        supporting=tuple(supporting),
        normalized=normalize(best.text, question=asked.text, written=document.date, language=document.language),
    )


def _places(candidate: Candidate) -> list[Place]:
    """The places that are cited for a candidate: the best one, then the supporting ones."""
    return [candidate.best, *candidate.supporting[:MAX_SUPPORTING]]


def _citation(place: Place, document: Document, sha256: str) -> Citation:
    around = (place.passage.start, place.passage.end)
    citation = cite(document, place.start, place.end, around=around, sha256=sha256)
    if citation.quote != place.text:
        # The one promise that must never be broken: no answer is better than one that is not in its source.
        raise AssertionError(f"span [{place.start}, {place.end}) of {document.uri} is not {place.text!r}")
    return citation
