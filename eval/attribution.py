"""Why an answer is wrong: exactly one cause for every error.

The stages are the corpus, the cutting into passages, retrieval, reading, making distinct answers of spans, and the
threshold. They are made perfect one after the other, and what follows is run again on what they then deliver; the cause
is the first stage at which the outcome comes right. A stage that had delivered already is left as it was. So the cause
is the last thing that must be mended, after everything before it:

not in corpus     the gold document is not in the store, or not in the version that holds the answer; where the gold
                  gives only words, they stand nowhere in the store
passage cutting   no stored passage holds an answer whole; with a passage cut around it, the outcome is right
retrieval         a stored passage holds it, but was not read; put first among those read, the outcome is right
reading           a passage that holds it was read, but its span does not come first; were it the only span found, and
                  surely, the outcome would be right. For a question without an answer: the reader scored a span above
                  "no answer"
duplicate merge   a right span would come first, had it not been merged with a wrong one (overlapping places and equal
                  words become one answer, and its words are completed)
threshold         a right answer comes first, but its confidence is below the threshold; for a question without an
                  answer: the reader scored "no answer" above the span, the threshold let it through nevertheless
failed            the question ended in an error, and was not answered at all
unknown           whoever answered cannot be looked into, so that no stage can be run again
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from eval.gold import GoldQuestion
from eval.places import StorePlaces
from eval.results import RIGHT_F1, Cause
from eval.squad import f1
from index.catalogue import embedding_text
from index.documents import StoredPassage
from index.sentences import sentences_around, split_sentences
from qa.candidates import ReadPassage, candidates, whole_words
from qa.confidence import MARGIN_LIMIT
from qa.engine import Engine, Judged
from qa.fusion import Fused
from qa.legibly import Readable, read_legibly
from qa.spans import Span
from qa.types import Question

MEANING: dict[Cause, str] = {
    "not in corpus": "the store does not hold the document, or not the words of the answer",
    "passage cutting": "right with a passage that holds the answer whole; no stored one does",
    "retrieval": "right with the passage that holds the answer, which was not among those read",
    "reading": "the passage was read, but its answer did not come first; or a span was found where there is none",
    "duplicate merge": "right if the span had not been merged with a wrong one",
    "threshold": "a right answer came first and was withheld; or one that the reader itself doubted was given",
    "failed": "ended in an error and was not answered",
    "unknown": "the system that answered cannot be looked into",
}
"""Each cause in a line, for a table; the definitions are above."""

Place = tuple[str, int, int]
# Places of an answer that are looked at: words like "two" stand everywhere.
MAX_PLACES = 50


class Attribution:
    """Finds the cause of wrong outcomes of an engine, by running its later stages again."""

    def __init__(self, engine: Engine, places: StorePlaces) -> None:
        self._engine = engine
        self._places = places

    def cause(self, gold: GoldQuestion, question: Question, read: Sequence[ReadPassage]) -> Cause:
        """The cause of a wrong outcome, given the passages that were read with the spans found in them."""
        if not gold.answerable:
            found = self._engine.judge(question, read)
            return "reading" if found and found[0].candidate.best.margin > 0 else "threshold"
        answers = self._answers(gold)
        if not answers:
            return "not in corpus"
        if not any(_held(entry.passage, answers) for entry in read):
            stored = self._holding(answers)
            perfect = self._read(question, stored or self._cut_around(answers[0]), read)
            read = [perfect, *read[: question.passages - 1]]
            if self._right(gold, question, self._engine.judge(question, read)):
                return "retrieval" if stored else "passage cutting"
        return self._later(gold, question, read, answers)

    def _later(
        self, gold: GoldQuestion, question: Question, read: Sequence[ReadPassage], answers: Sequence[Place]
    ) -> Cause:
        """The cause where a passage that holds an answer was read."""
        if _first_right(gold, self._engine.judge(question, read)):
            return "threshold"
        unmerged = self._judge_unmerged(gold, question, read)
        if _first_right(gold, unmerged):
            return "duplicate merge" if self._right(gold, question, unmerged) else "threshold"
        surely = self._engine.judge(question, [_only_gold(entry, answers) for entry in read])
        if _first_right(gold, surely):
            return "reading" if self._right(gold, question, surely) else "threshold"
        return "duplicate merge"

    def _answers(self, gold: GoldQuestion) -> list[Place]:
        place = self._places.place(gold)
        if place is not None and place.spans:
            return [(place.document, start, end) for start, end in place.spans]
        return self._places.occurrences(gold)[:MAX_PLACES]

    def _holding(self, answers: Sequence[Place]) -> StoredPassage | None:
        for document in dict.fromkeys(document for document, _, _ in answers):
            for passage in self._places.passages(document):
                if _held(passage, answers):
                    return passage
        return None

    def _cut_around(self, answer: Place) -> StoredPassage:
        """The sentences of an answer and one more on either side, as a passage."""
        owner, start, end = answer
        document = self._places.document(owner)
        text = document.text if document else ""
        first, last = sentences_around(split_sentences(text), start, end, more=1)
        first, last = min(first, start), max(last, end)
        return StoredPassage(id=0, document_id=owner, start=first, end=last, context="", text=text[first:last])

    def _read(self, question: Question, passage: StoredPassage, others: Sequence[ReadPassage]) -> ReadPassage:
        """A passage as a perfect retriever would have found it, first in both lists, and as the reader reads it."""
        asked, held = self._engine.store.embedder.embed(
            [question.question, embedding_text(passage.context, passage.text)]
        )
        similarity = float(np.dot(asked, held))
        top = max((entry.hit.score for entry in others), default=1.0)
        hit = Fused(passage.id, top, dense_rank=1, dense_score=similarity, lexical_rank=1)
        ((spans,),) = read_legibly(self._engine.reader, [question.question], [[Readable.of(passage)]])
        return ReadPassage(passage, hit, similarity, spans)

    def _judge_unmerged(self, gold: GoldQuestion, question: Question, read: Sequence[ReadPassage]) -> list[Judged]:
        """Judge with right and wrong spans merged each among themselves only."""
        weights = self._engine.calibration.rank_weights
        parts = [candidates([_spans_that(entry, gold, wanted) for entry in read], weights) for wanted in (True, False)]
        ranked = sorted((candidate for part in parts for candidate in part), key=lambda one: -one.best.score)
        return self._engine.judge_candidates(question, ranked, read)

    def _right(self, gold: GoldQuestion, question: Question, judged: Sequence[Judged]) -> bool:
        threshold = self._engine.calibration.threshold if question.threshold is None else question.threshold
        return _first_right(gold, judged) and judged[0].confidence >= threshold


def _is_right(gold: GoldQuestion, text: str) -> bool:
    return f1(text, [answer.text for answer in gold.answers]) >= RIGHT_F1


def _first_right(gold: GoldQuestion, judged: Sequence[Judged]) -> bool:
    return bool(judged) and _is_right(gold, judged[0].candidate.best.text)


def _held(passage: StoredPassage, answers: Sequence[Place]) -> list[Place]:
    """The answers that stand whole in a passage."""
    return [
        place
        for place in answers
        if place[0] == passage.document_id and passage.start <= place[1] and place[2] <= passage.end
    ]


def _only_gold(entry: ReadPassage, answers: Sequence[Place]) -> ReadPassage:
    # One a passage: gold answers are often variants of each other that overlap.
    spans = [
        Span(start - entry.passage.start, end - entry.passage.start, MARGIN_LIMIT)
        for _, start, end in _held(entry.passage, answers)[:1]
    ]
    return replace(entry, spans=spans)


def _spans_that(entry: ReadPassage, gold: GoldQuestion, are_right: bool) -> ReadPassage:
    text = entry.passage.text
    kept = []
    for span in entry.spans:
        start, end = whole_words(text, span.start, span.end)
        if _is_right(gold, text[start:end]) == are_right:
            kept.append(span)
    return replace(entry, spans=kept)
