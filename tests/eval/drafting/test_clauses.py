"""Taking a sentence apart: what is cleaned away, and where the main clause of a plain statement begins and ends."""

from __future__ import annotations

import pytest

from eval.drafting.clauses import clean_sentence, inverted, main_clause, up_to_second_clause


def test_a_cleaned_sentence_knows_the_place_of_every_character() -> None:
    text = "Before. The Lindal\nBridge [1] (a toll bridge) was also opened in 1912. After."
    end = text.index(" After")
    sentence = clean_sentence(text, 8, end, "After.")
    assert sentence is not None
    assert sentence.text == "The Lindal Bridge was opened in 1912." and sentence.follows == "After."
    for character, place in zip(sentence.text, sentence.places, strict=True):
        assert text[place] == ("\n" if place == text.index("\n") else character)


@pytest.mark.parametrize("text", ["Too short.", 'A quote "that never ends stands in this sentence.', "no capital " * 4])
def test_what_is_no_plain_statement_is_left_out(text: str) -> None:
    assert clean_sentence(text, 0, len(text), "") is None


def test_the_main_clause_has_its_verb_as_a_question_would() -> None:
    words = "In 1947, Lindal University founded its school of medicine."
    clause = main_clause(words, frozenset())
    assert clause is not None
    assert (clause.subject, clause.verb, clause.asked) == ("Lindal University", "founded", ("did", "found"))
    assert words[clause.rest : clause.end] == "its school of medicine"
    assert inverted("When", clause, words[clause.rest : clause.end]) == (
        "When did Lindal University found its school of medicine"
    )


def test_a_clause_cut_at_the_comma_of_a_list_says_so() -> None:
    clause = main_clause("Lindal passed the Science, Technology and Innovation Act.", frozenset())
    assert clause is not None and clause.listed


def test_a_second_clause_is_cut_off() -> None:
    assert up_to_second_clause("the bank and was its president") == "the bank"
    assert up_to_second_clause("the bank that he had left") == "the bank"
    assert up_to_second_clause("the bank and the school") == "the bank and the school"
