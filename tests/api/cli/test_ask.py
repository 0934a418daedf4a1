"""`qa ask` with the real models."""

from __future__ import annotations

import json
from pathlib import Path

from command_line import ARTICLE, QUESTION, Run

from qa.judging.confidence import load_calibration
from qa.types import Response


def test_the_seed_question_is_answered_with_its_citation(qa: Run, seed_store: str) -> None:
    ran = qa("ask", QUESTION, "--store", seed_store, "--json")
    assert ran.code == 0
    response = json.loads(ran.out)
    answer = response["answers"][0]
    text = ARTICLE.read_bytes().decode("utf-8")
    assert (response["status"], response["reason"], answer["text"]) == ("answered", None, "August 9-14")
    citation = answer["citation"]
    assert text[citation["start"] : citation["end"]] == citation["quote"] == "August 9-14"
    assert citation["line"] == text[: citation["start"]].count("\n") + 1
    assert citation["sentence"]["text"].startswith("From August 9-14, Russia will also conduct")
    assert answer["confidence"] >= response["threshold"]


def test_people_see_answer_source_line_and_marked_sentence(qa: Run, seed_store: str) -> None:
    ran = qa("ask", QUESTION, "--store", seed_store)
    assert "From [August 9-14], Russia" in ran.out
    assert f"{ARTICLE.name}, line 6, characters 1367-1378" in ran.out


def test_questions_come_one_a_line(qa: Run, seed_store: str) -> None:
    ran = qa("ask", "-", "--store", seed_store, stdin=f"\ufeff{QUESTION}\n\nwho is the deputy head of the Taliban?\n")
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert [line["question"] for line in lines] == [QUESTION, "who is the deputy head of the Taliban?"]
    assert ran.code == 0


def test_a_bad_line_is_named_and_the_rest_answered(qa: Run, seed_store: str) -> None:
    ran = qa("ask", "-", "--store", seed_store, stdin=f"{'x' * 5000}\n{QUESTION}\n")
    assert ran.code == 1
    assert "line 1" in ran.err
    assert [json.loads(line)["question"] for line in ran.out.splitlines()] == [QUESTION]


def test_an_empty_question_is_wrong_use(qa: Run, seed_store: str) -> None:
    ran = qa("ask", "  ", "--store", seed_store)
    assert (ran.code, ran.out) == (2, "")
    assert "the question is empty" in ran.err


def test_another_calibration_decides(qa: Run, seed_store: str, tmp_path: Path) -> None:
    strict = tmp_path / "calibration.json"
    strict.write_text(load_calibration().model_copy(update={"threshold": 1.0}).model_dump_json())
    response = json.loads(qa("ask", QUESTION, "--store", seed_store, "--json", "--calibration", str(strict)).out)
    assert (response["status"], response["threshold"]) == ("unsure", 1.0)
    missing = qa("ask", QUESTION, "--store", seed_store, "--calibration", str(tmp_path / "none.json"))
    assert missing.code == 1
    assert "none.json" in missing.err.replace("\n", "") and "qa calibrate" in missing.err


def test_documents_that_contradict_each_other_are_both_shown(qa: Run, tmp_path: Path) -> None:
    page = (
        '<title>{0}</title><meta name="date" content="{1}"><h1>{0}</h1><p>The Kalm bridge was opened in {2}. '
        "It is {3} and carries two lanes of traffic across the river every day.</p>"
    )
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "old.html").write_text(page.format("Report", "1998-04-02", "1911", "340 metres long"), encoding="utf-8")
    (folder / "new.html").write_text(page.format("Bridges", "2021-09-15", "1913", "0.34 km long"), encoding="utf-8")
    store = str(tmp_path / "store")
    assert qa("index", str(folder), "--store", store).code == 0
    when, length = (
        Response.model_validate_json(qa("ask", question, "--store", store, "--json").out)
        for question in ("When was the Kalm bridge opened?", "How long is the Kalm bridge?")
    )
    dated = {(a.text, a.citation.document.date) for a in (*when.answers, *when.also_found)}
    assert dated == {("1911", "1998-04-02"), ("1913", "2021-09-15")}
    assert len(length.answers) == 1 and not length.also_found
    shown = qa("ask", "When was the Kalm bridge opened?", "--store", store).out
    assert "Also found" in shown and "1998-04-02" in shown and "2021-09-15" in shown
