"""Training rows: reading extractive question-answering files and checking their spans."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index.errors import InputError


@dataclass(frozen=True, slots=True)
class Row:
    """A question with one passage. `start`/`end` are code points into `context`, None when it does not answer.

    `original` is the question as it was written where `question` is a variant of it. `teacher` is the share of the loss
    that a teacher's distribution takes from the row's own label, where there is one. `heading` is what the passage is
    shown to stand under.
    """

    id: str
    title: str
    question: str
    context: str
    start: int | None
    end: int | None
    answers: tuple[str, ...]
    original: str | None = None
    teacher: float = 0.0
    heading: str = ""

    @property
    def answerable(self) -> bool:
        return self.start is not None


def find_source(data_dir: Path, name: str) -> Path:
    """The file of a source: `NAME.jsonl.gz`, `NAME.jsonl` or `NAME.json`, in the folder or in `qa_train/`."""
    for folder in (data_dir, data_dir / "qa_train"):
        for suffix in (".jsonl.gz", ".jsonl", ".json"):
            path = folder / f"{name}{suffix}"
            if path.is_file():
                return path
    raise InputError(f"no file {name}.jsonl.gz, {name}.jsonl or {name}.json in {data_dir}; see --data")


def read_rows(path: Path) -> list[Row]:
    """Read a source: JSON lines (gzip'd or not) with SQuAD-like fields, or a SQuAD 1.1/2.0 JSON file."""
    if path.name.endswith(".json"):
        return list(_squad_rows(path))
    opener = gzip.open if path.suffix == ".gz" else open
    rows = []
    try:
        with opener(path, "rt", encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    record = json.loads(line)
                    rows.append(_row(record, record["context"], record.get("title", "")))
                except (ValueError, KeyError, TypeError) as error:
                    raise InputError(f"{path}, line {number}: not a question row ({error!r})") from error
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    return rows


def sample(rows: list[Row], limit: int | None, seed: int) -> list[Row]:
    """At most `limit` rows, drawn without replacement by a seeded generator."""
    if limit is None or limit >= len(rows):
        return list(rows)
    return random.Random(seed).sample(rows, limit)


def _squad_rows(path: Path) -> Iterator[Row]:
    try:
        articles = json.loads(path.read_text(encoding="utf-8"))["data"]
        for article in articles:
            for paragraph in article["paragraphs"]:
                for question in paragraph["qas"]:
                    yield _row(question, paragraph["context"], article.get("title", ""))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not a SQuAD JSON file ({error!r})") from error


def _row(record: dict[str, Any], context: str, title: str) -> Row:
    answers = [] if record.get("is_impossible") else record["answers"]
    start = end = None
    if answers:
        text, start = answers[0]["text"], int(answers[0]["answer_start"])
        end = start + len(text)
        if not text or start < 0 or context[start:end] != text:
            raise ValueError(f"answer {text!r} is not at {start}")
    texts = tuple(answer["text"] for answer in answers)
    heading = record.get("heading", "")
    return Row(str(record["id"]), title, record["question"], context, start, end, texts, heading=heading)
