"""A draw of questions."""

from __future__ import annotations

from harbours import gold_set

from eval.gold.sampling import draw


def test_a_draw_is_seeded_and_keeps_the_order() -> None:
    gold = gold_set()
    drawn = draw(gold, 10)
    assert drawn == draw(gold, 10) != draw(gold, 10, seed=14)
    assert [q.id for q in gold if q in drawn] == [q.id for q in drawn]
    assert draw(gold, None) == gold
