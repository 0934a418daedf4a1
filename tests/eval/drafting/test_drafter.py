"""Drafting with made-up models: the round trip decides, drafts are marked, and the same seed gives the same."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from eval.drafting.drafter import ANSWERABLE_FOR_ONE, Drafter
from eval.gold.questions import GoldQuestion, read_gold, scan_gold
from index.documents import Document
from index.errors import InputError
from qa.reading.spans import Span

TOWNS = ("Lindal", "Borgard", "Tarby", "Velmo", "Kasdal", "Fenby", "Hulmo", "Morgard")
PARAGRAPHS = [
    f"The {town} Bridge was opened in {1900 + number} by the council. It is {number + 3} metres wide. The tower of "
    f"{town} was built in {1800 + number} and fell soon after. " + "Nothing else is told of this quiet place. " * 6
    for number, town in enumerate(TOWNS)
]
# Names of which nothing was built: what an unanswerable question may ask of.
TEXT = "\n\n".join([*PARAGRAPHS, "All this was told by a clerk from Ostby to a friend in Sandvik. Nobody knows why."])


class WordEmbedder:
    name = "words"
    sha256 = "a" * 64
    dimensions = 64

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.full((len(texts), self.dimensions), 1e-3, dtype=np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()):
                vectors[row, zlib.crc32(word.encode()) % self.dimensions] += 1
        unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]


class YearReader:
    """Finds the first year of the sentence that shares most words with the question; `margin` is how sure it is."""

    name = "years"
    sha256 = "b" * 64

    def __init__(self, margin: float = 1.0, wider: int = 0) -> None:
        self._margin = margin
        self._wider = wider

    def read(
        self, questions: Sequence[str], passages: Sequence[Sequence[str]], headings: object = None
    ) -> list[list[list[Span]]]:
        return [
            [self._spans(question, text) for text in texts] for question, texts in zip(questions, passages, strict=True)
        ]

    def _spans(self, question: str, text: str) -> list[Span]:
        asked = set(re.findall(r"\w+", question.lower()))
        spans = []
        for sentence in re.finditer(r"[^.]+\.", text):
            year = re.search(r"1[89]\d\d", sentence.group())
            if year:
                shared = len(asked & set(re.findall(r"\w+", sentence.group().lower())))
                begin = sentence.start() + year.start() - self._wider
                spans.append(Span(begin, sentence.start() + year.end(), self._margin * shared))
        return spans


def document(text: str = TEXT) -> Document:
    return Document(uri="file:///towns.txt", title="towns", text=text)


def drafter(reader: YearReader | None = None, *, questions: int = 6, seed: int = 13) -> Drafter:
    return Drafter(reader or YearReader(), WordEmbedder(), questions=questions, seed=seed)


def test_drafts_hold_in_the_text_and_say_their_sentence() -> None:
    drafts = drafter().draft(document(), "docs/towns.txt")
    asked = [draft for draft in drafts if draft.question.answerable]
    assert len(asked) == 6
    for draft in asked:
        for answer in draft.question.answers:
            assert TEXT[answer.start : answer.end] == answer.text
            assert answer.text in draft.sentence
        assert draft.sentence in TEXT
        assert draft.question.document == "docs/towns.txt" and not draft.question.reviewed
    starts = [draft.question.answers[0].start or 0 for draft in asked]
    assert starts == sorted(starts)
    assert len({draft.question.id for draft in drafts}) == len({draft.question.question for draft in drafts})


def test_what_the_reader_does_not_find_again_is_not_kept() -> None:
    assert drafter(YearReader(margin=-9.0)).draft(document(), "t") == []

    class Wrong(YearReader):
        def _spans(self, question: str, text: str) -> list[Span]:
            return [Span(0, 3, 5.0)]

    assert drafter(Wrong()).draft(document(), "t") == []


def test_a_span_with_a_word_more_counts_as_a_second_answer() -> None:
    drafts = [draft for draft in drafter(YearReader(wider=3)).draft(document(), "t") if draft.question.answerable]
    assert drafts
    for draft in drafts:
        first, second = draft.question.answers
        assert second.text == f"in {first.text}"


def test_some_are_unanswerable_by_one_edit() -> None:
    edited = []
    for seed in range(8):
        drafts = drafter(seed=seed).draft(document(), "t")
        asked = {draft.question.question for draft in drafts if draft.question.answerable}
        own = [draft for draft in drafts if not draft.question.answerable]
        assert len(own) <= 6 // ANSWERABLE_FOR_ONE
        for draft in own:
            assert draft.changed_from in asked and draft.question.question not in asked
            assert draft.question.kind == "unanswerable" and not draft.question.reviewed
            # All the other towns have a bridge and a tower too: an edit to one of them would have an answer.
            assert re.search("Ostby|Sandvik", draft.question.question)
        edited += own
    assert edited


def test_the_same_seed_gives_the_same_drafts_and_another_others() -> None:
    first, again, other = (
        [draft.line() for draft in drafter(questions=4, seed=seed).draft(document(), "t")] for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize("text", ["No dates here.", "x" * 5000, "1912 1913 1914", "???"])
def test_documents_without_plain_facts_give_nothing(text: str) -> None:
    assert drafter().draft(document(text), "t") == []


def test_drafts_become_gold_only_when_reviewed(tmp_path: Path) -> None:
    path = tmp_path / "drafts.jsonl"
    lines = [draft.line() for draft in drafter().draft(document(), "towns.txt")]
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(InputError, match="line 1: reviewed"):
        read_gold(path)
    scanned = [question for _, question in scan_gold(path)]
    assert len(scanned) == len(lines) and all(isinstance(question, GoldQuestion) for question in scanned)
    path.write_text("\n".join(json.dumps(json.loads(line) | {"reviewed": True}) for line in lines), encoding="utf-8")
    assert len(read_gold(path)) == len(lines)
