"""Candidates: overlapping spans are one answer, the same words elsewhere support it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.documents import StoredPassage
from qa.judging.candidates import Candidate, RankWeights, candidates
from qa.judging.whole_spans import whole_words
from qa.reading.legible_reader import ReadPassage
from qa.reading.spans import Span
from qa.retrieval.fusion import Fused

NONE = RankWeights()


def read(
    text: str,
    spans: list[tuple[str, float]],
    *,
    number: int = 1,
    document: str = "d1",
    start: int = 0,
    score: float = 0.1,
    similarity: float = 0.0,
) -> ReadPassage:
    """A passage in which the given words, with their margins, were found."""
    made = [Span(text.index(words), text.index(words) + len(words), margin) for words, margin in spans]
    passage = StoredPassage(id=number, document_id=document, start=start, end=start + len(text), context="", text=text)
    return ReadPassage(passage, Fused(number, score), similarity, made)


def texts(found: list[Candidate]) -> list[str]:
    return [candidate.best.text for candidate in found]


def test_nothing_read_nothing_found() -> None:
    assert candidates([], NONE) == []
    assert candidates([read("no spans here", [])], NONE) == []


def test_best_margin_first_in_document_coordinates() -> None:
    found = candidates(
        [read("Ada wrote it.", [("Ada", 1.0)], start=100), read("In 1843.", [("1843", 2.0)], number=2, document="d2")],
        NONE,
    )
    assert texts(found) == ["1843", "Ada"]
    assert [(c.best.document_id, c.best.start, c.best.end) for c in found] == [("d2", 3, 7), ("d1", 100, 103)]


def test_overlapping_spans_of_one_document_are_one_answer() -> None:
    found = candidates([read("It was Ada Lovelace.", [("Ada", 1.0), ("Ada Lovelace", 3.0), ("Lovelace", 2.0)])], NONE)
    assert texts(found) == ["Ada Lovelace"]
    assert found[0].others == ()


ISLANDS = "Ferries sail to Ulva, Coll and Tiree, and to Mull."


@pytest.mark.parametrize(
    ("spans", "wanted"),
    [
        ([("Ulva", 8.0), ("Ulva, Coll and Tiree", 7.0)], ["Ulva, Coll and Tiree"]),
        ([("Coll", 8.0), ("Mull", 7.9), ("Ulva, Coll and Tiree", 6.5)], ["Ulva, Coll and Tiree", "Mull"]),
        # Only how far behind counts, not on which side of the reader's null.
        ([("Ulva", 0.5), ("Ulva, Coll and Tiree", -0.5)], ["Ulva, Coll and Tiree"]),
        # Too far behind, no enumeration, or one of which it is no whole item.
        ([("Ulva", 8.0), ("Ulva, Coll and Tiree", 5.0)], ["Ulva"]),
        ([("Ulva", 8.0), ("sail to Ulva", 7.5)], ["Ulva"]),
        ([("Ulva, Coll", 8.0), ("Ulva, Coll and Tiree", 7.5)], ["Ulva, Coll"]),
    ],
)
def test_an_item_gives_way_to_its_list_where_lists_are_wanted(
    spans: list[tuple[str, float]], wanted: list[str]
) -> None:
    assert texts(candidates([read(ISLANDS, spans)], NONE, whole_lists=True)) == wanted
    alone = candidates([read(ISLANDS, spans)], NONE)
    assert alone[0].best.text == spans[0][0]


def test_the_same_place_in_overlapping_passages_is_one_answer() -> None:
    text = "One two three four five."
    found = candidates(
        [read(text[:18], [("four", 1.0)], start=0), read(text[8:], [("four", 2.5)], number=2, start=8)], NONE
    )
    assert [(c.best.start, c.best.end, c.best.margin, c.others) for c in found] == [(14, 18, 2.5, ())]


def test_spans_that_touch_do_not_overlap() -> None:
    assert len(candidates([read("12-km", [("12-", 1.0), ("km", 2.0)])], NONE)) == 2


def test_the_same_coordinates_in_another_document_do_not_overlap() -> None:
    found = candidates([read("Ada.", [("Ada", 1.0)]), read("Bob.", [("Bob", 2.0)], number=2, document="d2")], NONE)
    assert texts(found) == ["Bob", "Ada"]


def test_the_same_words_elsewhere_support() -> None:
    found = candidates(
        [
            read("the Eiffel Tower stands", [("the Eiffel Tower", 2.0)]),
            read("Louvre", [("Louvre", 1.5)], number=2, document="d2"),
            read("“eiffel tower”!", [("eiffel tower", 1.0)], number=3, document="d3"),
            read("An Eiffel\n Tower.", [("An Eiffel\n Tower.", 3.0)], number=4, document="d4"),
        ],
        NONE,
    )
    assert texts(found) == ["An Eiffel\n Tower.", "Louvre"]
    assert [place.document_id for place in found[0].others] == ["d1", "d3"]
    assert found[1].others == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,000", "1000"),
        ("10–12", "10-12"),
        ("cafe\u0301", "café"),
        ("Straße", "STRASSE"),
        ("O’Brien", "O'Brien"),
        ("U.S.", "US"),
        ("(1843)", "1843."),
        ("“Notes”", "the notes"),
        ("Russia–China", "Russia-China"),
        ("The A Team,", "team"),
    ],
)
def test_the_same_answer_written_otherwise(one: str, other: str) -> None:
    found = candidates([read(one, [(one, 2.0)]), read(other, [(other, 1.0)], number=2, document="d2")], NONE)
    assert texts(found) == [one]
    assert [place.text for place in found[0].others] == [other]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3.5", "35"),
        ("1.5 million", "15 million"),
        ("-5", "5"),
        ("5%", "5"),
        ("$5", "5"),
        ("10-12", "1012"),
        ("9:30", "930"),
        ("10,12", "1012"),
        ("C++", "C"),
        ("Thea", "a"),
        ("the", "a"),
        ("...", "!!"),
    ],
)
def test_other_answers_that_look_alike(one: str, other: str) -> None:
    found = candidates([read(one, [(one, 2.0)]), read(other, [(other, 1.0)], number=2, document="d2")], NONE)
    assert texts(found) == [one, other]


def test_white_space_is_no_answer() -> None:
    assert candidates([read("a \u00a0\n b", [(" \u00a0\n ", 9.0)])], NONE) == []


@pytest.mark.parametrize(
    ("text", "span", "whole"),
    [
        ("at the cafe\u0301 now", "cafe", "cafe\u0301"),
        ("x\u0301\u0302\u0303", "x", "x\u0301\u0302\u0303"),
        ("हिन्दी।", "हिन्द", "हिन्दी"),
        ("yes ❤\ufe0f no", "❤", "❤\ufe0f"),
    ],
)
def test_a_span_keeps_the_marks_of_its_last_letter(text: str, span: str, whole: str) -> None:
    # BERT tokenisers strip combining marks, so that their offsets end before them.
    (found,) = candidates([read(text, [(span, 1.0)], start=40)], NONE)
    start = text.index(span)
    assert (found.best.text, found.best.start, found.best.end) == (whole, 40 + start, 40 + start + len(whole))


def test_ties_go_to_the_lower_passage_and_the_earlier_place() -> None:
    entries = [
        read("b c", [("c", 1.0), ("b", 1.0)], number=2, document="d2"),
        read("d", [("d", 1.0)], number=1, document="d1"),
    ]
    assert texts(candidates(entries, NONE)) == texts(candidates(entries[::-1], NONE)) == ["d", "b", "c"]


def test_ranking_weights() -> None:
    entries = [
        read("near", [("near", 1.0)], number=1, document="d1", similarity=0.9, score=0.01),
        read("found", [("found", 1.5)], number=2, document="d2", similarity=0.1, score=0.02),
        read("sure", [("sure", 2.0)], number=3, document="d3", similarity=0.0, score=0.005),
    ]
    assert texts(candidates(entries, NONE)) == ["sure", "found", "near"]
    by_similarity = candidates(entries, RankWeights(similarity=2.0))
    assert [(c.best.text, c.best.score) for c in by_similarity] == [
        ("near", pytest.approx(2.8)),
        ("sure", pytest.approx(2.0)),
        ("found", pytest.approx(1.7)),
    ]
    # The rank counts, and half as much from the first to the eleventh; not the score that it came from.
    by_rank = candidates(entries, RankWeights(fused=11.0))
    assert [(c.best.text, c.best.score) for c in by_rank] == [
        ("near", pytest.approx(12.0)),
        ("found", pytest.approx(11.5)),
        ("sure", pytest.approx(2.0 + 110 / 12)),
    ]
    assert {c.best.text: c.best.margin for c in by_rank} == {"near": 1.0, "found": 1.5, "sure": 2.0}
    others = [read("other", [], number=number) for number in range(4, 14)]
    (last,) = candidates([*others, read("last", [("last", 1.0)], number=20)], RankWeights(fused=4.0))
    assert last.best.score == pytest.approx(1.0 + 2.0)


SPANS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 8), st.integers(-3, 3)).map(lambda t: Span(t[0], t[0] + t[1], t[2])),
    max_size=8,
)
ALPHABET = "The cat sat; the CAT sat. 3.5 a an é\u0301 "


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 1), SPANS), max_size=4))
@settings(max_examples=60, deadline=None)
def test_places_never_overlap_and_nothing_good_is_lost(entries: list[tuple[int, int, list[Span]]]) -> None:
    documents = {"d0": ALPHABET * 3, "d1": (ALPHABET * 3)[::-1]}
    made = []
    for number, (start, document, spans) in enumerate(entries):
        text = documents[f"d{document}"][start : start + 40]
        passage = StoredPassage(
            id=number, document_id=f"d{document}", start=start, end=start + 40, context="", text=text
        )
        made.append(ReadPassage(passage, Fused(number, 0.1), 0.0, spans))
    found = candidates(made, NONE)
    places = [place for candidate in found for place in (candidate.best, *candidate.others)]
    for place in places:
        assert documents[place.document_id][place.start : place.end] == place.text
    for one, other in itertools.combinations(places, 2):
        apart = one.document_id != other.document_id or one.end <= other.start or other.end <= one.start
        assert apart
    scores = [candidate.best.score for candidate in found]
    assert scores == sorted(scores, reverse=True)
    for candidate in found:
        assert all(candidate.best.score >= other.score for other in candidate.others)
    spans = [span for _, _, own in entries for span in own]
    if places:
        assert places[0].score <= max(span.margin for span in spans)


@pytest.mark.parametrize(
    ("text", "cut", "whole"),
    [
        ("He spoke to Gazeta.Ru on Monday.", "Gazeta", "Gazeta.Ru"),
        ("It cost 1,303.5 crowns.", "303", "1,303.5"),
        ("the withdrawals ended", "withdraw", "withdrawals"),
        ("The drills end. Then rest.", "end", "end"),
        ("It is an 800-mile-long border", "800", "800"),
        ("Russia’s army", "Russia", "Russia"),
        ("in 1990, 1991", "1990", "1990"),
        ("東京都の人口", "東京", "東京"),
        ("cafe\u0301 au lait", "cafe", "cafe\u0301"),
        ("x" * 60, "x" * 10, "x" * 10),
    ],
)
def test_words_and_numbers_are_not_cut_in_two(text: str, cut: str, whole: str) -> None:
    start = text.index(cut)
    first, last = whole_words(text, start, start + len(cut))
    assert text[first:last] == whole
