"""Answers for people: what an answer comes to is shown beside its words."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from api.cli.console import print_response
from api.http.examples import NOT_A_SPAN_QUESTION, NOT_FOUND, RESPONSE, UNSURE
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


def test_what_is_also_found_is_shown_with_all_dates() -> None:
    citation = RESPONSE["answers"][0]["citation"]
    undated = {**citation, "document": {**citation["document"], "date": None}}
    printed = shown({**RESPONSE, "also_found": [{"text": "August 10", "confidence": 0.8, "citation": undated}]})
    assert "Also found; compare the sources" in printed and ", dated 2026-08" in printed
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    assert any(line.startswith("August 10 (80%)") and line.endswith("undated") for line in lines)
    assert not {"Also found", "dated"} & set(shown(RESPONSE).split())


def test_what_is_unsure_is_shown_with_its_place_and_confidence() -> None:
    printed = shown(UNSURE)
    assert printed.startswith("Not sure. Closest:\n")
    assert (
        "(candidate, confidence 31%)" in printed and "[August 9 to 13]" in printed and "drills.txt, line 1" in printed
    )


@pytest.mark.parametrize(
    ("reason", "heading"),
    [
        ("empty_index", "Nothing to read."),
        ("nothing_retrieved", "Nothing to read."),
        ("not_in_passages", "Not found in the passages that were read."),
    ],
)
def test_what_was_not_found_is_not_called_absent(reason: str, heading: str) -> None:
    printed = shown({**NOT_FOUND, "reason": reason})
    assert printed.startswith(f"{heading}\n")
    assert "these documents" not in printed and "Closest" not in printed


def test_what_no_quote_answers_says_what_to_ask_instead() -> None:
    asked = NOT_A_SPAN_QUESTION
    assert asked["hint"] in shown(asked) and "Closest" not in shown(asked)
    unsure = shown({**asked, "status": "unsure", "candidates": UNSURE["candidates"]})
    assert asked["hint"] in unsure and "Closest:" in unsure and "[August 9 to 13]" in unsure


def test_the_confidence_of_long_words_is_shown() -> None:
    answer = {**UNSURE["candidates"][0], "text": "word " * 40}
    assert "(candidate, confidence 31%)" in shown({**UNSURE, "candidates": [answer]})


def test_candidates_behind_an_answer_are_called_less_likely() -> None:
    printed = shown({**RESPONSE, "candidates": UNSURE["candidates"]})
    assert printed.index("(confidence 87%)") < printed.index("Less likely:") < printed.index("confidence 31%")
