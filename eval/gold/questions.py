"""Gold files: questions with the answers that count as right, in JSON Lines or in SQuAD JSON."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from eval.gold.foreign import CONVERSION, NotConvertibleError, as_row, from_utf16, squad_question
from eval.gold.jsonfiles import AnyText, PlacedError, Text, json_object, json_value, lines, shown, validated, whole
from index.errors import InputError
from qa.types import MAX_QUESTION_LENGTH

MAX_GOLD_BYTES = 512 * 2**20
"""The most bytes that a gold file may hold, after decompression: about 50 times SQuAD 2.0's training set."""

_LINES = (".jsonl", ".jsonl.gz")
_SQUAD = (".json", ".json.gz")
# No text that can be indexed is longer, and a number of thousands of digits is none that anyone meant.
_MAX_OFFSET = 2**31 - 1

Offset = Annotated[int, Field(ge=0, le=_MAX_OFFSET)]


class GoldAnswer(BaseModel):
    """A text that counts as right and, where it is known, its place `[start, end)` in code points.

    The place is in the question's `context` if it has one, else in the text of its `document`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    text: Text = Field(description="The exact words.")
    start: Offset | None = Field(
        default=None, description="Where the words begin: Unicode code points from the start of the text, from 0."
    )
    end: Offset | None = Field(default=None, description="Where they end, exclusive: start + the length of the words.")

    @model_validator(mode="after")
    def _span_has_length_of_text(self) -> GoldAnswer:
        if (self.start is None) != (self.end is None):
            raise ValueError("start and end must be given together")
        if self.start is not None and self.end is not None and self.end - self.start != len(self.text):
            raise ValueError(f"[{self.start}, {self.end}) does not span the {len(self.text)} characters of the text")
        return self


class GoldQuestion(BaseModel):
    """A question and every answer that counts as right; none when the documents do not answer it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: Text = Field(description="Different for every question of the file.")
    question: Annotated[AnyText, Field(max_length=MAX_QUESTION_LENGTH)] = Field(description="As a user asks it.")
    answers: tuple[GoldAnswer, ...] = Field(
        description="Every text that counts as right; [] when the documents do not answer the question."
    )
    document: Text | None = Field(
        default=None, description="The file that the answers stand in: its path from the gold file, or its file name."
    )
    context: AnyText | None = Field(
        default=None, description="The paragraph that the question was written for; places are then in it."
    )
    title: AnyText = Field(default="", description="The title of the article that the context is from.")
    kind: AnyText | None = Field(default=None, description="A label of your own, by which results are grouped.")
    reviewed: bool = Field(
        default=True, description="false marks a draft that nobody has looked at: it is refused as gold."
    )

    @property
    def answerable(self) -> bool:
        return bool(self.answers)

    @property
    def located(self) -> bool:
        """Whether it is known where an answer stands, so that retrieval can be judged."""
        return (self.document is not None or self.context is not None) and any(
            answer.start is not None for answer in self.answers
        )

    @model_validator(mode="after")
    def _holds(self) -> GoldQuestion:
        if not self.question.strip():
            raise ValueError("question: is empty")
        if not any(character.isalnum() for character in self.question):
            raise ValueError("question: has no words")
        for number, answer in enumerate(self.answers):
            if self.context is None or answer.start is None or answer.end is None:
                continue
            standing = self.context[answer.start : answer.end]
            if standing != answer.text:
                raise ValueError(
                    f"answers[{number}].text: is {shown(answer.text)}, but the context has {shown(standing)} "
                    f"at [{answer.start}, {answer.end})"
                )
        return self


class _Raw(BaseModel):
    # Fields that are not ours (source, plausible_answers, version) are common in such files and change nothing.
    model_config = ConfigDict(extra="ignore", strict=True)


class _SquadAnswer(_Raw):
    text: Text
    answer_start: Offset


class _SquadQuestion(_Raw):
    id: Text
    question: str
    answers: list[_SquadAnswer]
    is_impossible: bool | None = None


class _Paragraph(_Raw):
    context: str
    qas: list[_SquadQuestion]

    @model_validator(mode="before")
    @classmethod
    def _as_squad_has_them(cls, value: Any) -> Any:
        asked = value.get("qas") if isinstance(value, dict) else None
        if not isinstance(asked, list):
            return value
        # Ids that are made up must be the same each time, and different for each question of the file.
        made = hashlib.sha256(str(value.get("context")).encode("utf-8", "surrogatepass")).hexdigest()[:12]
        return {**value, "qas": [squad_question(one, f"{made}-{number}") for number, one in enumerate(asked)]}


class _Article(_Raw):
    title: str = ""
    paragraphs: list[_Paragraph]


class _SquadFile(_Raw):
    data: list[_Article]


class _RowAnswer(_Raw):
    text: Text
    start: Offset | None = None
    end: Offset | None = None
    answer_start: Offset | None = None

    @model_validator(mode="after")
    def _one_place(self) -> _RowAnswer:
        if self.answer_start is not None and (self.start is not None or self.end is not None):
            raise ValueError("answer_start cannot stand beside start and end")
        return self


class _Row(_Raw):
    id: Text
    question: str
    answers: list[_RowAnswer]
    is_impossible: bool | None = None
    document: Text | None = None
    context: str | None = None
    title: str | None = None
    kind: str | None = None
    reviewed: bool = True


class _OpenRow(_Raw):
    id: Text | None = None
    question: str
    answer: list[Text]


def read_gold(path: str | Path) -> list[GoldQuestion]:
    """The questions of a gold file, in its order; at least one.

    The name tells the format: `.jsonl` and `.jsonl.gz` hold one object a line, ours
    `{id, question, answers: [{text, start, end}], document?, kind?}` (see `gold_schema`), a SQuAD row
    `{id, question, answers: [{text, answer_start}], context, title?, is_impossible?}` or a Natural Questions open row
    `{question, answer: [text]}`, whose id is its line; `.json` and `.json.gz` hold SQuAD 1.1 or 2.0
    (`{data: [{title, paragraphs: [{context, qas}]}]}`), or a list of such rows. What other tools write of the same is
    read too (see `eval.gold.foreign`). UTF-8, offsets in code points, or where these do not fit in UTF-16 units as
    JavaScript counts them, no answers meaning unanswerable. Other fields are ignored, as are blank lines.

    Raises InputError, naming the file, the line or JSON path and the field, for anything that cannot be scored as
    written: an unreadable, empty or undecodable file, one of more than `MAX_GOLD_BYTES`, bad JSON, a missing field or
    one of the wrong type, a question that `qa.types.Question` would refuse, a span that does not match its context, an
    `is_impossible` that contradicts the answers, an id that occurs twice, a draft that nobody has reviewed.
    """
    questions: list[GoldQuestion] = []
    for place, question in scan_gold(path):
        if isinstance(question, PlacedError):
            raise question
        if not question.reviewed:
            raise PlacedError(
                Path(path),
                place,
                "reviewed: is false: a draft that nobody has looked at. Correct the question and "
                "its answers or delete them, then set it to true",
            )
        questions.append(question)
    return questions


def scan_gold(path: str | Path) -> Iterator[tuple[str, GoldQuestion | PlacedError]]:
    """Every question of a gold file with its place, drafts too, and in place of one that cannot be used its error.

    Raises InputError, as `read_gold` does, where the file as a whole cannot be read or holds no question.
    """
    file = Path(path)
    name = file.name.lower()
    if not name.endswith(_LINES + _SQUAD):
        raise InputError(
            f"{file}: a gold file's name ends in {', '.join(_LINES)} (one question a line) "
            f"or {', '.join(_SQUAD)} (SQuAD); write each question of another file as a line {CONVERSION}"
        )
    places: dict[str, str] = {}
    empty = True
    for place, question in _from_squad(file) if name.endswith(_SQUAD) else _from_lines(file):
        empty = False
        if isinstance(question, GoldQuestion) and question.id in places:
            twice = f"id: {shown(question.id)} occurs twice, first at {places[question.id]}"
            yield place, PlacedError(file, place, twice)
            continue
        if isinstance(question, GoldQuestion):
            places[question.id] = place
        yield place, question
    if empty:
        raise InputError(f"{file}: holds no question")


def gold_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a line of our own gold files, from the model that reads them."""
    schema = GoldQuestion.model_json_schema()
    # Reading ignores fields that it does not know; only code that builds questions is held to the known ones.
    for model in (schema, *schema["$defs"].values()):
        del model["additionalProperties"]
    schema["title"] = "spanqa gold question, one line of a .jsonl file"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _from_lines(file: Path) -> Iterator[tuple[str, GoldQuestion | PlacedError]]:
    for number, line in lines(file, MAX_GOLD_BYTES):
        try:
            if isinstance(line, PlacedError):
                raise line
            yield f"line {number}", _from_row(file, number, json_object(file, line, number))
        except PlacedError as error:
            yield f"line {number}", error


def _from_row(file: Path, number: int, value: dict[str, Any], place: str = "") -> GoldQuestion:
    place = place or f"line {number}"
    try:
        value = as_row(value, number)
    except NotConvertibleError as error:
        raise PlacedError(file, place, str(error)) from error
    if "answer" in value and "answers" not in value:
        open_row = validated(file, place, _OpenRow, value)
        answers: list[dict[str, Any]] = [{"text": text} for text in open_row.answer]
        fields: dict[str, Any] = {"id": open_row.id or place.replace(" ", "-"), "question": open_row.question}
    else:
        row = validated(file, place, _Row, value)
        answers = [
            {"text": answer.text, "start": answer.start, "end": answer.end}
            if answer.answer_start is None
            else _span(answer.text, answer.answer_start, row.context)
            for answer in row.answers
        ]
        _check_impossible(file, place, row.is_impossible, answers)
        fields = row.model_dump(exclude={"answers", "is_impossible"}) | {"title": row.title or ""}
    return validated(file, place, GoldQuestion, {**fields, "answers": tuple(answers)})


def _from_squad(file: Path) -> Iterator[tuple[str, GoldQuestion | PlacedError]]:
    value = json_value(file, whole(file, MAX_GOLD_BYTES))
    if isinstance(value, list):
        yield from _from_list(file, value)
        return
    if not isinstance(value, dict):
        raise PlacedError(file, "line 1", f"should be a JSON object, is a {type(value).__name__}")
    squad = validated(file, "", _SquadFile, value)
    for i, article in enumerate(squad.data):
        for j, paragraph in enumerate(article.paragraphs):
            for k, asked in enumerate(paragraph.qas):
                place = f"data[{i}].paragraphs[{j}].qas[{k}]"
                try:
                    yield place, _from_qa(file, place, article.title, paragraph.context, asked)
                except PlacedError as error:
                    yield place, error


def _from_list(file: Path, values: list[Any]) -> Iterator[tuple[str, GoldQuestion | PlacedError]]:
    for number, value in enumerate(values):
        place = f"[{number}]"
        try:
            if not isinstance(value, dict):
                raise PlacedError(file, place, f" should be a JSON object, is a {type(value).__name__}")
            yield place, _from_row(file, number + 1, value, place)
        except PlacedError as error:
            yield place, error


def _from_qa(file: Path, place: str, title: str, context: str, asked: _SquadQuestion) -> GoldQuestion:
    answers = tuple(_span(answer.text, answer.answer_start, context) for answer in asked.answers)
    _check_impossible(file, place, asked.is_impossible, answers)
    fields = {"id": asked.id, "question": asked.question, "answers": answers, "context": context, "title": title}
    return validated(file, place, GoldQuestion, fields)


def _span(text: str, start: int, context: str | None) -> dict[str, Any]:
    start = start if context is None else from_utf16(context, text, start)
    return {"text": text, "start": start, "end": start + len(text)}


def _check_impossible(file: Path, place: str, impossible: bool | None, answers: Sequence[Any]) -> None:
    if impossible is not None and impossible == bool(answers):
        said, has = ("true", "has answers") if impossible else ("false", "has no answer")
        raise PlacedError(file, place, f"is_impossible: is {said}, but the question {has}")
