"""Measures of answers and abstention, by hand."""

from __future__ import annotations

from judged import result, value

from eval.results import Cited, GoldPlace


def test_abstention_without_one_side() -> None:
    names = ("AbstentionPrecision", "AbstentionRecall", "AbstentionF1")
    never = [result(answerable=False), result()]
    assert [value(name, *never) for name in names] == [None, 0.0, 0.0]
    needless = [result(status="not_found"), result()]
    assert [value(name, *needless) for name in names] == [0.0, None, 0.0]
    assert [value(name, result()) for name in names] == [None, None, None]


def place(*spans: tuple[int, int], document: str = "d") -> GoldPlace:
    return GoldPlace(document=document, uri="file:///d", spans=spans)


def cited(start: int, end: int, document: str = "d") -> Cited:
    """A word in a sentence of its document."""
    ends = {"start": start, "end": start + 1, "sentence_start": start, "sentence_end": end}
    return Cited(document=document, uri="file:///d", sentence="", **ends)


def test_right_answers_of_the_answerable() -> None:
    rightly = result(right=True, forced_f1=1.0)
    withheld = result(status="unsure", forced_f1=0.8)
    declined = result(status="unsure", answerable=False, right=True, f1=1.0, forced_f1=1.0)
    failed = result(status="failed")
    assert value("HasAnsRight", rightly, withheld, declined, failed) == 1 / 3
    assert value("ForcedRight", rightly, withheld, declined, failed) == 2 / 3
    assert value("HasAnsRight", declined) is None and value("ForcedRight") is None


def test_the_right_place_is_the_sentence_whatever_the_words() -> None:
    judged = {"retrieval_judged": True, "place": place((30, 40), (5, 8))}
    in_sentence = result(cited=cited(0, 6), **judged)
    beside = result(cited=cited(8, 30), **judged)
    elsewhere = result(cited=cited(0, 6, "other"), **judged)
    withheld = result(status="unsure", cited=cited(35, 36), **judged)
    nothing = result(status="unsure", **judged)
    failed = result(status="failed", retrieval_judged=True)
    assert value("ForcedPlace", in_sentence) == 1.0 and value("ForcedPlace", withheld) == 1.0
    assert [value("ForcedPlace", one) for one in (beside, elsewhere, nothing, failed)] == [0.0] * 4
    # Nothing is known of a question whose answers have no place.
    assert value("ForcedPlace", result(), result(answerable=False, cited=cited(0, 6))) is None
