"""What every system is given: a corpus of so many passages, and questions that it answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.gold.corpus import article_documents, context_uri, gold_documents
from eval.gold.questions import GoldQuestion
from eval.gold.sampling import draw
from index.disk.atomic import write_whole
from index.documents import Document, Passage
from index.errors import InputError
from index.models.embedder import Embedder
from index.text.passages import cut_passages

LEAST_QUESTIONS = 4


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, its gold answers, and the numbers of the passages that hold one."""

    question: str
    golds: tuple[str, ...]
    relevant: frozenset[int]


@dataclass(frozen=True, slots=True)
class Corpus:
    """A corpus file (see `eval.bench.peers.adapters.wire.documents`): its path and hash, how many passages each
    document has, and the questions."""

    path: Path
    sha256: str
    passages_of: tuple[int, ...]
    questions: tuple[Asked, ...]

    @property
    def documents(self) -> int:
        return len(self.passages_of)

    @property
    def passages(self) -> int:
        return sum(self.passages_of)

    def stretches(self, passages: int, count: int) -> list[tuple[int, int]]:
        """`count` stretches of documents `[first, last)` one after the other, each of at least `passages` passages as
        far as there are so many."""
        made, first, held = [], 0, 0
        for last, passages_in_document in enumerate(self.passages_of, start=1):
            held += passages_in_document
            if held >= passages:
                made.append((first, last))
                first, held = last, 0
                if len(made) == count:
                    break
        return made


def write_corpus(
    path: Path, gold: Sequence[GoldQuestion], articles: Path, embedder: Embedder, *, passages: int, questions: int
) -> Corpus:
    """Cut and write a corpus of `passages` passages: the paragraphs of the questions asked, the other paragraphs of the
    gold set, and then articles. Whole documents: one that would be too much is left out.

    The questions are answerable and drawn by a seed. Raises InputError for too few of them, or too few texts.
    """
    asked = draw([question for question in gold if question.located and question.context], questions)
    if len(asked) < LEAST_QUESTIONS:
        raise InputError(
            f"{len(asked)} questions have an answer with a known place in a paragraph, and at least {LEAST_QUESTIONS} "
            "are needed: name a gold set with paragraphs, as SQuAD's"
        )
    first = {question.context for question in asked}
    ordered = [*asked, *(question for question in gold if question.context not in first)]
    rows: list[str] = []
    numbers: dict[str, tuple[int, list[Passage]]] = {}
    counts: list[int] = []
    total = 0
    for document in _all(ordered, articles):
        cut = cut_passages(document, embedder.count_tokens)
        if not cut or total + len(cut) > passages:
            continue
        numbers[document.uri] = total, cut
        row = {"uri": document.uri, "title": document.title, "text": document.text, "number": total}
        rows.append(json.dumps(row | {"passages": [(p.start, p.end) for p in cut]}))
        counts.append(len(cut))
        total += len(cut)
        if total == passages:
            break
    if total < passages * 0.99:
        raise InputError(f"the gold paragraphs and {articles} come to {total:,} passages, {passages:,} are needed")
    lost = [question for question in asked if context_uri(question.context or "") not in numbers]
    if lost:
        raise InputError(
            f"{passages:,} passages do not hold the paragraphs of the {len(asked)} questions: take fewer --questions"
        )
    content = ("\n".join(rows) + "\n").encode("utf-8")
    write_whole(path, content)
    return Corpus(
        path=path,
        sha256=hashlib.sha256(content).hexdigest(),
        passages_of=tuple(counts),
        questions=tuple(_asked(question, *numbers[context_uri(question.context or "")]) for question in asked),
    )


def _all(gold: Sequence[GoldQuestion], articles: Path) -> Iterator[Document]:
    yield from gold_documents(gold)
    yield from article_documents(articles)


def _asked(question: GoldQuestion, number: int, cut: Sequence[Passage]) -> Asked:
    spans = [(a.start, a.end) for a in question.answers if a.start is not None and a.end is not None]
    relevant = {
        number + place
        for place, passage in enumerate(cut)
        if any(passage.start <= start and end <= passage.end for start, end in spans)
    }
    return Asked(question.question, tuple(answer.text for answer in question.answers), frozenset(relevant))
