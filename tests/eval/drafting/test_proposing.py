"""Questions from sentences: what all patterns refuse, and that every answer is a span of the text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.drafting.expressions import common_words
from eval.drafting.proposing import LONGEST_SENTENCE, propose
from eval.measures.squad import normalize_answer
from index.text.sentences import split_sentences


def test_a_common_word_at_the_start_is_no_name() -> None:
    text = "General elections took place in Burkina Faso on 29 November 2015."
    (plain,) = propose(text, 0, len(text))
    (lowered,) = propose(text, 0, len(text), common=common_words("the general said"))
    assert "General elections" in plain.question
    assert lowered.question == "When did general elections take place in Burkina Faso?"


@pytest.mark.parametrize(
    "sentence",
    [
        "He was born in Lindal in 1912.",  # who?
        "The company was founded in 1912.",  # which?
        "It opened in 1912 in Lindal.",
        "The house built in Lindal in 1912 was sold by Erik Moe.",  # the first verb is none of the sentence's
        "Erik Moe said that the Lindal Bank was founded in 1912.",  # the date is another clause's
        "Lindal passed the Science, Technology and Innovation Act in 2013.",  # a list, cut at its comma
        "Who founded the Lindal Bank in 1912?",
        "The Lindal Bank was not founded in 1912.",
        "founded in 1912, the Lindal Bank",
        "Prime Minister Lord Salisbury travelled to London.",  # of which country?
    ],
)
def test_what_no_good_question_can_be_made_of(sentence: str) -> None:
    assert list(propose(sentence, 0, len(sentence))) == []


def test_brackets_and_line_breaks_do_not_shift_the_answer() -> None:
    text = "The Lindal\nBridge [1] (a toll bridge) was  opened (again)\non 4 May\n1912 by Erik Moe."
    answers = {proposal.kind: text[proposal.start : proposal.end] for proposal in propose(text, 0, len(text))}
    assert answers["when"] == "4 May\n1912"


def test_a_sentence_that_is_too_long_proposes_nothing() -> None:
    sentence = "The Lindal Bridge was opened in 1912."
    assert list(propose(sentence, 0, len(sentence)))
    long = sentence[:-1] + " by the people" * 40 + "."
    assert len(long) > LONGEST_SENTENCE
    assert list(propose(long, 0, len(long))) == []


WORDS = st.sampled_from(
    "The the Lindal Bridge King Erik Moe was were is has opened held founded wrote by in on of and , . (IMF) 1912 "
    "4 May August 10,000 people troops capital president who which “ ” ’s a an He It since until , said 😀 é \n".split(
        " "
    )
)


@settings(deadline=None)
@given(st.lists(WORDS, max_size=40))
def test_every_proposal_is_a_question_with_its_answer_in_the_text(words: list[str]) -> None:
    text = " ".join(words) + "."
    for sentence in split_sentences(text):
        for proposal in propose(text, sentence.start, sentence.end, common=common_words(text)):
            assert sentence.start <= proposal.start < proposal.end <= sentence.end
            answer = normalize_answer(text[proposal.start : proposal.end])
            assert proposal.question.endswith("?") and "\n" not in proposal.question
            assert proposal.kind in ("born", "died", "acronym") or f" {answer} " not in (
                f" {normalize_answer(proposal.question)} "
            )
