"""Drafting gold questions from documents for a person to edit: nothing counts as gold before it has been reviewed.

A question is kept only if the reader, given the passages of the document, finds the same span for it ("roundtrip
consistency": Alberti, Andor, Pitler, Devlin and Collins, ACL 2019). The questions kept are therefore easy for the
reader: a gold set of only these reveals fewer failures than as many questions asked by people.
"""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eval.drafting.expressions import common_words, mid_sentence_names
from eval.drafting.patterns.pattern import Proposal
from eval.drafting.proposing import propose
from eval.gold.questions import GoldAnswer, GoldQuestion
from eval.measures.squad import f1, normalize_answer
from eval.results import RIGHT_F1
from index.documents import Document
from index.models.embedder import Embedder
from index.text.passages import cut_passages, embedding_text
from index.text.sentences import split_sentences
from qa.reading.reader import Reader
from qa.reading.spans import BEHIND
from qa.training.data import Row
from qa.training.making.edits import one_edit_unanswerables

MAX_CHARACTERS = 1_000_000
"""Only this much of a document is used: about 1,500 passages."""
PASSAGES_READ = 8
# Proposals put to the reader for each question wanted; about half are kept.
TRIES = 4
# Answerable questions for each unanswerable one, so that a quarter of the drafts are unanswerable.
ANSWERABLE_FOR_ONE = 3
BATCH = 16
# By how many words the reader's span may be longer or shorter than the proposed one ("some 10,000 troops").
_WORDS_AROUND = 3
_WORD = re.compile(r"[\w’'-]+")


@dataclass(frozen=True, slots=True)
class Draft:
    """A question to review, with the sentence it comes from; for an unanswerable question, `changed_from` is the
    answerable one that it was made from by one edit."""

    question: GoldQuestion
    sentence: str
    changed_from: str | None = None

    def line(self) -> str:
        """The draft as a line of a gold file, not reviewed yet; the "draft" field contains notes for the reviewer."""
        fields = self.question.model_dump(include={"id", "question", "answers", "document", "kind", "reviewed"})
        note: dict[str, Any] = {"sentence": self.sentence}
        if self.changed_from is not None:
            note["changed_from"] = self.changed_from
        return json.dumps(fields | {"draft": note}, ensure_ascii=False)


class Drafter:
    """Proposes questions from documents. The same document, models and seed always give the same drafts."""

    def __init__(self, reader: Reader, embedder: Embedder, *, questions: int = 10, seed: int = 13) -> None:
        """`questions` is the maximum number of answerable questions per document."""
        self._reader = reader
        self._embedder = embedder
        self._wanted = questions
        self._seed = seed

    def draft(self, document: Document, name: str) -> list[Draft]:
        """The drafts for one document in the order of its text, unanswerable ones last; `name` is the name of the
        document in the gold file."""
        source = _Source(document, name)
        rng = random.Random(f"{self._seed} {document.sha256}")
        proposals = _mixed(source.proposals(), rng)[: TRIES * self._wanted]
        if not proposals:
            return []
        asker = _Asker(source.document, self._reader, self._embedder)
        kept: list[tuple[Proposal, tuple[int, int]]] = []
        for begin in range(0, len(proposals), BATCH):
            batch = proposals[begin : begin + BATCH]
            for proposal, span in zip(batch, asker.best([p.question for p in batch]), strict=True):
                if span is not None and _same(source.text, proposal, span):
                    kept.append((proposal, span))
            if len(kept) >= self._wanted:
                break
        kept = sorted(kept[: self._wanted], key=lambda pair: pair[0].start)
        drafts = [source.answerable(number, *pair) for number, pair in enumerate(kept, start=1)]
        return drafts + self._unanswerable(source, drafts, asker)

    def _unanswerable(self, source: _Source, drafts: list[Draft], asker: _Asker) -> list[Draft]:
        """One-edit variants of some drafts, except those that the document seems to answer after all."""
        originals = {draft.question.id: draft for draft in drafts}
        rows = [row for draft in drafts if (row := asker.row(draft.question)) is not None]
        # The other passages are rows too, since names are swapped for names from these.
        rows += [Row(f"other-{number}", "", "", context, None, None, ()) for number, context in enumerate(asker.texts)]
        edited = one_edit_unanswerables(rows, self._seed)
        drafts_by_question: dict[str, Draft] = {}
        for row, span in zip(edited, asker.best([row.question for row in edited]), strict=True):
            original = originals[row.id.removeprefix("oe-")]
            before = _WORD.findall(original.question.question)
            new = [word for word in _WORD.findall(row.question) if word not in before]
            capital = next((word for word in new if word[0].isupper()), None)
            # The first word of a sentence may have been mistaken for a name ("Although the Taliban").
            clumsy = capital is not None and capital not in source.names
            # If the reader's sentence contains the very words that were swapped in, it may well be right.
            answered = span is not None and set(new).issubset(_WORD.findall(source.sentence_at(span[0])))
            if new and not clumsy and not answered:
                drafts_by_question.setdefault(row.question, source.unanswerable(original, row.question))
        return list(drafts_by_question.values())[: max(1, len(drafts) // ANSWERABLE_FOR_ONE)]


class _Source:
    """A document with its sentences, from which questions are made."""

    def __init__(self, document: Document, name: str) -> None:
        self.text = document.text[:MAX_CHARACTERS]
        # Pages, headings and rows may be beyond the part that is used.
        layout: dict[str, Any] = {"pages": (), "outline": (), "rows": ()} if self.text != document.text else {}
        self.document = document.model_copy(update={"text": self.text, **layout})
        self.names = mid_sentence_names(self.text)
        self._common = common_words(self.text)
        self._name = name
        self._sentences = split_sentences(self.text, markdown=document.media_type == "text/markdown")

    def proposals(self) -> Iterator[Proposal]:
        """Every question that a pattern proposes, in the order of the text, none twice."""
        asked: set[str] = set()
        for number, sentence in enumerate(self._sentences):
            after = self._sentences[number + 1] if number + 1 < len(self._sentences) else None
            follows = self.text[after.start : after.end] if after and after.block == sentence.block else ""
            for proposal in propose(self.text, sentence.start, sentence.end, follows=follows, common=self._common):
                if (key := normalize_answer(proposal.question)) not in asked:
                    asked.add(key)
                    yield proposal

    def sentence_at(self, at: int) -> str:
        covering = next((sentence for sentence in self._sentences if sentence.start <= at < sentence.end), None)
        return " ".join(self.text[covering.start : covering.end].split()) if covering else ""

    def answerable(self, number: int, proposal: Proposal, span_read: tuple[int, int]) -> Draft:
        """A proposal as a draft that accepts the reader's span too."""
        spans = dict.fromkeys([(proposal.start, proposal.end), span_read])
        question = GoldQuestion(
            id=f"{self.document.id[:8]}-{number}",
            question=proposal.question,
            answers=tuple(GoldAnswer(text=self.text[start:end], start=start, end=end) for start, end in spans),
            document=self._name,
            kind=proposal.kind,
            reviewed=False,
        )
        return Draft(question, self.sentence_at(proposal.start))

    def unanswerable(self, original: Draft, question: str) -> Draft:
        changes = {"id": f"{original.question.id}-u", "question": question, "answers": (), "kind": "unanswerable"}
        return Draft(
            original.question.model_copy(update=changes), original.sentence, changed_from=original.question.question
        )


class _Asker:
    """The passages of one document, and the reader's best span in those nearest to a question."""

    def __init__(self, document: Document, reader: Reader, embedder: Embedder) -> None:
        self._passages = cut_passages(document, embedder.count_tokens)
        self.texts = [document.text[passage.start : passage.end] for passage in self._passages]
        self._vectors = embedder.embed(
            [embedding_text(p.context, text) for p, text in zip(self._passages, self.texts, strict=True)]
        )
        self._reader = reader
        self._embedder = embedder

    def best(self, questions: Sequence[str]) -> list[tuple[int, int] | None]:
        """The best span `[start, end)` of the document for each question; None if none comes near an answer."""
        if not questions:
            return []
        scores = self._embedder.embed(questions) @ self._vectors.T
        nearest = np.argsort(-scores, axis=1, kind="stable")[:, :PASSAGES_READ]
        read = self._reader.read(questions, [[self.texts[number] for number in row] for row in nearest])
        best_spans: list[tuple[int, int] | None] = []
        for row, spans_by_passage in zip(nearest, read, strict=True):
            spans = [
                (span.margin, self._passages[number].start + span.start, self._passages[number].start + span.end)
                for number, passage_spans in zip(row, spans_by_passage, strict=True)
                for span in passage_spans
            ]
            margin, start, end = max(spans, key=lambda span: span[0], default=(-BEHIND, 0, 0))
            best_spans.append((start, end) if margin > -BEHIND else None)
        return best_spans

    def row(self, question: GoldQuestion) -> Row | None:
        """A drafted question as a training row with its passage; None if its answer spans two passages."""
        answer = question.answers[0]
        assert answer.start is not None and answer.end is not None
        for passage, text in zip(self._passages, self.texts, strict=True):
            start, end = answer.start - passage.start, answer.end - passage.start
            if start >= 0 and end <= len(text):
                return Row(question.id, "", question.question, text, start, end, (answer.text,))
        return None


def _mixed(proposals: Iterator[Proposal], rng: random.Random) -> list[Proposal]:
    """The proposals in random order, alternating between kinds: dates, the most frequent, must not crowd out others."""
    kinds: dict[str, list[Proposal]] = defaultdict(list)
    for proposal in proposals:
        kinds[proposal.kind].append(proposal)
    for group in kinds.values():
        rng.shuffle(group)
    turns = [(turn, kind) for kind in sorted(kinds) for turn in range(len(kinds[kind]))]
    return [kinds[kind][turn] for turn, kind in sorted(turns)]


def _same(text: str, proposal: Proposal, span_read: tuple[int, int]) -> bool:
    """Whether the reader's span matches the proposed one: right by F1, or nested with a difference of few words."""
    start, end = span_read
    if end <= proposal.start or proposal.end <= start:
        return False
    proposed, read = text[proposal.start : proposal.end], text[start:end]
    nested = (start <= proposal.start and proposal.end <= end) or (proposal.start <= start and end <= proposal.end)
    close = abs(len(proposed.split()) - len(read.split())) <= _WORDS_AROUND
    return f1(read, [proposed]) >= RIGHT_F1 or (nested and close)
