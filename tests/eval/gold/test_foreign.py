"""Gold files as other tools write them: read as the same questions, or refused with what would make them readable."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eval.gold.questions import GoldQuestion, read_gold
from index.errors import InputError

CONTEXT = "The mill of Vik was built in 1790 by Per Dahl. 😀 It is 12 metres high.\nThe miller is Eva Lund.\n"
BUILDER = {"text": "Per Dahl", "answer_start": CONTEXT.index("Per Dahl")}
MILLER = {"text": "Eva Lund", "answer_start": CONTEXT.index("Eva Lund")}


def squad(**asked: Any) -> dict[str, Any]:
    return {"data": [{"title": "Vik", "paragraphs": [{"context": CONTEXT, "qas": [{"question": "Who?", **asked}]}]}]}


def read(folder: Path, name: str, value: Any) -> list[GoldQuestion]:
    path = folder / name
    path.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
    return read_gold(path)


def test_squad_files_of_other_tools(tmp_path: Path) -> None:
    haystack = squad(
        id=101, is_impossible=False, answers=[{**BUILDER, "answer_id": 1, "answer_end": 45, "answer_category": None}]
    )
    (question,) = read(tmp_path, "haystack.json", haystack)
    assert (question.id, question.answers[0].text, question.answerable) == ("101", "Per Dahl", True)
    not_given = [{"text": "", "answer_start": 0, "answer_category": "NOT_GIVEN"}]
    (question,) = read(tmp_path, "none.json", squad(id=1, is_impossible=False, answers=not_given))
    assert not question.answerable
    (question,) = read(tmp_path, "v2.json", squad(id="a", is_impossible=True))
    assert not question.answerable
    (first,) = read(tmp_path, "cdqa.json", squad(answers=[BUILDER]))
    (again,) = read(tmp_path, "again.json", squad(answers=[BUILDER]))
    assert first.id and first.id == again.id
    (question,) = read(tmp_path, "u16.json", json.dumps(squad(id="a", answers=[BUILDER])).encode("utf-16"))
    assert question.answers[0].text == "Per Dahl"


def test_a_question_without_answers_is_only_read_where_it_is_said_to_have_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="answers"):
        read(tmp_path, "g.json", squad(id="a"))


def test_offsets_of_javascript(tmp_path: Path) -> None:
    start = len(CONTEXT[: CONTEXT.index("Eva")].encode("utf-16-le")) // 2
    assert start != MILLER["answer_start"]
    (question,) = read(tmp_path, "js.json", squad(id="a", answers=[{"text": "Eva Lund", "answer_start": start}]))
    assert question.answers[0].start == MILLER["answer_start"]
    with pytest.raises(InputError, match="the context has"):
        read(tmp_path, "wrong.json", squad(id="a", answers=[{"text": "Eva Lund", "answer_start": start + 1}]))


@pytest.mark.parametrize("form", ["lines", "list"])
def test_rows_of_other_tools(tmp_path: Path, form: str) -> None:
    rows = [
        {"id": "1", "question": "Who?", "context": CONTEXT, "answers": {"text": ["Per Dahl"], "answer_start": [37]}},
        {"id": "2", "question": "Who?", "document": "vik.txt", "answers": ["Per Dahl"]},
        {"user_input": "Who is it?", "reference": "Eva Lund", "reference_contexts": ["Other words.", CONTEXT]},
        {"user_input": "Who built it?", "reference": "A man called Per built it.", "reference_contexts": [CONTEXT]},
        {
            "id": 5,
            "data": {"text": CONTEXT, "question": "Who?"},
            "annotations": [{"result": [{"value": {"start": 37, "end": 45, "text": "Per Dahl"}, "type": "labels"}]}],
        },
        {"id": 6, "text": CONTEXT, "question": "Who?", "label": [[37, 45, "ANSWER"]]},
    ]
    value: Any = rows if form == "list" else "\n".join(map(json.dumps, rows)).encode()
    questions = read(tmp_path, "g.json" if form == "list" else "g.jsonl", value)
    assert [question.answers[0].text for question in questions] == [
        "Per Dahl",
        "Per Dahl",
        "Eva Lund",
        "A man called Per built it.",
        "Per Dahl",
        "Per Dahl",
    ]
    assert [question.located for question in questions] == [True, False, True, False, True, True]
    assert len({question.id for question in questions}) == len(rows)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("g.jsonl", {"id": 1, "text": CONTEXT, "label": [[37, 45, "ANSWER"]]}, "doccano"),
        ("g.json", [{"id": 1, "data": {"text": CONTEXT}, "annotations": []}], "Label Studio"),
        ("g.jsonl", {"user_input": [{"content": "Hello"}], "reference": "x"}, "RAGAS"),
        ("ragas.csv", {}, "one question a line"),
    ],
)
def test_what_is_no_question_is_told_its_conversion(tmp_path: Path, name: str, value: Any, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        read(tmp_path, name, value)
    assert '"answer_start": 0' in str(caught.value)
