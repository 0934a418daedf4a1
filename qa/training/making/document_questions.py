"""Questions that people asked of whole documents, as rows on the passages that spanqa cuts them into.

A set NAME is `gold-NAME.jsonl` (`{id, question, document, kind, answers: [{text, start, end}]}`, offsets in code points
of the document's text, the best span first, no answers where the document holds none), beside it, where there are any,
`traps-NAME.jsonl` (`{id, text, start, end}`: what a careless reader would answer) and `documents-NAME.tsv` (columns id,
title, date), and the documents by their paths.
"""

from __future__ import annotations

import csv
import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import track

from index.documents import Document, Passage
from index.errors import InputError
from index.loading.files import load_file
from index.text.legible import Legible, legible
from index.text.passages import TokenCounter, cut_passages
from qa.reading.heading import reading_heading
from qa.retrieval.bm25 import Bm25
from qa.training.data import Row

# Of a question's own document: the best-matching passage that lacks the answer, and so many drawn from those after it.
DRAWN, DRAWN_FROM = 2, 6
# How far down the passages of other documents one is looked for.
OTHERS_DEPTH = 12
# How often a question also gets a passage of another document, and a passage is dated where the date is known.
OTHERS_SHARE, DATED_SHARE = 0.5, 0.5
_WORDS = re.compile(r"\w+")


class DocumentRows(NamedTuple):
    """`answers`: each answerable question with a passage that holds its best span; `traps`: the unanswerable ones with
    the passages that come closest; `negatives`: the answerable ones with passages that hold no acceptable answer."""

    answers: list[Row]
    traps: list[Row]
    negatives: list[Row]


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """The files of a set: `documents` maps a document's id (its file's stem) to its title and its date, both may be
    empty."""

    gold: Path
    questions: list[dict[str, Any]]
    traps: dict[str, tuple[int, int]]
    documents: dict[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Cut:
    """A passage of a document as it is read."""

    name: str
    passage: Passage
    seen: Legible
    date: str

    def heading(self, rng: random.Random) -> str:
        dated = bool(self.date) and rng.random() < DATED_SHARE
        return reading_heading(self.passage.context, self.date if dated else None)


def find_questions(data_dir: Path, name: str) -> QuestionSet:
    """Read a set by its name, which may begin with a folder. Raises InputError for what is missing or malformed."""
    folder, stem = (data_dir / name).parent, Path(name).name
    gold = folder / f"gold-{stem}.jsonl"
    questions = list(_lines(gold))
    traps_path, table = folder / f"traps-{stem}.jsonl", folder / f"documents-{stem}.tsv"
    traps = {}
    if traps_path.is_file():
        traps = {record["id"]: (record["start"], record["end"]) for record in _lines(traps_path)}
    documents = {}
    if table.is_file():
        with table.open(encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                documents[line["id"]] = (line.get("title") or "", line.get("date") or "")
    return QuestionSet(gold, questions, traps, documents)


def document_rows(found: QuestionSet, count_tokens: TokenCounter, seed: int, *, console: Console) -> DocumentRows:
    """The rows of a set, on passages cut as indexing cuts them. Raises InputError for offsets that do not fit."""
    rng = random.Random(seed)
    names = list(dict.fromkeys(question["document"] for question in found.questions))
    cuts_by_name: dict[str, list[_Cut]] = {}
    for name in track(names, "cutting the documents", console=console):
        cuts_by_name[name] = _cut(found, name, count_tokens)
    everything = [cut for name in names for cut in cuts_by_name[name]]
    own = {name: Bm25([_searched(cut) for cut in cuts]) for name, cuts in cuts_by_name.items()}
    among_all = Bm25([_searched(cut) for cut in everything])
    rows = DocumentRows([], [], [])
    for question in track(found.questions, "choosing passages", console=console):
        name = question["document"]
        cuts = cuts_by_name[name]
        ranked = [cuts[number] for number in own[name].best(question["question"])]
        lacking = [cut for cut in ranked if not _holds_answer(cut, question)]
        others = [everything[number] for number in among_all.best(question["question"], OTHERS_DEPTH)]
        others = [cut for cut in others if cut.name != name and not _says_answer(cut, question)]
        if question["answers"]:
            answer = _answer_row(question, ranked, rng)
            if answer is not None:
                rows.answers.append(answer)
            close, kind = _close(lacking, None, rng), rows.negatives
        else:
            close, kind = _close(lacking, found.traps.get(question["id"]), rng), rows.traps
        if others and rng.random() < OTHERS_SHARE:
            close.append(others[0])
        kind.extend(_row(question, cut, number, None, rng) for number, cut in enumerate(close))
    return rows


def _cut(found: QuestionSet, name: str, count_tokens: TokenCounter) -> list[_Cut]:
    path = found.gold.parent / name
    title, date = found.documents.get(path.stem, ("", ""))
    document = load_file(path)
    if title and not document.own_title:
        document = document.model_copy(update={"title": title, "own_title": True})
    _check_offsets(found, name, document)
    passages = cut_passages(document, count_tokens)
    texts = [document.text[passage.start : passage.end] for passage in passages]
    return [
        _Cut(name, passage, legible(text, passage.context), date or document.date or "")
        for passage, text in zip(passages, texts, strict=True)
    ]


def _check_offsets(found: QuestionSet, name: str, document: Document) -> None:
    for question in found.questions:
        if question["document"] == name:
            for answer in question["answers"]:
                if document.text[answer["start"] : answer["end"]] != answer["text"]:
                    raise InputError(f"{found.gold}: an answer of {question['id']!r} is not at {answer['start']}")


def _close(lacking: Sequence[_Cut], trap: tuple[int, int] | None, rng: random.Random) -> list[_Cut]:
    """The passage of the trap, where there is one, the best-matching one, and some of those after it."""
    trapped = [cut for cut in lacking if trap and cut.passage.start <= trap[0] and trap[1] <= cut.passage.end][:1]
    rest = [cut for cut in lacking if cut not in trapped]
    drawn = rng.sample(rest[1 : 1 + DRAWN_FROM], min(DRAWN, len(rest[1 : 1 + DRAWN_FROM])))
    return [*trapped, *rest[:1], *drawn]


def _answer_row(question: Mapping[str, Any], ranked: Sequence[_Cut], rng: random.Random) -> Row | None:
    """The best span in the best-matching passage that holds the whole of it; where none does, the next acceptable."""
    for answer in question["answers"]:
        for number, cut in enumerate(ranked):
            begin = cut.passage.start
            if begin <= answer["start"] and answer["end"] <= cut.passage.end:
                span = cut.seen.span_of_source(answer["start"] - begin, answer["end"] - begin)
                if span is not None:
                    return _row(question, cut, number, span, rng)
    return None


def _row(question: Mapping[str, Any], cut: _Cut, number: int, span: tuple[int, int] | None, rng: random.Random) -> Row:
    start, end = span or (None, None)
    return Row(
        id=f"{question['id']}-{'a' if span else 'n'}{number}",
        title=question["document"],
        question=question["question"],
        context=cut.seen.text,
        start=start,
        end=end,
        answers=(cut.seen.text[start:end],) if span else (),
        heading=cut.heading(rng),
    )


def _holds_answer(cut: _Cut, question: Mapping[str, Any]) -> bool:
    """Whether a passage of the question's document holds some of an acceptable answer, or says it again elsewhere."""
    passage = cut.passage
    return any(
        answer["start"] < passage.end and passage.start < answer["end"] for answer in question["answers"]
    ) or _says_answer(cut, question)


def _says_answer(cut: _Cut, question: Mapping[str, Any]) -> bool:
    said = f" {' '.join(_WORDS.findall(cut.seen.text.lower()))} "
    return any(f" {' '.join(_WORDS.findall(answer['text'].lower()))} " in said for answer in question["answers"])


def _searched(cut: _Cut) -> str:
    return f"{cut.passage.context}\n{cut.seen.text}"


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(lines, start=1):
                record = json.loads(line)
                if not isinstance(record, dict) or "id" not in record:
                    raise InputError(f"{path}, line {number}: no object with an id")
                yield record
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error})") from error
