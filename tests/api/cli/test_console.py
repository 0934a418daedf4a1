"""Answers for people: what an answer comes to is shown beside its words."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from api.cli.console import print_response
from api.http.examples import RESPONSE
from qa.types import Response


def shown(response: dict[str, Any]) -> str:
    out = io.StringIO()
    print_response(Response.model_validate(response), Console(file=out, width=100))
    return out.getvalue()


@pytest.mark.parametrize(
    ("normalized", "line"),
    [
        ({"type": "date", "value": "2026-08-09/2026-08-13"}, "= 2026-08-09/2026-08-13"),
        ({"type": "date", "value": "[2026-05-06,2026-06-05]"}, "= 2026-05-06 or 2026-06-05"),
        ({"type": "quantity", "value": 3.5, "unit": "kilometer"}, "= 3.5 kilometer"),
        (
            {"type": "quantity", "minimum": 5, "maximum": 10, "unit": "percent", "approximate": True},
            "= about 5-10 percent",
        ),
        ({"type": "money", "value": 1500000, "currency": "USD"}, "= 1500000 USD"),
        ({"type": "money", "value": 1500000, "currency": None, "symbol": "$"}, "= 1500000 $"),
    ],
)
def test_what_the_words_come_to(normalized: dict[str, Any], line: str) -> None:
    answers = [{**RESPONSE["answers"][0], "normalized": normalized}]
    printed = shown({**RESPONSE, "answers": answers})
    assert f"│ {line} " in printed
    assert "[August 9 to 13]" in printed


@pytest.mark.parametrize("normalized", [None, {"type": "date", "value": "XXXX-08-09/XXXX-08-13"}])
def test_nothing_is_shown_that_the_words_do_not_say(normalized: dict[str, Any] | None) -> None:
    answers = [{**RESPONSE["answers"][0], "normalized": normalized}]
    assert "│ = " not in shown({**RESPONSE, "answers": answers})


def test_rivals_are_shown_with_all_dates() -> None:
    citation = RESPONSE["answers"][0]["citation"]
    undated = {**citation, "document": {**citation["document"], "date": None}}
    printed = shown({**RESPONSE, "rivals": [{"text": "August 10", "confidence": 0.8, "citation": undated}]})
    assert "Other documents answer differently" in printed
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    assert any(line.startswith("August 9 to 13 (87%)") and line.endswith("dated 2026-08") for line in lines)
    assert any(line.startswith("August 10 (80%)") and line.endswith("undated") for line in lines)
    assert "Other documents" not in shown(RESPONSE)
