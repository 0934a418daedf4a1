"""Questions from sentences: each pattern, what it must refuse, and that every answer is a span of the text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.drafting.expressions import common_words
from eval.drafting.proposing import LONGEST_SENTENCE, propose
from eval.measures.squad import normalize_answer
from index.text.sentences import split_sentences

PROPOSED = [
    (
        "The Sanborn Bridge in Lindal was opened on 4 May 1912 by King Erik, after long delays.",
        "When was the Sanborn Bridge in Lindal opened by King Erik?",
        "4 May 1912",
    ),
    (
        "In 1947, Lindal University founded its school of medicine.",
        "In what year did Lindal University found its school of medicine?",
        "1947",
    ),
    (
        "On July 22, Tajikistan held its largest drills since the war, involving around 100,000 servicemen.",
        "When did Tajikistan hold its largest drills since the war?",
        "July 22",
    ),
    (
        "From August 9-14, Russia will also conduct its first joint drills with China.",
        "When will Russia conduct its first joint drills with China?",
        "August 9-14",
    ),
    (
        "Blaise Compaoré ruled Burkina Faso until 2014 and then fled the country.",
        "Until when did Blaise Compaoré rule Burkina Faso?",
        "2014",
    ),
    (
        "The drills in the Ningxia Region will involve some 10,000 troops along with aircraft, artillery and tanks.",
        "How many troops will the drills in the Ningxia Region involve?",
        "10,000",
    ),
    (
        "McCadden Productions employed more than 300 people at its peak.",
        "How many people did McCadden Productions employ at its peak?",
        "300",
    ),
    ("The Battle of Lindal was fought near the river and 1,200 soldiers died.", None, None),
    (
        "Ada Lovelace (10 December 1815 – 27 November 1852) was a mathematician.",
        "When was Ada Lovelace born?",
        "10 December 1815",
    ),
    (
        "Ada Lovelace (10 December 1815 – 27 November 1852) was a mathematician.",
        "When did Ada Lovelace die?",
        "27 November 1852",
    ),
    ("The International Monetary Fund (IMF) gave a loan.", "What does IMF stand for?", "International Monetary Fund"),
    ("Chopin was born in Żelazowa Wola, Poland, to a French father.", None, None),
    ("Frederic Chopin was born in Warsaw, and played early.", "Where was Frederic Chopin born?", "Warsaw"),
    (
        "The novel Moby-Dick was written by Herman Melville in 1851.",
        "Who wrote the novel Moby-Dick?",
        "Herman Melville",
    ),
    ("Harare is the capital of Zimbabwe.", "What is the capital of Zimbabwe?", "Harare"),
    (
        "Mary Hill was the first president of the Lindal Bank.",
        "Who was the first president of the Lindal Bank?",
        "Mary Hill",
    ),
    (
        "Russian Defense Minister Sergei Shoigu expressed alarm.",
        "Who is the Russian Defense Minister?",
        "Sergei Shoigu",
    ),
    (
        "Beijing welcomed the Taliban’s deputy head, Abdul Ghani, on Wednesday.",
        "Who is the Taliban’s deputy head?",
        "Abdul Ghani",
    ),
    (
        "A political expert, Stanislav Pritchin, cautioned against it.",
        "Who is Stanislav Pritchin?",
        "A political expert",
    ),
    (
        "Jean Meda, the president of the Press Club of Lindal, agreed.",
        "Who is the president of the Press Club of Lindal?",
        "Jean Meda",
    ),
    (
        "The mountain near Lindal is known as the Giant’s Chair.",
        "What is the mountain near Lindal known as?",
        "Giant’s Chair",
    ),
]


@pytest.mark.parametrize(("sentence", "question", "answer"), PROPOSED)
def test_what_a_sentence_proposes(sentence: str, question: str | None, answer: str | None) -> None:
    text = f"Before. {sentence} After."
    found = {
        proposal.question: text[proposal.start : proposal.end]
        for proposal in propose(text, 8, 8 + len(sentence), common=common_words(text))
    }
    if question is None:
        assert found == {}
    else:
        assert found.get(question) == answer, found


def test_a_person_is_told_by_what_follows() -> None:
    text = "Sergei Shoigu opened the base in Lindal."
    assert list(propose(text, 0, len(text))) == []
    (proposal,) = propose(text, 0, len(text), follows="He spoke of the war.")
    assert proposal.question == "Who opened the base in Lindal?"
    assert text[proposal.start : proposal.end] == "Sergei Shoigu"


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
    found = {proposal.kind: text[proposal.start : proposal.end] for proposal in propose(text, 0, len(text))}
    assert found["when"] == "4 May\n1912"


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
