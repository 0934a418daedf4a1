"""Persons that do something, told by a title, a verb of saying or the next sentence."""

from __future__ import annotations

from drafted import proposed


def test_a_person_is_told_by_what_follows() -> None:
    sentence = "Sergei Shoigu opened the base in Lindal."
    assert proposed(sentence) == {}
    assert proposed(sentence, "He spoke of the war.") == {"Who opened the base in Lindal?": ("who", "Sergei Shoigu")}


def test_who_speaks_is_a_person() -> None:
    assert proposed("Erik Moe announced the closing of the Lindal Bank.") == {
        "Who announced the closing of the Lindal Bank?": ("who", "Erik Moe")
    }
