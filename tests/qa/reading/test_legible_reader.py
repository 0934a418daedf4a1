"""What a reader sees of a passage, and where in the source its spans are."""

from __future__ import annotations

from collections.abc import Sequence

from index.documents import StoredPassage
from qa.reading.legible_reader import Readable, read_legibly
from qa.reading.spans import Span


class WordReader:
    """Finds a word in what it is shown, and keeps that."""

    name = "words"
    sha256 = "0" * 64

    def __init__(self, word: str) -> None:
        self.word = word
        self.seen: list[list[str]] = []

    def read(
        self, questions: Sequence[str], passages: Sequence[Sequence[str]], headings: object = None
    ) -> list[list[list[Span]]]:
        self.seen = [list(texts) for texts in passages]
        at = [[text.find(self.word) for text in texts] for texts in passages]
        return [[[Span(start, start + len(self.word), 1.0)] if start >= 0 else [] for start in starts] for starts in at]


def test_plain_text_is_read_as_it_is() -> None:
    reader = WordReader("Vega")
    assert read_legibly(reader, ["Who?"], [[Readable("The Vega left.", "Ships"), Readable("None.", "")]]) == [
        [[Span(4, 8, 1.0)], []]
    ]
    assert reader.seen == [["The Vega left.", "None."]]


def test_a_word_that_a_line_cuts_is_read_whole_and_found_in_its_source() -> None:
    text = "The expe-\ndition left in May."
    reader = WordReader("expedition")
    ((spans,),) = read_legibly(reader, ["Who left?"], [[Readable(text, "")]])
    assert reader.seen == [["The expedition left in May."]]
    assert [text[span.start : span.end] for span in spans] == ["expe-\ndition"]


def test_a_part_of_a_passage_keeps_its_context() -> None:
    passage = StoredPassage(id=1, document_id="d", start=9, end=23, context="Ships", text="The Vega left.")
    assert Readable.of(passage) == Readable("The Vega left.", "Ships")
    assert Readable.of(passage, slice(4, 8)) == Readable("Vega", "Ships")
