"""The texts around gold and given answers, and the marks in them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eval.gold.excerpts import MAX_EXCERPT, excerpts
from eval.results import Cited, Excerpt, GoldPlace, PassageRead, QuestionResult
from eval.runs.webreport.marks import GIVEN, GOLD, marked_texts

TEXT = "Ada wrote the notes in 1843. Charles built the engine. Nobody paid for it. "


def place(start: int, end: int, *passages: tuple[int, int], document: str = "d") -> GoldPlace:
    return GoldPlace(document=document, uri=f"file:///{document}", spans=((start, end),), passages=passages)


def cited(start: int, end: int, document: str = "d") -> Cited:
    return Cited(
        document=document,
        uri=f"file:///{document}",
        start=start,
        end=end,
        sentence_start=0,
        sentence_end=len(TEXT),
        sentence=TEXT,
    )


def text_of(document: str) -> str | None:
    return {"d": TEXT, "other": TEXT}.get(document)


def test_one_passage_with_both_is_shown_once() -> None:
    read = [PassageRead("d", 0, 28, 0.5)]
    (excerpt,) = excerpts(place(23, 27, (0, 28)), read, cited(0, 3), text_of)
    assert excerpt == Excerpt("d", 0, 28, TEXT[:28])


def test_gold_comes_first_and_each_document_its_own() -> None:
    read = [PassageRead("other", 29, 55, 0.5)]
    shown = excerpts(place(0, 3, (0, 28)), read, cited(29, 36, "other"), text_of)
    assert [(each.document, each.text) for each in shown] == [("d", TEXT[:28]), ("other", TEXT[29:55])]


def test_spans_outside_every_passage_keep_what_is_around_them() -> None:
    (excerpt,) = excerpts(place(23, 27), [], None, text_of)
    assert "1843" in excerpt.text and excerpt.text == TEXT[excerpt.start : excerpt.end]
    assert excerpts(place(23, 27, document="gone"), [], None, text_of) == ()


@given(st.integers(0, 9_000), st.integers(1, 4_000), st.integers(0, 3_000), st.integers(0, 3_000))
def test_excerpts_are_bounded_and_exact(start: int, length: int, before: int, after: int) -> None:
    whole = TEXT * 400
    end = min(len(whole), start + length)
    passage = (max(0, start - before), min(len(whole), end + after))
    (excerpt,) = excerpts(place(start, end, passage), [], None, lambda _: whole)
    assert excerpt.text == whole[excerpt.start : excerpt.end] and len(excerpt.text) <= MAX_EXCERPT
    assert excerpt.start <= start < excerpt.end


spans = st.tuples(st.integers(0, 60), st.integers(1, 20)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(st.lists(spans, max_size=4), spans, st.integers(0, 40), st.integers(1, 60))
def test_marks_cover_the_spans_and_nothing_else(
    gold: list[tuple[int, int]], own: tuple[int, int], first: int, length: int
) -> None:
    last = min(len(TEXT), first + length)
    result = QuestionResult(
        id="q",
        question="?",
        answerable=True,
        golds=("x",),
        status="answered",
        place=GoldPlace(document="d", uri="u", spans=tuple(gold)),
        cited=cited(*own),
        excerpts=(Excerpt("d", first, last, TEXT[first:last]),),
    )
    (marked,) = marked_texts(result)
    assert "".join(piece.text for piece in marked.pieces) == TEXT[first:last]
    flat = [piece.marks for piece in marked.pieces for _ in piece.text]
    for offset, marks in enumerate(flat, start=first):
        assert bool(marks & GOLD) == any(start <= offset < end for start, end in gold)
        assert bool(marks & GIVEN) == (own[0] <= offset < own[1])


def test_without_excerpts_the_cited_sentence_is_shown() -> None:
    result = QuestionResult(id="q", question="?", answerable=False, golds=(), status="answered", cited=cited(0, 3))
    (marked,) = marked_texts(result)
    assert marked.pieces[0] == ("Ada", GIVEN) and marked.uri == "file:///d"
