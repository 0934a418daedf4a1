"""Text of others as a terminal gets it."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.text.printable import flowing, printable, printable_json, printable_lines

ANY_TEXT = st.text(st.characters(codec=None, categories=None), max_size=40)
ORDINARY = "[red]Größe 東京 می\u200cخواهم 👩\u200d🔬 co\u00adop a\u00a0b"
STEERING = "\x00\x07\b\r\x1b\x7f\x85\x9b\u061c\u200b\u200e\u202a\u202e\u2028\u2029\u2066\u2069\ufeff\udc9b\U000e0041"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\nb\r\n\tc", r"a\nb\r\n\tc"),
        ("\x9b31m\x7f", r"\x9b31m\x7f"),
        ("\u202etxt.exe\u2066", r"\u202etxt.exe\u2066"),
        ("\u2028\udcff", r"\u2028\udcff"),
        ("\U000e0041", r"\U000e0041"),
        (
            "[red]Größe 東京 می\u200cخواهم 👩\u200d🔬 co\u00adop a\u00a0b",
            "[red]Größe 東京 می\u200cخواهم 👩\u200d🔬 co\u00adop a\u00a0b",
        ),
    ],
)
def test_what_steers_is_shown_and_the_rest_left_alone(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_lines_and_words() -> None:
    assert printable_lines("a\tb\nc\x1b") == "a\tb\nc\\x1b"
    assert flowing(" a \n\t b\x1bc ") == "a b\\x1bc"


@given(ANY_TEXT)
def test_nothing_that_steers_is_left(text: str) -> None:
    for shown, kept in ((printable(text), ""), (flowing(text), ""), (printable_lines(text), "\n\t")):
        assert not [char for char in shown if char in STEERING and char not in kept]
        assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") and c not in kept]
        shown.encode()


@given(ANY_TEXT)
def test_json_means_the_same(text: str) -> None:
    shown = printable_json(json.dumps({"name": text}, ensure_ascii=False, indent=1))
    assert json.loads(shown) == {"name": text}
    assert not [char for char in shown if char in STEERING]
