"""Best spans of a window, against a slow and obvious search."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.reading.spans import MAX_ANSWER_TOKENS, SPANS_PER_WINDOW, Span, window_spans
from qa.reading.windows import Window

HEAD = 3  # [CLS] q [SEP]


def window(tokens: int, *, empty: frozenset[int] = frozenset()) -> Window:
    """`tokens` passage tokens of two characters, three apart; those in `empty` have no characters."""
    starts = np.arange(tokens, dtype=np.int32) * 3
    ends = starts + np.array([0 if n in empty else 2 for n in range(tokens)], dtype=np.int32)
    return Window(np.zeros(HEAD + tokens + 1, dtype=np.int32), HEAD, starts, ends, np.zeros_like(starts))


def logits(tokens: int, values: dict[int, float], *, null: float = 0.0, other: float = -10.0) -> np.ndarray:
    """Logits by passage token; everything else is `other`, position 0 is `null`."""
    made = np.full(HEAD + tokens + 1, other, dtype=np.float32)
    made[0] = null
    for token, value in values.items():
        made[HEAD + token] = value
    return made


def span(first: int, last: int, margin: float) -> Span:
    return Span(first * 3, last * 3 + 2, margin)


def test_the_best_span_comes_first_with_its_margin_over_the_null() -> None:
    found = window_spans(window(8), logits(8, {2: 5.0}, null=1.0), logits(8, {4: 3.0}, null=0.5))
    assert found[0] == span(2, 4, 5.0 + 3.0 - 1.5)
    assert [s.margin for s in found] == sorted((s.margin for s in found), reverse=True)
    assert len(found) == SPANS_PER_WINDOW == len({(s.start, s.end) for s in found})


def test_a_null_that_wins_gives_negative_margins() -> None:
    found = window_spans(window(4), logits(4, {1: 1.0}, null=4.0), logits(4, {1: 1.0}, null=4.0))
    assert found[0] == span(1, 1, -6.0)


def test_question_and_special_tokens_are_never_borders() -> None:
    start, end = logits(3, {0: 0.0, 1: 1.0, 2: 0.0}), logits(3, {0: 0.0, 1: 1.0, 2: 0.0})
    start[1:HEAD] = end[1:HEAD] = 100.0
    start[-1] = end[-1] = 100.0
    found = window_spans(window(3), start, end, count=100)
    assert {(s.start, s.end) for s in found} == {(0, 2), (3, 5), (6, 8), (0, 5), (3, 8), (0, 8)}
    assert found[0] == span(1, 1, 2.0)


def test_an_end_before_its_start_is_no_span() -> None:
    found = window_spans(window(6), logits(6, {5: 9.0}), logits(6, {0: 9.0}), count=100)
    assert len(found) == 6 * 7 // 2
    assert all(s.start < s.end for s in found)


def test_the_longest_answer() -> None:
    tokens = MAX_ANSWER_TOKENS + 5
    start = logits(tokens, {0: 9.0, 1: 8.0})
    end = logits(tokens, {MAX_ANSWER_TOKENS: 9.0})
    assert window_spans(window(tokens), start, end)[0] == span(1, MAX_ANSWER_TOKENS, 17.0)
    wider = window_spans(window(tokens), start, end, max_tokens=MAX_ANSWER_TOKENS + 1)
    assert wider[0] == span(0, MAX_ANSWER_TOKENS, 18.0)


def test_a_good_span_is_found_although_its_borders_are_not_among_the_best() -> None:
    # Forty promising starts at the end, forty promising ends at the beginning: none of them pair.
    tokens = 200
    start = logits(tokens, {**dict.fromkeys(range(160, 200), 8.0), 80: 5.0})
    end = logits(tokens, {**dict.fromkeys(range(40), 8.0), 82: 5.0})
    assert window_spans(window(tokens), start, end)[0] == span(80, 82, 10.0)


def test_ties_go_to_the_first() -> None:
    flat = logits(5, {}, null=0.0, other=0.0)
    found = window_spans(window(5), flat, flat, count=4)
    assert [(s.start, s.end) for s in found] == [(0, 2), (0, 5), (0, 8), (0, 11)]


def test_tokens_without_characters_are_no_border() -> None:
    found = window_spans(window(3, empty=frozenset({1})), logits(3, {1: 50.0}), logits(3, {1: 50.0}), count=100)
    assert {(s.start, s.end) for s in found} == {(0, 2), (6, 8), (0, 8)}


def test_a_window_without_passage_tokens() -> None:
    assert window_spans(window(0), logits(0, {}), logits(0, {})) == []


def test_masked_logits_are_no_spans() -> None:
    start, end = logits(3, {1: 2.0}, other=-math.inf), logits(3, {1: 2.0, 2: 1.0}, other=-math.inf)
    assert window_spans(window(3), start, end) == [span(1, 1, 4.0), span(1, 2, 3.0)]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_null_that_is_no_number_compares_with_nothing(bad: float) -> None:
    assert window_spans(window(3), logits(3, {1: 2.0}, null=bad), logits(3, {1: 2.0})) == []


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_logit_that_is_no_number_is_no_border(bad: float) -> None:
    found = window_spans(window(3), logits(3, {0: bad, 1: 2.0}), logits(3, {1: 2.0, 2: bad}), count=100)
    assert found == [span(1, 1, 4.0)]


def test_huge_logits_do_not_overflow() -> None:
    big = float(np.finfo(np.float32).max)
    found = window_spans(window(2), logits(2, {0: big}, null=-big), logits(2, {0: big}, null=-big))
    assert found[0].margin == pytest.approx(4 * big)


VALUES = st.one_of(
    st.integers(-3, 3).map(float),
    st.floats(-30, 30, width=32),
    st.sampled_from([-math.inf, math.inf, math.nan, 3e38, -3e38, 0.0]),
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Window, np.ndarray, np.ndarray, int, int]:
    tokens = draw(st.integers(0, 45))
    empty = draw(st.frozensets(st.integers(0, 44), max_size=4))
    made = [np.array(draw(st.lists(VALUES, min_size=HEAD + 46, max_size=HEAD + 46)), dtype=np.float32) for _ in "se"]
    start, end = (values[: HEAD + tokens + 1] for values in made)
    return window(tokens, empty=empty), start, end, draw(st.integers(1, 12)), draw(st.integers(1, 8))


@pytest.mark.slow
@given(cases())
@settings(max_examples=80, deadline=None)
def test_it_is_the_brute_force_search(case: tuple[Window, np.ndarray, np.ndarray, int, int]) -> None:
    cut, start, end, max_tokens, count = case
    null = float(start[0]) + float(end[0])
    expected = []
    for i in range(len(cut.starts)):
        for j in range(i, min(i + max_tokens, len(cut.starts))):
            one, other = float(start[HEAD + i]), float(end[HEAD + j])
            real = math.isfinite(one) and math.isfinite(other) and math.isfinite(null)
            if real and cut.ends[i] > cut.starts[i] and cut.ends[j] > cut.starts[j]:
                expected.append((-(one + other), i, j))
    expected = sorted(expected)[:count]
    found = window_spans(cut, start, end, max_tokens=max_tokens, count=count)
    assert found == [Span(int(cut.starts[i]), int(cut.ends[j]), -score - null) for score, i, j in expected]


def test_no_span_goes_over_the_end_of_a_paragraph() -> None:
    across = replace(window(4), paragraphs=np.array([0, 0, 1, 1], dtype=np.int32))
    start, end = logits(4, {1: 9.0, 2: 5.0}), logits(4, {2: 9.0, 1: 4.0})
    assert window_spans(window(4), start, end, count=1) == [Span(3, 8, 18.0)]
    assert [(s.start, s.end, s.margin) for s in window_spans(across, start, end, count=2)] == [(6, 8, 14), (3, 5, 13)]
