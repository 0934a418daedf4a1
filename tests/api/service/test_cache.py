"""The cache of answers: whose they are, and how many it holds."""

from __future__ import annotations

from collections.abc import Callable

from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

import api.http.examples as shown
from api.service.access import Access
from api.service.cache import AnswerCache, Standing
from qa.types import Filters, Question, Response

Serving = Callable[..., TestClient]
ASK = {"question": "When do the drills run?"}
KEPT = Response.model_validate(shown.RESPONSE)
GENERATION = KEPT.provenance.store_generation
NOW = Standing(GENERATION, "")


def test_who_may_read_less_gets_no_answer_of_more() -> None:
    cache = AnswerCache(10, 1_000_000)
    question = Question(question="When?")
    everything, some = Access(), Access(collections=("open",))
    cache.put(NOW, question.model_copy(update={"filters": everything.narrow(Filters())}), KEPT)
    assert cache.get(NOW, question.model_copy(update={"filters": some.narrow(Filters())})) is None
    assert cache.get(NOW, question) is KEPT
    assert cache.get(Standing(GENERATION + 1, ""), question) is None
    assert cache.get(Standing(GENERATION, "promised"), question) is None


def test_a_response_of_another_generation_is_not_kept() -> None:
    cache = AnswerCache(10, 1_000_000)
    standing = Standing(GENERATION + 1, "")
    cache.put(standing, Question(question="When?"), KEPT)
    assert cache.get(standing, Question(question="When?")) is None and cache.entries == 0


@given(
    st.integers(1, 5),
    st.integers(0, 20_000),
    st.lists(st.tuples(st.booleans(), st.integers(0, 8)), max_size=40),
)
def test_neither_bound_is_exceeded_and_the_last_used_stay(most: int, size: int, steps: list[tuple[bool, int]]) -> None:
    cache = AnswerCache(most, size)
    used: list[int] = []
    for is_put, number in steps:
        question = Question(question=f"Question {number}?")
        if is_put:
            cache.put(NOW, question, KEPT)
        known = cache.get(NOW, question) is not None
        if known:
            used = [other for other in used if other != number] + [number]
        assert cache.entries <= most and cache.bytes <= size
        # The one used last is never the one that went.
        assert not used or cache.get(NOW, Question(question=f"Question {used[-1]}?")) is KEPT
        assert (cache.bytes > 0) == (cache.entries > 0)
