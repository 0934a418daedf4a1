"""Gold files: questions with the answers that count as right, in JSON Lines or in SQuAD JSON."""

from __future__ import annotations

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from index.errors import InputError
from qa.types import MAX_QUESTION_LENGTH

MAX_GOLD_BYTES = 512 * 2**20
"""The most bytes that a gold file may hold, after decompression: about 50 times SQuAD 2.0's training set."""

_LINES = (".jsonl", ".jsonl.gz")
_SQUAD = (".json", ".json.gz")

Text = Annotated[str, Field(min_length=1)]
Offset = Annotated[int, Field(ge=0)]


class GoldAnswer(BaseModel):
    """A text that counts as right and, where it is known, its place `[start, end)` in code points.

    The place is in the question's `context` if it has one, else in the text of its `document`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    text: Text
    start: Offset | None = None
    end: Offset | None = None

    @model_validator(mode="after")
    def _span_has_length_of_text(self) -> GoldAnswer:
        if (self.start is None) != (self.end is None):
            raise ValueError("start and end must be given together")
        if self.start is not None and self.end is not None and self.end - self.start != len(self.text):
            raise ValueError(f"[{self.start}, {self.end}) does not span the {len(self.text)} characters of the text")
        return self


class GoldQuestion(BaseModel):
    """A question and every answer that counts as right; none when the documents do not answer it.

    `document` is the name of the document's file as the gold file has it; `context` the paragraph that a SQuAD
    question was written for; `kind` a label of the author's, for reading results.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: Text
    question: Annotated[str, Field(max_length=MAX_QUESTION_LENGTH)]
    answers: tuple[GoldAnswer, ...]
    document: Text | None = None
    context: str | None = None
    title: str = ""
    kind: str | None = None

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
        for number, answer in enumerate(self.answers):
            if self.context is None or answer.start is None or answer.end is None:
                continue
            found = self.context[answer.start : answer.end]
            if found != answer.text:
                raise ValueError(
                    f"answers[{number}].text: is {answer.text!r}, but the context has {found!r} "
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


_Parsed = TypeVar("_Parsed", bound=BaseModel)


def read_gold(path: str | Path) -> list[GoldQuestion]:
    """The questions of a gold file, in its order; at least one.

    The name tells the format: `.jsonl` and `.jsonl.gz` hold one object a line,
    `{id, question, answers: [{text, start, end}], document?, kind?}` or a SQuAD row
    `{id, question, answers: [{text, answer_start}], context, title?, is_impossible?}`; `.json` and `.json.gz` hold
    SQuAD 1.1 or 2.0 (`{data: [{title, paragraphs: [{context, qas}]}]}`). UTF-8, offsets in code points, no answers
    meaning unanswerable. Other fields are ignored, as are empty lines.

    Raises InputError, naming the file, the line or JSON path and the field, for anything that cannot be scored as
    written: an unreadable, empty or undecodable file, one of more than `MAX_GOLD_BYTES`, bad JSON, a missing field or
    one of the wrong type, a question that `qa.types.Question` would refuse, a span that does not match its context, an
    `is_impossible` that contradicts the answers, an id that occurs twice.
    """
    file = Path(path)
    name = file.name.lower()
    if not name.endswith(_LINES + _SQUAD):
        raise InputError(
            f"{file}: a gold file's name ends in {', '.join(_LINES)} (one question a line) "
            f"or {', '.join(_SQUAD)} (SQuAD)"
        )
    text = _text(file)
    rows = _from_squad(file, text) if name.endswith(_SQUAD) else _from_lines(file, text)
    questions: list[GoldQuestion] = []
    places: dict[str, str] = {}
    for place, question in rows:
        if question.id in places:
            raise InputError(f"{file}: {place}: id: {question.id!r} occurs twice, first at {places[question.id]}")
        places[question.id] = place
        questions.append(question)
    if not questions:
        raise InputError(f"{file}: holds no question")
    return questions


def _text(file: Path) -> str:
    try:
        # A device or a pipe has no end that could be waited for.
        if file.exists() and not file.is_file():
            raise InputError(f"{file}: is not a file")
        with gzip.open(file, "rb") if file.name.lower().endswith(".gz") else file.open("rb") as stream:
            data = stream.read(MAX_GOLD_BYTES + 1)
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror or error}") from error
    except (EOFError, zlib.error) as error:
        raise InputError(f"{file}: is not a whole gzip file: {error}") from error
    except ValueError as error:
        raise InputError(f"{file}: cannot be read: {error}") from error
    if len(data) > MAX_GOLD_BYTES:
        raise InputError(
            f"{file}: holds more than {MAX_GOLD_BYTES >> 20} MiB, the most that a gold file may hold; split it"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{file}: line {line}: is not UTF-8 (byte {error.start}: {error.reason})") from error


def _from_lines(file: Path, text: str) -> Iterator[tuple[str, GoldQuestion]]:
    # Only a line feed ends a line: U+2028 and its like may stand inside a JSON string.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        place = f"line {number}"
        row = _validated(file, place + ": ", _Row, _json(file, line, number))
        answers = [
            {"text": answer.text, "start": answer.start, "end": answer.end}
            if answer.answer_start is None
            else _span(answer.text, answer.answer_start)
            for answer in row.answers
        ]
        _check_impossible(file, place + ": ", row.is_impossible, answers)
        fields = {**row.model_dump(include={"id", "question", "document", "context", "kind"}), "title": row.title or ""}
        yield place, _validated(file, place + ": ", GoldQuestion, {**fields, "answers": tuple(answers)})


def _from_squad(file: Path, text: str) -> Iterator[tuple[str, GoldQuestion]]:
    squad = _validated(file, "", _SquadFile, _json(file, text, 1))
    for i, article in enumerate(squad.data):
        for j, paragraph in enumerate(article.paragraphs):
            for k, asked in enumerate(paragraph.qas):
                place = f"data[{i}].paragraphs[{j}].qas[{k}]"
                answers = tuple(_span(answer.text, answer.answer_start) for answer in asked.answers)
                _check_impossible(file, place + ".", asked.is_impossible, answers)
                fields = {"id": asked.id, "question": asked.question, "answers": answers}
                fields |= {"context": paragraph.context, "title": article.title}
                yield place, _validated(file, place + ".", GoldQuestion, fields)


def _span(text: str, start: int) -> dict[str, Any]:
    return {"text": text, "start": start, "end": start + len(text)}


def _check_impossible(file: Path, prefix: str, impossible: bool | None, answers: Any) -> None:
    if impossible is not None and impossible == bool(answers):
        said, has = ("true", "has answers") if impossible else ("false", "has no answer")
        raise InputError(f"{file}: {prefix}is_impossible: is {said}, but the question {has}")


def _json(file: Path, text: str, first_line: int) -> Any:
    try:
        value = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_repeated_key)
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        raise InputError(f"{file}: line {line}: column {error.colno}: is not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: line {first_line}: is not usable JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{file}: line {first_line}: should be a JSON object, is a {type(value).__name__}")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _no_repeated_key(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        # Which of the two was meant cannot be known, and the parser would drop one silently.
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise ValueError(f"the key {twice!r} occurs twice in one object")
    return found


def _validated(file: Path, prefix: str, model: type[_Parsed], value: Any) -> _Parsed:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ""
        for part in first["loc"]:
            field += f"[{part}]" if isinstance(part, int) else f".{part}" if field else part
        message = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{file}: {prefix}{field}{': ' if field else ''}{message}") from error
