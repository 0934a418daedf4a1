"""What keeps a question from being proposed, whatever its pattern."""

from __future__ import annotations

from eval.drafting.clauses import Sentence
from eval.drafting.patterns.pattern import placed

TEXT = "Harare, the large old city by the river, is the capital of Zimbabwe."
SENTENCE = Sentence(TEXT, tuple(range(10, 10 + len(TEXT))), "")


def question(words: str) -> str | None:
    proposal = placed(SENTENCE, words, 0, 6, "identity")
    return None if proposal is None else proposal.question


def test_a_question_is_tidied_and_its_answer_placed_in_the_text() -> None:
    proposal = placed(SENTENCE, "What is  the capital of Zimbabwe ,", 0, 6, "identity")
    assert proposal is not None
    assert (proposal.question, proposal.start, proposal.end) == ("What is the capital of Zimbabwe?", 10, 16)


def test_a_question_must_stand_on_its_own() -> None:
    assert question("What is the capital of Zimbabwe")
    assert question("What is the capital") is None  # of which country?
    assert question("What is the capital of Zimbabwe in") is None  # something is missing
    assert question("What is Harare in Zimbabwe") is None  # it tells its answer
    assert question("What is it called in Zimbabwe") is None  # what is?


def test_an_answer_that_a_bracket_parts_is_no_span() -> None:
    parted = Sentence(TEXT, tuple(place + (place > 3) for place in range(len(TEXT))), "")
    assert placed(parted, "What is the capital of Zimbabwe", 0, 6, "identity") is None
