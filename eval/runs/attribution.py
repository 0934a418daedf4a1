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
                  surely, the outcome would be right. For a question without an answer: a span was found, and
                  surely: it was judged rather right than wrong
duplicate merge   a right span would come first, had it not been merged with a wrong one (overlapping places and equal
                  words become one answer, and its words are completed: to the whole sentence for a yes-or-no question)
threshold         a right answer comes first, but its confidence is below the threshold; for a question without an
                  answer: the span was judged rather wrong than right, the threshold let it through nevertheless
failed            the question ended in an error, and was not answered at all
unknown           whoever answered cannot be looked into, so that no stage can be run again
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from eval.gold.places import StorePlaces
from eval.gold.questions import GoldQuestion
from eval.measures.squad import f1
from eval.results import RIGHT_F1, Cause
from index.documents import StoredPassage
from index.errors import ChangingError
from index.text.passages import embedding_text, passage_around
from qa.asking.asked import Asked
from qa.engine import Engine
from qa.judging.choice import given_answers
from qa.judging.confidence import MARGIN_LIMIT
from qa.judging.judge import Judge, Judged
from qa.reading.legible_reader import Readable, ReadPassage, read_legibly
from qa.reading.spans import Span
from qa.retrieval.fusion import Fused
from qa.types import Question

MEANING: dict[Cause, str] = {
    "not in corpus": "the store does not hold the document, or not the words of the answer",
    "passage cutting": "right with a passage that holds the answer whole; no stored one does",
    "retrieval": "right with the passage that holds the answer, which was not among those read",
    "reading": "the passage was read, but its answer did not come first; or a span was found where there is none",
    "duplicate merge": "right if the span had not been merged with a wrong one",
    "threshold": "a right answer came first and was withheld; or one that was judged rather wrong was given",
    "failed": "ended in an error and was not answered",
    "unknown": "the system that answered cannot be looked into",
}
"""Each cause in a line, for a table; the definitions are above."""

Place = tuple[str, int, int]
# Places of an answer that are looked at: words like "two" stand everywhere.
MAX_PLACES = 50
# An answer no surer than this was rather wrong than right by its own confidence: the threshold is what let it through.
# The reader's margin would not tell, since its zero is each reader's own.
RATHER_WRONG = 0.5


class Attribution:
    """Finds the cause of wrong outcomes of an engine, by running its later stages again."""

    def __init__(self, engine: Engine, places: StorePlaces) -> None:
        self._engine = engine
        self._judge = Judge(engine.reader, engine.calibration)
        self._places = places

    def cause(self, gold: GoldQuestion, question: Question, read: Sequence[ReadPassage]) -> Cause:
        """The cause of a wrong outcome, given the passages that were read with the spans found in them."""
        asked = Asked(question)
        if not gold.answerable:
            judged = self._judged(asked, read)
            return "reading" if judged and judged[0].confidence > RATHER_WRONG else "threshold"
        answers = self._answers(gold)
        if not answers:
            return "not in corpus"
        if not any(_held(entry.passage, answers) for entry in read):
            stored = self._holding(answers)
            perfect = self._read(asked, stored or self._cut_around(answers[0]), read)
            read = [perfect, *read[: question.passages - 1]]
            if self._right(gold, asked, self._judged(asked, read)):
                return "retrieval" if stored else "passage cutting"
        return self._later(gold, asked, read, answers)

    def _later(self, gold: GoldQuestion, asked: Asked, read: Sequence[ReadPassage], answers: Sequence[Place]) -> Cause:
        """The cause where a passage that holds an answer was read."""
        if self._first_right(gold, asked, self._judged(asked, read)):
            return "threshold"
        unmerged = self._judge_unmerged(gold, asked, read)
        if self._first_right(gold, asked, unmerged):
            return "duplicate merge" if self._right(gold, asked, unmerged) else "threshold"
        surely = self._judged(asked, [_only_gold(entry, answers) for entry in read])
        if self._first_right(gold, asked, surely):
            return "reading" if self._right(gold, asked, surely) else "threshold"
        return "duplicate merge"

    def _judged(self, asked: Asked, read: Sequence[ReadPassage]) -> list[Judged]:
        return self._judge.judge([asked], [read])[0]

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
        if document is None:
            raise ChangingError(f"the document {owner} was removed while its answers were judged; evaluate again")
        cut = passage_around(document, start, end)
        text = document.text[cut.start : cut.end]
        return StoredPassage(id=0, document_id=owner, start=cut.start, end=cut.end, context=cut.context, text=text)

    def _read(self, asked: Asked, passage: StoredPassage, others: Sequence[ReadPassage]) -> ReadPassage:
        """A passage as a perfect retriever would have found it, first in both lists, and as the reader reads it."""
        texts = [asked.text, embedding_text(passage.context, passage.text)]
        similarity = float(np.dot(*self._engine.store.embedder.embed(texts)))
        top = max((entry.hit.score for entry in others), default=1.0)
        hit = Fused(passage.id, top, dense_rank=1, dense_score=similarity, lexical_rank=1)
        ((spans,),) = read_legibly(self._engine.reader, [asked.text], [[Readable.of(passage)]])
        return ReadPassage(passage, hit, similarity, spans)

    def _judge_unmerged(self, gold: GoldQuestion, asked: Asked, read: Sequence[ReadPassage]) -> list[Judged]:
        """Judge with right and wrong spans merged each among themselves only."""
        parts = [
            self._judge.candidates(asked, [self._spans_that(entry, gold, asked, wanted) for entry in read])
            for wanted in (True, False)
        ]
        ranked = sorted((candidate for part in parts for candidate in part), key=lambda one: -one.best.score)
        return self._judge.weigh([asked], [ranked], [read])[0]

    def _right(self, gold: GoldQuestion, asked: Asked, judged: Sequence[Judged]) -> bool:
        given = self._first_right(gold, asked, judged)
        return given is not None and given.confidence >= self._engine.threshold(asked.question)

    def _first_right(self, gold: GoldQuestion, asked: Asked, judged: Sequence[Judged]) -> Judged | None:
        """The answer that would be given first, if it is right."""
        given = given_answers(asked, judged)
        return given[0] if given and _is_right(gold, given[0].candidate.best.text) else None

    def _spans_that(self, entry: ReadPassage, gold: GoldQuestion, asked: Asked, are_right: bool) -> ReadPassage:
        """A passage with those of its spans of which alone the engine would make a right answer, or a wrong one."""
        kept = []
        for span in entry.spans:
            made = self._judge.candidates(asked, [replace(entry, spans=[span])])
            if made and _is_right(gold, made[0].best.text) == are_right:
                kept.append(span)
        return replace(entry, spans=kept)


def _is_right(gold: GoldQuestion, text: str) -> bool:
    return f1(text, [answer.text for answer in gold.answers]) >= RIGHT_F1


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
