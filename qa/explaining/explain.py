"""An explanation, made of what answering a question left behind: nothing is searched or read for it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from index.catalogue.protocol import Documents
from index.documents import DocumentVersion
from qa.asking.asked import Asked
from qa.explaining.changes import changes_of_confidence, changes_of_documents
from qa.explanation import (
    Change,
    ExplainedCandidate,
    ExplainedDocument,
    ExplainedFeature,
    ExplainedPassage,
    Explanation,
    ReadSpan,
    ThresholdSource,
)
from qa.judging.confidence import MEANINGS, Calibration
from qa.judging.judge import Judged
from qa.reading.legible_reader import ReadPassage
from qa.retrieval.retriever import Retrieved

# As many as confidences have: what is beyond them depends on the other vectors of an index.
DECIMALS = 4


def explain(
    asked: Asked,
    retrieved: Retrieved,
    read: Sequence[ReadPassage],
    judged: Sequence[Judged],
    *,
    calibration: Calibration,
    threshold: float,
    threshold_from: ThresholdSource,
    catalogue: Documents,
) -> Explanation:
    """Why a question was answered, or not; `judged` are its candidates, best first, weighed by `calibration`.

    The catalogue is only asked where nothing was retrieved: how many documents the filters leave.
    """
    changes: list[Change]
    if retrieved.reason is None:
        changes = changes_of_confidence(asked, judged, calibration, threshold, passages=len(read))
    else:
        changes = changes_of_documents(catalogue, asked)
    return Explanation(
        passages=tuple(_passage(entry, retrieved.snapshot.documents) for entry in read),
        candidates=tuple(_candidate(entry, calibration) for entry in judged),
        bias=calibration.bias,
        meanings=MEANINGS,
        threshold=threshold,
        threshold_from=threshold_from,
        would_change=tuple(changes),
    )


def _passage(entry: ReadPassage, documents: Mapping[str, DocumentVersion]) -> ExplainedPassage:
    passage, hit = entry.passage, entry.hit
    document = documents[passage.document_id]
    best = entry.spans[0] if entry.spans else None
    return ExplainedPassage(
        document=ExplainedDocument(id=document.id, uri=document.uri, title=document.title, sha256=document.sha256),
        start=passage.start,
        end=passage.end,
        dense_rank=hit.dense_rank,
        dense_score=None if hit.dense_score is None else _rounded(hit.dense_score),
        lexical_rank=hit.lexical_rank,
        lexical_score=None if hit.lexical_score is None else _rounded(hit.lexical_score),
        fused_score=hit.score,
        similarity=_rounded(entry.similarity),
        read=None
        if best is None
        else ReadSpan(
            text=passage.text[best.start : best.end],
            start=passage.start + best.start,
            end=passage.start + best.end,
            margin=_rounded(best.margin),
        ),
    )


def _candidate(entry: Judged, calibration: Calibration) -> ExplainedCandidate:
    best = entry.candidate.best
    numbers = zip(
        calibration.features,
        entry.features,
        calibration.mean,
        calibration.scale,
        calibration.weights,
        calibration.contributions(entry.features),
        strict=True,
    )
    return ExplainedCandidate(
        text=best.text,
        document_id=best.document_id,
        start=best.start,
        end=best.end,
        margin=_rounded(best.margin),
        score=_rounded(best.score),
        confidence=entry.confidence,
        features=tuple(
            ExplainedFeature(
                name=name,
                value=_rounded(value),
                mean=mean,
                scale=scale,
                weight=weight,
                contribution=_rounded(contribution),
            )
            for name, value, mean, scale, weight, contribution in numbers
        ),
    )


def _rounded(value: float) -> float:
    # + 0.0: no minus zero, which looks like a sign that means something.
    return round(float(value), DECIMALS) + 0.0
