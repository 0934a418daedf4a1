"""Questions on whole documents as training rows: the right passages and spans, no answer among the negatives."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from index.errors import InputError
from qa.training.making.document_questions import DocumentRows, document_rows, find_questions

QUIET = Console(file=io.StringIO())
HANDBOOK = """# Harbour handbook

## Dues

Boats pay dues of 40 crowns a day.

## Mooring

Boats moor at the north pier, where the inter-
national ferry also lands.

## Night

At night the gate is shut and boats stay where they are.

## Dues in winter

In winter boats pay dues of 40 crowns a week, and no boats come.
"""
NEWS = "Storm closes the harbour\n\nBoats pay no dues while the storm lasts, the harbour master said.\n"


def count_tokens(texts: Any) -> list[int]:
    return [len(text.split()) for text in texts]


def gold(number: int, question: str, *answers: str, document: str = "docs/handbook.md") -> dict[str, Any]:
    text = HANDBOOK if document.endswith(".md") else NEWS
    spans = [{"text": a, "start": text.index(a), "end": text.index(a) + len(a)} for a in answers]
    return {"id": f"q{number}", "question": question, "document": document, "kind": "short", "answers": spans}


def write(folder: Path, *questions: dict[str, Any], traps: list[dict[str, Any]] | None = None) -> None:
    (folder / "docs").mkdir(exist_ok=True)
    (folder / "docs" / "handbook.md").write_text(HANDBOOK, encoding="utf-8")
    (folder / "docs" / "storm.txt").write_text(NEWS, encoding="utf-8")
    lines = "".join(json.dumps(question) + "\n" for question in questions)
    (folder / "gold-set.jsonl").write_text(lines, encoding="utf-8")
    if traps is not None:
        (folder / "traps-set.jsonl").write_text("".join(json.dumps(t) + "\n" for t in traps), encoding="utf-8")


def made(folder: Path) -> DocumentRows:
    return document_rows(find_questions(folder, "set"), count_tokens, 3, console=QUIET)


def test_an_answer_is_read_in_its_passage_under_its_headings(tmp_path: Path) -> None:
    write(tmp_path, gold(1, "Where do boats moor?", "at the north pier"))
    (row,) = made(tmp_path).answers
    assert row.context[row.start : row.end] == "at the north pier"
    # Seen as in use: the divided word is whole.
    assert "international ferry" in row.context
    assert row.heading == "Harbour handbook > Mooring"
    assert row.answers == ("at the north pier",)


def test_negatives_lack_every_acceptable_answer(tmp_path: Path) -> None:
    write(
        tmp_path,
        gold(1, "How much are the dues of boats a day?", "40 crowns a day", "40 crowns"),
        gold(2, "Why is the harbour closed?", "Storm", document="docs/storm.txt"),
    )
    rows = made(tmp_path)
    own = [row for row in rows.negatives if row.id.startswith("q1-")]
    assert own and not any(row.answerable for row in own)
    # "40 crowns" is said of winter too.
    assert not any("40 crowns" in row.context for row in own)
    assert any("Mooring" in row.heading or "Night" in row.heading for row in own)


def test_a_trap_s_passage_is_among_those_of_an_unanswerable_question(tmp_path: Path) -> None:
    start = HANDBOOK.index("the gate is shut")
    traps = [{"id": "q1", "text": "the gate is shut", "start": start, "end": start + 16}]
    write(tmp_path, gold(1, "What do boats pay for mooring?"), traps=traps)
    rows = made(tmp_path)
    assert rows.answers == [] and rows.negatives == []
    assert "the gate is shut" in rows.traps[0].context
    assert len({row.id for row in rows.traps}) == len(rows.traps) > 1
    assert not any(row.answerable for row in rows.traps)


def test_an_answer_that_no_passage_holds_whole_gives_way_to_the_next(tmp_path: Path) -> None:
    across = "40 crowns a day.\n\n## Mooring"
    write(tmp_path, gold(1, "What do boats pay?", across, "40 crowns"), gold(2, "What do boats pay?", across))
    (row,) = made(tmp_path).answers
    assert row.id.startswith("q1-") and row.answers == ("40 crowns",)


def test_titles_and_dates_from_the_table(tmp_path: Path) -> None:
    questions = [gold(n, "What of dues in a storm?", "no dues", document="docs/storm.txt") for n in range(20)]
    write(tmp_path, *questions)
    table = "id\ttitle\tdate\tlicence\nhandbook\tx\t\t\nstorm\tIgnored\t2024-05-01\tCC\n"
    (tmp_path / "documents-set.tsv").write_text(table, encoding="utf-8")
    # The document's own title is what indexing knows; the date is shown for a share.
    headings = {row.heading for row in made(tmp_path).answers}
    assert headings == {"Storm closes the harbour", "2024-05-01 > Storm closes the harbour"}


def test_the_same_seed_makes_the_same_rows(tmp_path: Path) -> None:
    write(tmp_path, gold(1, "Where do boats moor?", "at the north pier"), gold(2, "What do boats pay for mooring?"))
    assert made(tmp_path) == made(tmp_path)


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gold-set\.jsonl cannot be read"):
        find_questions(tmp_path, "set")
    question = gold(1, "Where do boats moor?", "at the north pier")
    question["answers"][0]["start"] += 1
    write(tmp_path, question)
    with pytest.raises(InputError, match=r"an answer of 'q1' is not at \d+"):
        made(tmp_path)
    (tmp_path / "gold-set.jsonl").write_text("[]\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 1: no object with an id"):
        find_questions(tmp_path, "set")
