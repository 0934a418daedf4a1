"""Promises from runs: what counts as wrong, what errs together, and the check by halves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eval.calibration.promises import Evidence, check_splits
from eval.gold.questions import GoldAnswer, GoldQuestion
from eval.runs.harness import evaluate
from eval.runs.run import Run
from index.errors import InputError, StoreError
from qa.calibration.risk import Proof
from qa.types import Answer, Response

MakeAnswer = Callable[..., Answer]
MakeResponse = Callable[..., Response]


def gold(name: str, *texts: str, **more: Any) -> GoldQuestion:
    return GoldQuestion(id=name, question=name, answers=tuple(GoldAnswer(text=text) for text in texts), **more)


def made_up(seed: int, groups: int, size: int) -> Evidence:
    """Answers that are wrong as often as their confidence says."""
    rng = np.random.default_rng(seed)
    confidence = rng.random(groups * size)
    return Evidence(confidence, rng.random(groups * size) > confidence, np.repeat(np.arange(groups), size))


def test_what_a_run_proves_with(answer: MakeAnswer, response: MakeResponse, fake_asker: Any) -> None:
    questions = [
        gold("right", "1843", document="notes.txt"),
        gold("wrong", "1844", context="Of 1844."),
        gold("withheld, but right", "1843", context="Of 1844."),
        gold("unanswerable", document="notes.txt"),
        gold("nothing found", "1843"),
        gold("failing", "1843"),
    ]
    asker = fake_asker(
        {
            "right": response(answer("1843", 0.9)),
            "wrong": response(answer("1843", 0.8)),
            "withheld, but right": response(answer("1843", 0.3), abstain="below_threshold"),
            "unanswerable": response(answer("Charles", 0.7)),
            "nothing found": response(abstain="nothing_retrieved"),
            "failing": StoreError("locked"),
        }
    )
    evidence = Evidence.of(evaluate(questions, asker))
    assert evidence.confidence.tolist() == [0.9, 0.8, 0.3, 0.7, -1, -1]
    assert evidence.wrong.tolist() == [False, True, False, True, True, True]
    assert evidence.group.tolist() == [0, 1, 1, 0, 2, 3]


def test_a_run_without_questions_proves_nothing(fake_asker: Any) -> None:
    with pytest.raises(InputError, match="no question"):
        Evidence.of(evaluate([], fake_asker({})))


def test_a_run_file_gives_the_same_evidence(
    answer: MakeAnswer, response: MakeResponse, fake_asker: Any, tmp_path: Path
) -> None:
    questions = [gold("a", "1843", document="notes.txt"), gold("b", document="notes.txt")]
    run = evaluate(questions, fake_asker({name: response(answer("1843", 0.6)) for name in "ab"}))
    run.write(tmp_path / "run.json")
    read, kept = Evidence.of(Run.read(tmp_path / "run.json")), Evidence.of(run)
    assert all(np.array_equal(getattr(read, name), getattr(kept, name)) for name in ("confidence", "wrong", "group"))


def test_halves_keep_what_the_others_promise() -> None:
    strict, loose, hopeless = check_splits(made_up(1, 300, 4), (0.15, 0.3, 0.001), delta=0.1, splits=50, seed=1)
    assert (loose.risk, loose.splits, loose.promised) == (0.3, 50, 1.0)
    for row in (strict, loose):
        assert row.exceeded <= 0.1 and row.observed is not None and row.observed < row.risk
    # Of a confidence uniform on [t, 1] a share of (1 - t) / 2 is wrong: at most 0.3 from t = 0.4 on, for 60 %.
    assert 0.4 < loose.coverage < 0.6 and strict.coverage < loose.coverage
    assert loose.threshold is not None and strict.threshold is not None and loose.threshold < strict.threshold
    assert (hopeless.promised, hopeless.exceeded, hopeless.coverage, hopeless.threshold) == (0, 0, 0, None)


def test_a_broken_promise_is_noticed_and_groups_prevent_it() -> None:
    """Of 40 documents with 20 questions each, 12 are all wrong, the others all right: that is not 800 questions."""
    together = Evidence(np.full(800, 0.9), np.repeat(np.arange(40) % 10 < 3, 20), np.repeat(np.arange(40), 20))
    alone = Evidence(together.confidence, together.wrong, np.arange(800))
    (careful,) = check_splits(together, [0.3], delta=0.1, splits=100, seed=3)
    assert careful.exceeded <= 0.1
    broken = 0
    for seed in range(100):
        half = np.isin(together.group, np.random.default_rng(seed).permutation(40)[:20])
        # Halved by documents as before, but proved as if every question stood alone.
        broken += isinstance(alone.where(half).prove(0.3, 0.1), Proof) and bool(together.wrong[~half].mean() > 0.3)
    assert broken > 10


def test_the_same_seed_gives_the_same_check() -> None:
    evidence = made_up(4, 100, 5)
    one, two, other = (check_splits(evidence, [0.3], delta=0.1, splits=20, seed=seed) for seed in (1, 1, 2))
    assert one == two != other


def test_one_group_cannot_be_split() -> None:
    with pytest.raises(InputError, match="cannot be split"):
        check_splits(made_up(1, 1, 50), [0.2], delta=0.1, splits=10, seed=1)
