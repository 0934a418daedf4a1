"""Reading an answer again: what is read, and which margin counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from index.documents import StoredPassage
from qa.judging.candidates import Candidate, RankWeights, candidates
from qa.judging.close_reading import CLOSE_CANDIDATES, read_closely
from qa.reading.legible_reader import ReadPassage
from qa.reading.spans import Span
from qa.retrieval.fusion import Fused

TEXT = "It was cold. The pier opened in 1831 for boats. It was closed in 1902. Nobody knows why. The end came soon."


class Recorder:
    """A reader that keeps what it was given and finds given words, by the text that they stand in."""

    name = "recorder"
    sha256 = "0" * 64

    def __init__(self, margins: dict[str, float]) -> None:
        self.margins = margins
        self.texts: list[list[str]] = []

    def read(
        self, questions: Sequence[str], passages: Sequence[Sequence[str]], headings: object = None
    ) -> list[list[list[Span]]]:
        self.texts = [list(own) for own in passages]
        return [
            [
                [Span(t.index(w), t.index(w) + len(w), m - len(t) / 100) for w, m in self.margins.items() if w in t]
                for t in own
            ]
            for own in passages
        ]


def found(*words: str) -> list[Candidate]:
    passage = StoredPassage(id=1, document_id="d", start=100, end=100 + len(TEXT), text=TEXT, context="")
    spans = [Span(TEXT.index(w), TEXT.index(w) + len(w), 5.0 - n) for n, w in enumerate(words)]
    hit = Fused(passage_id=1, score=1.0, dense_rank=1, lexical_rank=1)
    return candidates([ReadPassage(passage, hit, 0.5, spans)], RankWeights())


def test_the_sentence_and_its_neighbours_are_read() -> None:
    reader = Recorder({"1831": 4.0})
    (own,) = read_closely(reader, ["When did it open?"], [found("1831")])
    alone = "The pier opened in 1831 for boats."
    near = "It was cold. The pier opened in 1831 for boats. It was closed in 1902."
    assert reader.texts == [[alone, near]]
    assert own[0].close == (4.0 - len(alone) / 100, 4.0 - len(near) / 100)


def test_another_span_is_another_answer() -> None:
    reader = Recorder({"1902": 4.0, "boats": 3.0, "in 1831": 1.0})
    (own,) = read_closely(reader, ["When did it open?"], [found("1831")])
    assert own[0].close is not None
    assert own[0].close[0] == 1.0 - len("The pier opened in 1831 for boats.") / 100
    (gone,) = read_closely(Recorder({"boats": 3.0}), ["When?"], [found("1831")])
    assert gone[0].close == (None, None)


def test_only_the_best_are_read_again_and_nothing_else_changes() -> None:
    words = ["1831", "1902", "cold", "Nobody", "soon"]
    plain = found(*words)
    reader = Recorder(dict.fromkeys(words, 1.0))
    (own, none) = read_closely(reader, ["What?", "Else?"], [plain, []])
    assert none == []
    assert [candidate.close is not None for candidate in own] == [n < CLOSE_CANDIDATES for n in range(len(words))]
    assert [replace(candidate, close=None) for candidate in own] == plain
    assert [len(texts) for texts in reader.texts] == [2 * CLOSE_CANDIDATES, 0]
