"""The corpus of the comparison: it holds the answers, and exactly so many passages."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from eval.bench.peers.adapters import wire
from eval.bench.peers.texts import Corpus
from eval.gold.questions import GoldQuestion
from index.errors import InputError


def test_the_corpus_holds_the_answers_and_exactly_so_many_passages(
    gold: list[GoldQuestion], corpus_of: Callable[..., Corpus]
) -> None:
    corpus = corpus_of(gold, passages=40, questions=4)
    assert corpus.passages == 40 and len(corpus.questions) == 4
    passages = dict(wire.passages(str(corpus.path), 0, corpus.documents))
    assert list(passages) == [str(number) for number in range(40)]
    for asked in corpus.questions:
        assert asked.relevant and all(asked.golds[0] in passages[str(number)] for number in asked.relevant)
    first, second = corpus.stretches(5, 2)
    assert first[0] == 0 and first[1] == second[0] and sum(corpus.passages_of[slice(*first)]) >= 5


def test_too_few_texts_or_questions_are_refused(gold: list[GoldQuestion], corpus_of: Callable[..., Corpus]) -> None:
    with pytest.raises(InputError, match="5,000 are needed"):
        corpus_of(gold, passages=5_000, questions=4)
    with pytest.raises(InputError, match="2 questions"):
        corpus_of(gold[:2], passages=40, questions=4)
    with pytest.raises(InputError, match="fewer --questions"):
        corpus_of(gold, passages=5, questions=6)
