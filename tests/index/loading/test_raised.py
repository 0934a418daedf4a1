"""Raised and lowered marks: what belongs to the text, and what is the mark of a note."""

from __future__ import annotations

import pytest

from index.loading.raised import lowered, raised


@pytest.mark.parametrize(
    ("before", "mark", "kind", "words"),
    [
        ("3 × 10", "6", "text", "⁶"),
        ("10", "-3", "text", "⁻³"),
        ("450 m", "2", "text", "²"),
        ("the 5", "th", "text", "th"),
        ("Acme", "TM", "text", "TM"),
        ("Ca", "2+", "text", "²⁺"),
        ("The revenue was 1,250", "3", "note", "3"),
        ("in 2019", "12", "note", "12"),
        ("Gunnar & Sons", "2", "note", "2"),
        ("about 12", "a", "note", "a"),
        ("the war", "[4]", "note", "4"),
    ],
)
def test_raised(before: str, mark: str, kind: str, words: str) -> None:
    assert raised(mark, before) == (kind, words)


def test_what_its_format_calls_a_note_is_one() -> None:
    assert raised("2", "450 m", is_note=True) == ("note", "2")


def test_lowered() -> None:
    assert "CO" + lowered("2", "CO") == "CO2"
    assert lowered("2", "101") == "₂"
