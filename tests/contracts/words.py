"""What every lexical index must do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from index.documents import StoredPassage
from index.search.protocol import LexicalIndex


def passage(number: int, text: str, document: str = "d", context: str = "") -> StoredPassage:
    return StoredPassage(id=number, document_id=document, start=0, end=len(text), context=context, text=text)


def ranked(index: LexicalIndex, question: str, k: int = 10, documents: list[str] | None = None) -> list[int]:
    return [hit for hit, _ in index.search(question, k, documents)]


class LexicalIndexContract:
    """What every lexical index must do. `index` is an empty one."""

    @pytest.fixture
    def index(self) -> Iterator[LexicalIndex]:
        raise NotImplementedError

    def test_empty(self, index: LexicalIndex) -> None:
        assert (len(index), index.generation) == (0, 0)
        assert index.search("anything", 5) == []
        index.remove([])
        index.remove([1])
        index.commit(1)
        assert (len(index), index.generation, index.search("anything", 5)) == (0, 1, [])

    def test_best_first(self, index: LexicalIndex) -> None:
        index.add([passage(10, "cats"), passage(20, "cats and dogs chase birds"), passage(30, "fish")])
        index.commit(1)
        hits = index.search("cat dog", 10)
        assert [i for i, _ in hits] == [20, 10]
        assert hits[0][1] > hits[1][1] > 0

    def test_k(self, index: LexicalIndex) -> None:
        index.add([passage(n, "same words") for n in range(5)])
        index.commit(1)
        assert len(ranked(index, "words", 3)) == 3
        assert sorted(ranked(index, "words", 1000)) == [0, 1, 2, 3, 4]
        assert index.search("words", 0) == []

    def test_headings_are_searched(self, index: LexicalIndex) -> None:
        index.add([passage(1, "It opened in 1889.", context="Eiffel Tower"), passage(2, "It closed.", context="Shop")])
        index.commit(1)
        assert ranked(index, "When did the tower open?")[0] == 1

    def test_words_of_headings_and_text_make_one_text(self, index: LexicalIndex) -> None:
        """A word counts by how many passages hold it, wherever it stands in them: here the title's in all of them."""
        index.add([passage(n, f"It is open number{n}.", context="Louvre Museum") for n in range(1, 9)])
        index.add([passage(9, "The Louvre is open on Mondays.", context="Louvre Museum"), passage(10, "Nothing else.")])
        index.commit(1)
        assert ranked(index, "louvre monday")[0] == 9
        hits = dict(index.search("louvre monday number3", 10))
        assert hits[3] > hits[4] > 0
        assert hits[4] < 0.2 * hits[3], "what nearly all passages share says little"

    def test_headings_count_more_than_text(self, index: LexicalIndex) -> None:
        index.add(
            [passage(1, "It opened then.", context="Louvre"), passage(2, "Louvre opened then, it"), passage(3, "x")]
        )
        index.commit(1)
        (first, high), (second, low) = index.search("louvre", 10)
        assert (first, second) == (1, 2)
        assert high > low

    def test_words_divided_at_the_end_of_a_line_are_whole(self, index: LexicalIndex) -> None:
        index.add([passage(1, "a great expla-\nnation of it"), passage(2, "other things")])
        index.commit(1)
        assert ranked(index, "explanation") == [1]

    def test_adding_replaces(self, index: LexicalIndex) -> None:
        index.add([passage(1, "cats"), passage(2, "dogs")])
        index.commit(1)
        index.add([passage(1, "fish")])
        index.commit(2)
        assert (len(index), ranked(index, "cats"), ranked(index, "fish")) == (2, [], [1])

    def test_adding_twice_before_a_commit_replaces(self, index: LexicalIndex) -> None:
        index.add([passage(1, "cats")])
        index.add([passage(1, "fish")])
        index.commit(1)
        assert (len(index), ranked(index, "cats"), ranked(index, "fish")) == (1, [], [1])

    def test_of_equal_ids_added_together_the_last_counts(self, index: LexicalIndex) -> None:
        index.add([passage(1, "cats"), passage(1, "fish")])
        index.commit(1)
        assert (len(index), ranked(index, "cats"), ranked(index, "fish")) == (1, [], [1])

    def test_many_at_once(self, index: LexicalIndex) -> None:
        index.add([passage(n, f"cats number{n}") for n in range(2000)])
        index.remove(list(range(0, 2000, 2)))
        index.commit(1)
        index.add([passage(7, "dogs"), passage(8, "dogs")])
        index.commit(2)
        assert len(index) == 1001
        assert (ranked(index, "number9"), ranked(index, "number8"), ranked(index, "number7")) == ([9], [], [])
        assert sorted(ranked(index, "dogs")) == [7, 8]

    def test_removed_is_not_found(self, index: LexicalIndex) -> None:
        index.add([passage(n, f"cats number{n}") for n in range(1, 40)])
        index.commit(1)
        index.remove([1, 2, 777])
        index.commit(2)
        assert sorted(ranked(index, "cats", 100)) == list(range(3, 40))
        assert ranked(index, "number2") == []

    def test_only_the_named_documents(self, index: LexicalIndex) -> None:
        index.add([passage(1, "cats", "a"), passage(2, "cats", "b"), passage(3, "cats", "c"), passage(4, "dogs", "a")])
        index.commit(1)
        assert sorted(ranked(index, "cats", 10, ["a", "c", "zz"])) == [1, 3]
        assert ranked(index, "cats", 10, ["zz"]) == []
        assert ranked(index, "cats", 10, []) == []
        (only,) = index.search("dogs", 10, ["a"])
        assert only == index.search("dogs", 10)[0], "the filter does not change the score"

    @pytest.mark.parametrize(
        "question",
        [
            "",
            "   ",
            "?!",
            "the of and",
            'a:b AND (c OR "',
            "text:*",
            "\x00",
            "\ud800",
            "id:1 ~ ^2 [a TO b]",
            "x" * 100_000,
        ],
    )
    def test_any_question_is_words_only(self, index: LexicalIndex, question: str) -> None:
        index.add([passage(1, "cats")])
        index.commit(1)
        assert index.search(question, 5) == []

    def test_folding_and_stemming(self, index: LexicalIndex) -> None:
        index.add([passage(1, "Née cafés were OPENING"), passage(2, "lone \ud800 surrogate")])
        index.commit(1)
        assert ranked(index, "CAFE") == ranked(index, "nee") == ranked(index, "opened") == [1]
        assert ranked(index, "surrogates") == [2]
