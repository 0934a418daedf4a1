"""Gold files: the three formats, and every way in which one can be malformed."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import eval.gold.questions
from eval.gold.questions import GoldAnswer, GoldQuestion, gold_schema, read_gold, scan_gold
from index.errors import InputError
from qa.types import Question

SEEDS = Path(__file__).parents[3] / "seeds"

OURS = {
    "id": "1",
    "question": "Who?",
    "document": "d.txt",
    "kind": "who",
    "answers": [{"text": "Ada", "start": 0, "end": 3}],
}
ROW = {
    "id": "1",
    "title": "T",
    "context": "Née Ada 😀 L.",
    "question": "Who?",
    "is_impossible": False,
    "source": "x",
    "answers": [{"text": "Ada", "answer_start": 4}, {"text": "L", "answer_start": 10}],
}


def squad(**changes: Any) -> dict[str, Any]:
    asked = {
        "id": "q1",
        "question": "Who?",
        "is_impossible": False,
        "plausible_answers": [],
        "answers": [{"text": "Ada", "answer_start": 4}],
    } | changes
    other = {"id": "q2", "question": "Why?", "is_impossible": True, "answers": []}
    paragraph = {"context": ROW["context"], "qas": [other, asked]}
    return {"version": "v2.0", "data": [{"title": "T", "paragraphs": [paragraph]}]}


def write(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    text = content if isinstance(content, (str, bytes)) else json.dumps(content, ensure_ascii=False)
    data = text if isinstance(text, bytes) else text.encode("utf-8")
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def test_the_seed_gold_holds_in_the_seed_article() -> None:
    questions = read_gold(SEEDS / "gold.jsonl")
    assert len(questions) == len({question.id for question in questions}) >= 85
    assert any(not question.answerable for question in questions)
    for question in questions:
        assert question.document is not None
        text = (SEEDS / question.document).read_bytes().decode("utf-8-sig")
        for answer in question.answers:
            assert text[answer.start : answer.end] == answer.text
        Question(question=question.question)


def test_our_lines(tmp_path: Path) -> None:
    unanswerable = {"id": "2", "question": "Why?", "answers": []}
    path = write(tmp_path, "g.jsonl", f"\ufeff{json.dumps(OURS)}\r\n\n{json.dumps(unanswerable)}")
    first, second = read_gold(path)
    assert first == GoldQuestion(
        id="1", question="Who?", document="d.txt", kind="who", answers=(GoldAnswer(text="Ada", start=0, end=3),)
    )
    assert first.answerable and first.located
    assert not second.answerable and not second.located and second.document is None


@pytest.mark.parametrize("name", ["g.jsonl", "g.jsonl.gz", "G.JSONL"])
def test_squad_rows_with_offsets_in_code_points(tmp_path: Path, name: str) -> None:
    (question,) = read_gold(write(tmp_path, name, ROW))
    assert [(answer.start, answer.end) for answer in question.answers] == [(4, 7), (10, 11)]
    assert question.context == ROW["context"] and question.title == "T" and question.located


@pytest.mark.parametrize("name", ["g.json", "g.json.gz"])
def test_squad_2_json(tmp_path: Path, name: str) -> None:
    first, second = read_gold(write(tmp_path, name, squad()))
    assert (first.id, first.answerable, first.title) == ("q2", False, "T")
    assert second.answers == (GoldAnswer(text="Ada", start=4, end=7),)
    assert second.context == ROW["context"]


def test_squad_1_json_has_no_is_impossible(tmp_path: Path) -> None:
    content = squad()
    del content["data"][0]["title"]
    for asked in content["data"][0]["paragraphs"][0]["qas"]:
        del asked["is_impossible"]
    assert [question.answerable for question in read_gold(write(tmp_path, "g.json", content))] == [False, True]


def test_a_line_separator_inside_a_string_does_not_end_the_line(tmp_path: Path) -> None:
    (question,) = read_gold(write(tmp_path, "g.jsonl", {"id": "1", "question": "Who\u2028\u0085?", "answers": []}))
    assert question.question == "Who\u2028\u0085?"


def test_natural_questions_open_lines(tmp_path: Path) -> None:
    lines = [{"question": "who wrote it", "answer": ["Ada", "Ada L."]}, {"id": "7", "question": "why", "answer": []}]
    first, second = read_gold(write(tmp_path, "nq.jsonl", "\n\n".join(json.dumps(line) for line in lines)))
    assert (first.id, [answer.text for answer in first.answers]) == ("line-1", ["Ada", "Ada L."])
    assert first.answerable and not first.located
    assert (second.id, second.answerable) == ("7", False)


def test_drafts_are_no_gold_but_can_be_scanned(tmp_path: Path) -> None:
    path = write(tmp_path, "g.jsonl", changed(OURS, reviewed=False, draft={"sentence": "Ada wrote it."}))
    with pytest.raises(InputError, match=r"line 1: reviewed: is false.*set it to true"):
        read_gold(path)
    ((place, question),) = scan_gold(path)
    assert isinstance(question, GoldQuestion) and (place, question.reviewed) == ("line 1", False)


def test_scanning_goes_on_behind_errors(tmp_path: Path) -> None:
    lines = [json.dumps(OURS), "{", b"\xff", json.dumps(OURS), json.dumps(OURS | {"id": "2", "question": ""})]
    content = b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines)
    scanned = list(scan_gold(write(tmp_path, "g.jsonl", content)))
    assert [place for place, _ in scanned] == [f"line {number}" for number in range(1, 6)]
    assert [isinstance(entry, GoldQuestion) for _, entry in scanned] == [True, False, False, False, False]


def test_the_schema_in_the_repository_is_up_to_date() -> None:
    committed = Path(eval.gold.questions.__file__).with_name("gold.schema.json").read_text(encoding="utf-8")
    assert committed == json.dumps(gold_schema(), indent=2) + "\n", "write it anew: qa gold schema"


def test_the_schema_describes_every_field_of_the_seed_gold() -> None:
    schema = gold_schema()
    answer = schema["$defs"]["GoldAnswer"]["properties"]
    for line in (SEEDS / "gold.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        assert set(schema["required"]) <= row.keys() <= schema["properties"].keys()
        assert all(given.keys() <= answer.keys() for given in row["answers"])
    assert all("description" in field for field in [*schema["properties"].values(), *answer.values()])


def changed(base: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {key: value for key, value in (base | changes).items() if value is not ...}


DEEP = "[" * 100_000
GZIPPED = gzip.compress(json.dumps(ROW).encode())

MALFORMED: list[tuple[str, str, Any, list[str]]] = [
    ("empty", "g.jsonl", b"", ["holds no question"]),
    ("blank lines only", "g.jsonl", b"\n \n", ["holds no question"]),
    ("empty json", "g.json", b"", ["line 1", "not JSON"]),
    ("no questions", "g.json", {"data": []}, ["holds no question"]),
    ("suffix", "g.csv", b"id", ["g.csv", ".jsonl", ".json"]),
    ("not utf-8", "g.jsonl", json.dumps(OURS).encode() + b'\n{"id": "\xff"}', ["line 2", "not UTF-8"]),
    ("utf-16", "g.jsonl", json.dumps(OURS).encode("utf-16"), ["line 1", "not UTF-8"]),
    ("not json", "g.jsonl", json.dumps(OURS) + "\n{'id': 1}", ["line 2", "column 2", "not JSON"]),
    ("cut off json", "g.json", '{"data":\n[', ["line 2", "not JSON"]),
    ("two values", "g.jsonl", json.dumps(OURS) * 2, ["line 1", "not JSON"]),
    ("list line", "g.jsonl", "[]", ["line 1", "JSON object", "list"]),
    ("null line", "g.jsonl", "null", ["line 1", "JSON object"]),
    ("string line", "g.jsonl", '"x"', ["line 1", "JSON object"]),
    ("json list", "g.json", "[]", ["holds no question"]),
    ("nan", "g.jsonl", '{"id": "1", "question": "q", "answers": [], "x": NaN}', ["line 1", "NaN"]),
    ("infinity", "g.jsonl", '{"id": "1", "question": "q", "answers": [], "x": -Infinity}', ["line 1", "Infinity"]),
    ("huge number", "g.jsonl", '{"id": ' + "1" * 5000 + "}", ["line 1", "JSON"]),
    ("deep", "g.jsonl", DEEP, ["line 1", "JSON"]),
    ("key twice", "g.jsonl", '{"id": "1", "question": "q", "answers": [], "answers": []}', ["line 1", "'answers'"]),
    ("no id", "g.jsonl", changed(OURS, id=...), ["line 1", "id", "required"]),
    ("number id", "g.jsonl", changed(OURS, id=7), ["line 1", "id", "string"]),
    ("empty id", "g.jsonl", changed(OURS, id=""), ["line 1", "id"]),
    ("no question", "g.jsonl", changed(OURS, question=...), ["line 1", "question", "required"]),
    ("blank question", "g.jsonl", changed(OURS, question=" \t"), ["line 1", "question", "empty"]),
    ("long question", "g.jsonl", changed(OURS, question="x" * 2001), ["line 1", "question", "2000"]),
    ("null question", "g.jsonl", changed(OURS, question=None), ["line 1", "question", "string"]),
    ("no answers", "g.jsonl", changed(OURS, answers=...), ["line 1", "answers", "required"]),
    ("null answers", "g.jsonl", changed(OURS, answers=None), ["line 1", "answers", "list"]),
    ("number answers", "g.jsonl", changed(OURS, answers=[7]), ["line 1", "answers[0]"]),
    ("answers by name", "g.jsonl", changed(OURS, answers={"text": "x"}), ["line 1", "answers", "list"]),
    ("no text", "g.jsonl", changed(OURS, answers=[{"start": 0, "end": 1}]), ["line 1", "answers[0].text", "required"]),
    ("empty text", "g.jsonl", changed(OURS, answers=[{"text": ""}]), ["line 1", "answers[0].text"]),
    ("start alone", "g.jsonl", changed(OURS, answers=[{"text": "x", "start": 0}]), ["answers[0]", "together"]),
    ("negative", "g.jsonl", changed(OURS, answers=[{"text": "x", "start": -1, "end": 0}]), ["answers[0].start"]),
    ("float", "g.jsonl", changed(OURS, answers=[{"text": "x", "start": 0.0, "end": 1}]), ["answers[0].start", "int"]),
    ("boolean", "g.jsonl", changed(OURS, answers=[{"text": "x", "start": False, "end": 1}]), ["answers[0].start"]),
    ("length", "g.jsonl", changed(OURS, answers=[{"text": "x", "start": 0, "end": 2}]), ["answers[0]", "[0, 2)"]),
    (
        "two places",
        "g.jsonl",
        changed(OURS, answers=[{"text": "x", "start": 0, "end": 1, "answer_start": 0}]),
        ["answers[0]", "answer_start"],
    ),
    ("document type", "g.jsonl", changed(OURS, document=3), ["line 1", "document"]),
    (
        "off by one",
        "g.jsonl",
        changed(ROW, answers=[{"text": "Ada", "answer_start": 5}]),
        ["line 1", "answers[0].text", "'Ada'", "'da '"],
    ),
    ("beyond the end", "g.jsonl", changed(ROW, answers=[{"text": "Ada", "answer_start": 500}]), ["answers[0].text"]),
    ("impossible with answers", "g.jsonl", changed(ROW, is_impossible=True), ["line 1", "is_impossible", "true"]),
    ("possible without", "g.jsonl", changed(ROW, answers=[]), ["line 1", "is_impossible", "false"]),
    ("impossible type", "g.jsonl", changed(ROW, is_impossible="no"), ["line 1", "is_impossible"]),
    ("same id", "g.jsonl", f"{json.dumps(OURS)}\n\n{json.dumps(OURS)}", ["line 3", "id", "'1'", "line 1"]),
    ("no data", "g.json", {"version": "v2.0"}, ["data", "required"]),
    ("data type", "g.json", {"data": {}}, ["data", "list"]),
    ("article type", "g.json", {"data": [3]}, ["data[0]"]),
    ("no context", "g.json", {"data": [{"paragraphs": [{"qas": []}]}]}, ["data[0].paragraphs[0].context", "required"]),
    ("squad id", "g.json", squad(id=None), ["data[0].paragraphs[0].qas[1].id"]),
    (
        "squad same id",
        "g.json",
        squad(id="q2"),
        ["data[0].paragraphs[0].qas[1]", "'q2'", "data[0].paragraphs[0].qas[0]"],
    ),
    ("squad question", "g.json", squad(question=""), ["data[0].paragraphs[0].qas[1].question", "empty"]),
    (
        "squad no start",
        "g.json",
        squad(answers=[{"text": "Ada"}]),
        ["data[0].paragraphs[0].qas[1].answers[0].answer_start", "required"],
    ),
    (
        "squad span",
        "g.json",
        squad(answers=[{"text": "Ada", "answer_start": 3}]),
        ["data[0].paragraphs[0].qas[1].answers[0].text", "[3, 6)"],
    ),
    ("squad impossible", "g.json", squad(is_impossible=True), ["data[0].paragraphs[0].qas[1].is_impossible"]),
]


@pytest.mark.parametrize(
    ("name", "content", "said"), [case[1:] for case in MALFORMED], ids=[case[0] for case in MALFORMED]
)
def test_malformed(tmp_path: Path, name: str, content: Any, said: list[str]) -> None:
    path = write(tmp_path, name, content)
    with pytest.raises(InputError) as caught:
        read_gold(path)
    for words in [str(path), *said]:
        assert words in str(caught.value)


@pytest.mark.parametrize("data", [b"{}", GZIPPED[:-9], GZIPPED[:40] + b"\0\0\0\0" + GZIPPED[44:], b""])
def test_broken_gzip(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "g.jsonl.gz"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"g\.jsonl\.gz"):
        read_gold(path)


@pytest.mark.parametrize("name", ["missing.jsonl", "nul\0.jsonl"])
def test_unreadable(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="jsonl"):
        read_gold(tmp_path / name)


def test_a_folder_is_no_gold_file(tmp_path: Path) -> None:
    (tmp_path / "g.jsonl").mkdir()
    with pytest.raises(InputError, match="is not a file"):
        read_gold(tmp_path / "g.jsonl")


@pytest.mark.parametrize("name", ["g.jsonl", "g.jsonl.gz"])
def test_too_large_even_when_compressed(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eval.gold.questions, "MAX_GOLD_BYTES", 2**20)
    padded = json.dumps(OURS) + " " * (2**20 - len(json.dumps(OURS)))
    assert len(read_gold(write(tmp_path, name, padded))) == 1
    with pytest.raises(InputError, match="more than 1 MiB"):
        read_gold(write(tmp_path, name, padded + " "))


def test_a_gold_question_checks_itself() -> None:
    with pytest.raises(ValidationError, match="the context has"):
        GoldQuestion(id="1", question="q", context="abc", answers=(GoldAnswer(text="b", start=0, end=1),))
