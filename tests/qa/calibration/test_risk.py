"""Promises on made-up gold questions whose true share of wrong answers is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qa.calibration.risk import GRID, Proof, Refusal, prove

Gold = tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]


def drawn(seed: int, groups: int, size: int, *, rate: float | None = None, together: float = 0.0) -> Gold:
    """Confidence, wrong and group of `groups` x `size` questions.

    Wrong at `rate` whatever the confidence, or as often as the confidence says. `together` is the correlation within a
    group: of all or nothing at 1.
    """
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), size)
    confidence = rng.random(groups * size)
    chance = 1 - confidence if rate is None else np.full(groups * size, rate)
    # With that probability a question shares its group's luck.
    shares = rng.random(groups * size) < np.sqrt(together)
    luck = np.where(shares, rng.random(groups)[group], rng.random(groups * size))
    return confidence, luck < chance, group


def promise(gold: Gold, risk: float, delta: float = 0.1) -> Proof | Refusal:
    return prove(gold[0], gold[1], gold[2].tolist(), risk=risk, delta=delta)


# --- what is promised holds


@pytest.mark.slow
@pytest.mark.parametrize(
    ("groups", "size", "together"), [(120, 1, 0.0), (60, 5, 0.3), (40, 10, 1.0), (12, 20, 1.0), (300, 2, 1.0)]
)
@pytest.mark.parametrize("risk", [0.1, 0.2])
def test_a_false_promise_is_rarer_than_delta(groups: int, size: int, together: float, risk: float) -> None:
    """Just more than `risk` of the answers are wrong at every threshold, so that every promise is false."""
    rounds = 300
    told = [promise(drawn(s, groups, size, rate=risk + 1e-6, together=together), risk) for s in range(rounds)]
    assert sum(isinstance(outcome, Proof) for outcome in told) / rounds <= 0.1


@pytest.mark.slow
@pytest.mark.parametrize(("size", "together"), [(1, 0.0), (5, 0.2), (5, 1.0)])
@pytest.mark.parametrize("delta", [0.1, 0.3])
def test_the_next_set_keeps_the_promise(size: int, together: float, delta: float) -> None:
    """A set is halved by groups: the other half may exceed the promised risk in a share of delta of the splits."""
    rounds, risk, exceeded, made = 300, 0.25, 0, 0
    for seed in range(rounds):
        confidence, wrong, group = drawn(seed, 600 // size, size, together=together)
        first = group < 300 // size
        proof = promise((confidence[first], wrong[first], group[first]), risk, delta)
        if isinstance(proof, Proof):
            made += 1
            answered = ~first & (confidence >= proof.threshold)
            exceeded += int(wrong[answered].sum() > risk * answered.sum())
    assert exceeded / rounds <= delta
    # A test that promises nothing would exceed nothing.
    assert made / rounds > 0.5


def test_questions_that_err_together_count_less() -> None:
    alone, crowd = drawn(1, 1500, 1), drawn(1, 150, 10, together=1.0)
    one, many = promise(alone, 0.25), promise(crowd, 0.25)
    assert isinstance(one, Proof) and isinstance(many, Proof)
    assert one.effective == one.answered
    assert many.effective < 0.6 * many.answered
    # Believed to be independent, the same questions would be given a looser threshold.
    naive = prove(crowd[0], crowd[1], range(1500), risk=0.25, delta=0.1)
    assert isinstance(naive, Proof) and naive.effective == naive.answered


# --- which threshold


def test_the_loosest_threshold_that_holds_is_taken() -> None:
    confidence, wrong, group = drawn(3, 4000, 1)
    proof = promise((confidence, wrong, group), 0.2)
    assert isinstance(proof, Proof)
    # Of answers with a confidence uniform on [t, 1] a share of (1 - t) / 2 is wrong: at 0.2 the edge is t = 0.6.
    assert 0.6 <= proof.threshold <= 0.7
    answered = confidence >= proof.threshold
    assert (proof.questions, proof.answered, proof.wrong) == (4000, answered.sum(), wrong[answered].sum())
    assert proof.coverage == proof.answered / 4000
    assert proof.threshold < proof.strictest < 1 and {proof.threshold, proof.strictest} <= set(GRID)


def test_a_confidence_at_the_threshold_answers() -> None:
    """A confidence of exactly 0.7 is answered at 0.7, as by the engine."""
    proof = prove([0.7] * 200, [False] * 200, range(200), risk=0.1, delta=0.1)
    assert isinstance(proof, Proof)
    assert (proof.strictest, proof.threshold, proof.answered) == (0.7, GRID[-1], 200)


def test_the_walk_ends_at_the_first_threshold_that_fails() -> None:
    """Right above 0.8, wrong from 0.6 to 0.8, right below: the share of wrong answers is not monotone."""
    confidence = np.repeat([0.9, 0.7, 0.3], [200, 100, 1500])
    wrong = np.repeat([False, True, False], [200, 100, 1500])
    proof = prove(confidence, wrong, range(1800), risk=0.1, delta=0.1)
    assert isinstance(proof, Proof)
    assert (proof.threshold, proof.strictest, proof.answered, proof.wrong) == (0.71, 0.9, 200, 0)


def test_the_surest_few_do_not_end_the_walk() -> None:
    """A tenth of the questions must be answered to begin with, whatever the errors among the surest few."""
    confidence = np.repeat([0.95, 0.8, 0.2], [60, 400, 600])
    wrong = np.concatenate([np.arange(60) < 20, np.zeros(400, dtype=bool), np.ones(600, dtype=bool)])
    proof = prove(confidence, wrong, range(1060), risk=0.2, delta=0.1)
    assert isinstance(proof, Proof)
    assert (proof.strictest, proof.threshold, proof.answered, proof.wrong) == (0.8, 0.21, 460, 20)


def test_a_question_without_a_confidence_is_never_answered() -> None:
    proof = prove([0.9] * 200 + [-1.0] * 300, [False] * 200 + [True] * 300, range(500), risk=0.1, delta=0.1)
    assert isinstance(proof, Proof) and (proof.answered, proof.wrong, proof.questions) == (200, 0, 500)


@given(seed=st.integers(0, 10_000), groups=st.integers(1, 60), size=st.integers(1, 8), together=st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_the_outcome_does_not_depend_on_order_or_names(seed: int, groups: int, size: int, together: float) -> None:
    confidence, wrong, group = drawn(seed, groups, size, together=together)
    order = np.random.default_rng(seed).permutation(len(wrong))
    renamed = [f"document {number}" for number in group[order]]
    assert prove(confidence[order], wrong[order], renamed, risk=0.3, delta=0.1) == promise(
        (confidence, wrong, group), 0.3
    )


@given(seed=st.integers(0, 10_000), groups=st.integers(50, 300), risk=st.floats(0.05, 0.5), delta=st.floats(0.02, 0.4))
@settings(max_examples=40, deadline=None)
def test_what_is_promised_was_kept_on_the_gold_questions(seed: int, groups: int, risk: float, delta: float) -> None:
    """And a larger delta needs fewer answers to begin with."""
    gold = drawn(seed, groups, 2)
    strict, loose = promise(gold, risk, delta), promise(gold, risk, min(0.49, 1.2 * delta))
    for outcome in (strict, loose):
        if isinstance(outcome, Proof):
            assert outcome.wrong <= risk * outcome.answered
            assert outcome.threshold <= outcome.strictest
    if isinstance(strict, Proof) and isinstance(loose, Proof):
        assert loose.strictest >= strict.strictest


# --- when nothing can be promised


def test_too_few_questions_and_how_many_more() -> None:
    small = drawn(5, 80, 1)
    refusal = promise(small, 0.2)
    assert isinstance(refusal, Refusal)
    assert (refusal.questions, refusal.groups) == (80, 80)
    assert refusal.more is not None and refusal.answered > 0
    # The estimate is one: but with twice as many questions the promise must come.
    enough = [promise(drawn(seed, 2 * (80 + refusal.more), 1), 0.2) for seed in range(20)]
    assert sum(isinstance(outcome, Proof) for outcome in enough) >= 15


def test_errors_at_every_confidence_are_not_cured_by_more_questions() -> None:
    refusal = promise(drawn(5, 500, 1, rate=0.5), 0.2)
    assert isinstance(refusal, Refusal) and refusal.more is None
    assert refusal.wrong / refusal.answered > 0.2


def test_one_document_tells_nothing_of_others() -> None:
    refusal = prove([0.9] * 500, [False] * 500, ["the only one"] * 500, risk=0.2, delta=0.1)
    assert isinstance(refusal, Refusal) and (refusal.groups, refusal.more) == (1, None)


def test_no_answer_at_all() -> None:
    assert prove([-1.0] * 50, [True] * 50, range(50), risk=0.2, delta=0.1) == Refusal(50, 50, 0, 0, None)


@pytest.mark.parametrize(("risk", "delta"), [(0.0, 0.1), (1.0, 0.1), (0.1, 0.0), (0.1, 0.5), (float("nan"), 0.1)])
def test_settings_outside_their_range(risk: float, delta: float) -> None:
    with pytest.raises(ValueError, match="must lie in"):
        prove([0.5], [False], ["a"], risk=risk, delta=delta)


@pytest.mark.parametrize("groups", [[], ["a"], ["a", "b", "c"]])
def test_as_many_of_each(groups: list[str]) -> None:
    with pytest.raises(ValueError, match="as many"):
        prove([0.5, 0.5], [False, True], groups, risk=0.1, delta=0.1)
