"""Words as a lexical index knows them."""

from index.text.words import words


def test_words_of_a_text() -> None:
    assert words("The Cafés' OPENING, openings; the cat") == ["cafe", "open", "open", "cat"]
    assert words("") == words("\ud800 ?!") == []
