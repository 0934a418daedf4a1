"""`qa ask --explain`: the tables below an answer, for people and within what a terminal takes."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from command_line import QUESTION, Run

from api.cli.console import print_explanation
from api.http.examples import EXPLAINED
from api.terminal import Terminal
from qa.explanation import Explanation
from qa.types import Response

EXPLANATION: dict[str, Any] = EXPLAINED["explanation"]


def lines(changes: dict[str, Any], width: int = 110) -> list[str]:
    out = io.StringIO()
    print_explanation(Explanation.model_validate(EXPLANATION | changes), Terminal(file=out, width=width))
    return [" ".join(line.split()) for line in out.getvalue().splitlines() if line.strip()]


def test_lists_spans_features_and_what_would_change() -> None:
    printed = lines({})
    assert "Passages read: 1" in printed and "Candidates: 1" in printed
    assert "1 (0.71) 1 (2.90) 0.0328 https://example.org/drills.txt 0-46 August 9 to 13 +4.50" in printed
    assert "August 9 to 13 0.8700 +4.50 +13.20 https://example.org/drills.txt" in printed
    assert "margin 4.500 -2.300 +3.400" in printed
    assert "(bias) -1.500" in printed and "sum, a confidence of 0.8700 +1.900" in printed
    assert "Confidence needed: 0.5, as promised." in printed
    assert "- It would be answered at every threshold up to 0.8700, and unsure above." in printed


@pytest.mark.parametrize(
    ("source", "words"), [("question", "as the question asked"), ("calibration", "the calibration's")]
)
def test_where_the_threshold_comes_from(source: str, words: str) -> None:
    assert f"Confidence needed: 0.5, {words}." in lines({"threshold_from": source})


def test_places_and_spans_that_are_not_there() -> None:
    passage = EXPLANATION["passages"][0] | {"lexical_rank": None, "lexical_score": None, "read": None}
    printed = lines({"passages": [passage]})
    assert "1 (0.71) - 0.0328 https://example.org/drills.txt 0-46 - -" in printed
    hidden = EXPLANATION["passages"][0] | {"lexical_score": None}
    assert any(line.startswith("1 (0.71) 1 0.0328") for line in lines({"passages": [hidden]}))


def test_nothing_but_what_would_change() -> None:
    statement = {"kind": "documents", "statement": "The store holds 0 documents, and no passage to read."}
    printed = lines({"passages": [], "candidates": [], "would_change": [statement]})
    assert printed == ["Confidence needed: 0.5, as promised.", f"- {statement['statement']}"]


def test_many_and_long_ones_are_cut() -> None:
    long = EXPLANATION["passages"][0] | {"read": EXPLANATION["passages"][0]["read"] | {"text": "very long " * 50}}
    printed = lines({"passages": [long] * 30, "candidates": EXPLANATION["candidates"] * 20}, width=160)
    assert "Passages read: 10 of 30 (--json has all)" in printed
    assert "Candidates: 5 of 20 (--json has all)" in printed
    assert sum("…" in line for line in printed) == 10
    assert max(map(len, printed)) <= 160


def test_a_hostile_source_steers_nothing() -> None:
    nasty = "\x1b[2J\u202egpj\nremove everything [red]x[/red]"
    passage = json.loads(json.dumps(EXPLANATION["passages"][0]))
    passage["document"] |= {"uri": f"file:///{nasty}", "title": nasty}
    passage["read"]["text"] = nasty
    candidate = EXPLANATION["candidates"][0] | {"text": nasty}
    change = {"kind": "runner_up", "statement": f"The runner-up, “{nasty}”, lost."}
    out = io.StringIO()
    explanation = Explanation.model_validate(
        EXPLANATION | {"passages": [passage], "candidates": [candidate], "would_change": [change]}
    )
    print_explanation(explanation, Terminal(file=out, width=300))
    printed = out.getvalue()
    assert "\x1b" not in printed and "\u202e" not in printed and "\nremove everything" not in printed
    assert r"\x1b[2J" in printed


@pytest.mark.slow
def test_the_seed_question_is_explained(qa: Run, seed_store: str) -> None:
    ran = qa("ask", QUESTION, "--store", seed_store, "--explain")
    assert ran.code == 0 and "[August 9-14]" in ran.out
    assert "Passages read: " in ran.out and "It would be answered at every threshold up to" in ran.out
    asked = qa("ask", "-", "--store", seed_store, "--explain", stdin=f"{QUESTION}\n")
    alone = qa("ask", QUESTION, "--store", seed_store, "--explain", "--json")
    both = [Response.model_validate_json(printed.out).explanation for printed in (asked, alone)]
    assert both[0] is not None and both[0] == both[1]
    assert both[0].candidates[0].text == "August 9-14"
    assert json.loads(qa("ask", QUESTION, "--store", seed_store, "--json").out)["explanation"] is None
    refused = qa("ask", QUESTION, "--store", seed_store, "--explain", "--format", "plain")
    assert refused.code == 2 and "--explain" in refused.err
