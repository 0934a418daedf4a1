"""The examples of the API's description: one document, a question to it, and what comes of them."""

from __future__ import annotations

from typing import Any

from api.version import installed_version
from index.documents import document_id, text_sha256
from qa.asking.span_question import HINTS
from qa.citing.formats import formatted
from qa.judging.confidence import MEANINGS
from qa.types import SCHEMA_VERSION, Citation

_URI = "https://example.org/drills.txt"
_TITLE = "drills.txt"
_TEXT = "The drills run from August 9 to 13 in Ningxia."
_QUOTE = "August 9 to 13"
_START = _TEXT.index(_QUOTE)
_END = _START + len(_QUOTE)

DOCUMENT_REF: dict[str, Any] = {
    "id": document_id(_URI),
    "uri": _URI,
    "title": _TITLE,
    "sha256": text_sha256(_TEXT),
    "date": "2026-08",
}
DOCUMENT_UPLOAD: dict[str, Any] = {
    "uri": _URI,
    "text": _TEXT,
    "media_type": "text/plain",
    "tags": ["drills"],
    "date": "2026-08",
}
DOCUMENT_RECORD: dict[str, Any] = {
    **DOCUMENT_REF,
    "media_type": "text/plain",
    "characters": len(_TEXT),
    "passages": 1,
    "indexed_at": "2026-11-22T16:00:00+00:00",
    "collection": "default",
    "tags": ["drills"],
    "date": "2026-08",
    "author": None,
    "language": "en",
    "unread": [],
}
DOCUMENT_LIST: dict[str, Any] = {"documents": [DOCUMENT_RECORD], "total": 1, "next_cursor": None}
DOCUMENT_TEXT: dict[str, Any] = {"id": DOCUMENT_REF["id"], "sha256": DOCUMENT_REF["sha256"], "text": _TEXT}
CITATION: dict[str, Any] = {
    "document": DOCUMENT_REF,
    "start": _START,
    "end": _END,
    "quote": _QUOTE,
    "sentence": {"start": 0, "end": len(_TEXT), "text": _TEXT},
    "page": None,
    "line": 1,
    "selector": [
        {"type": "TextQuoteSelector", "exact": _QUOTE, "prefix": _TEXT[:_START], "suffix": _TEXT[_END:]},
        {"type": "TextPositionSelector", "start": _START, "end": _END},
    ],
}
FORMATTED: dict[str, Any] = formatted(Citation.model_validate(CITATION)).model_dump()
VERDICT: dict[str, Any] = {
    "valid": True,
    "quote": _QUOTE,
    "uri": _URI,
    "problems": [],
    "anchor": {"state": "unchanged", "start": CITATION["start"], "end": CITATION["end"]},
}
_NORMALIZED: dict[str, Any] = {"type": "date", "value": "2026-08-09/2026-08-13", "document_date": "2026-08"}
QUESTION: dict[str, Any] = {"question": "When do the drills run?", "answers": 1, "passages": 20}
RESPONSE: dict[str, Any] = {
    "question": QUESTION["question"],
    "status": "answered",
    "reason": None,
    "hint": None,
    "answers": [
        {"text": _QUOTE, "confidence": 0.87, "citation": CITATION, "supporting": [], "normalized": _NORMALIZED}
    ],
    "candidates": [],
    "also_found": [],
    "threshold": 0.5,
    "promise": {
        "risk": 0.1,
        "delta": 0.1,
        "threshold": 0.5,
        "strictest": 0.74,
        "coverage": 0.42,
        "questions": 600,
        "passages": 20,
        "gold": "gold.jsonl",
        "measured_at": "2026-11-22T16:00:00+00:00",
        "store_generation": 1,
    },
    "elapsed_ms": {"embed": 8.1, "retrieve": 1.4, "read": 61.0, "total": 70.9},
    "schema_version": SCHEMA_VERSION,
    "provenance": {
        "version": installed_version(),
        "store_generation": 1,
        "embedder": {
            "name": "all-MiniLM-L6-v2",
            "sha256": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        },
        "reader": {"name": "spanqa-minilm-l6", "sha256": "0" * 64},
    },
}
UNSURE: dict[str, Any] = {
    **RESPONSE,
    "question": "When do the drills end?",
    "status": "unsure",
    "reason": "below_threshold",
    "answers": [],
    "candidates": [{**RESPONSE["answers"][0], "confidence": 0.31}],
}
NOT_FOUND: dict[str, Any] = {
    **RESPONSE,
    "question": "Who commands the drills?",
    "status": "not_found",
    "reason": "not_in_passages",
    "answers": [],
}
NOT_A_SPAN_QUESTION: dict[str, Any] = {
    **NOT_FOUND,
    "question": "Summarise the drills",
    "reason": "not_a_span_question",
    "hint": HINTS["summary"],
}
EXPLAINED_QUESTION: dict[str, Any] = {**QUESTION, "explain": True}
EXPLAINED: dict[str, Any] = {
    **RESPONSE,
    "explanation": {
        "passages": [
            {
                "document": {name: DOCUMENT_REF[name] for name in ("id", "uri", "title", "sha256")},
                "start": 0,
                "end": len(_TEXT),
                "dense_rank": 1,
                "dense_score": 0.71,
                "lexical_rank": 1,
                "lexical_score": 2.9,
                "fused_score": 0.0328,
                "similarity": 0.71,
                "read": {"text": _QUOTE, "start": _START, "end": _END, "margin": 4.5},
            }
        ],
        "candidates": [
            {
                "text": _QUOTE,
                "document_id": DOCUMENT_REF["id"],
                "start": _START,
                "end": _END,
                "margin": 4.5,
                "score": 13.2,
                "confidence": 0.87,
                "features": [
                    {
                        "name": "margin",
                        "value": 4.5,
                        "mean": -2.3,
                        "scale": 8.5,
                        "weight": 4.25,
                        "contribution": 3.4,
                    }
                ],
            }
        ],
        "bias": -1.5,
        "meanings": {"margin": MEANINGS["margin"]},
        "threshold": 0.5,
        "threshold_from": "promise",
        "would_change": [
            {
                "kind": "threshold",
                "statement": "It would be answered at every threshold up to 0.8700, and unsure above.",
                "feature": None,
            },
            {
                "kind": "feature",
                "statement": "With an average margin, and all else as it is, its confidence would be 0.1824: it would "
                "not be answered.",
                "feature": "margin",
            },
        ],
    },
}
SEARCH_REQUEST: dict[str, Any] = {"question": QUESTION["question"], "passages": 5}
SEARCH_RESPONSE: dict[str, Any] = {
    "question": QUESTION["question"],
    "reason": None,
    "passages": [
        {
            "rank": 1,
            "document": DOCUMENT_REF,
            "start": 0,
            "end": len(_TEXT),
            "text": _TEXT,
            "context": "",
            "score": 0.0328,
            "similarity": 0.71,
            "dense": {"rank": 1, "score": 0.71},
            "lexical": {"rank": 1, "score": 2.9},
        }
    ],
    "store_generation": 1,
    "elapsed_ms": {"embed": 8.1, "retrieve": 1.4},
}
