"""The reader's runtimes beside each other, with a tiny model of random weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eval.bench.runtimes import REFERENCE, RuntimeComparison, compare_runtimes
from eval.gold.questions import GoldAnswer, GoldQuestion
from eval.runs.run import GoldRef
from index.errors import InputError
from qa.reading.exact_on_ties import ExactOnTies
from qa.reading.logits import Logits
from qa.reading.windows import Window


@pytest.fixture(scope="module")
def folder(tiny_bert: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("reader"), head=True)


def _gold() -> list[GoldQuestion]:
    found = []
    for number in range(20):
        text = f"The harbour of town {number} opened in {1800 + number} after nine years of work. It froze often."
        start = text.index("18")
        answers = (GoldAnswer(text=text[start : start + 4], start=start, end=start + 4),) if number % 2 else ()
        found.append(
            GoldQuestion(id=f"q{number}", question="When did it open?", context=text, title="towns", answers=answers)
        )
    return found


def _compare(folder: Path, gold: Sequence[GoldQuestion]) -> RuntimeComparison:
    return compare_runtimes(gold, GoldRef(name="gold", sha256="0" * 64, questions=len(gold)), str(folder))


def test_both_runtimes_answer_alike(folder: Path) -> None:
    found = _compare(folder, _gold())
    assert found.questions == 20 and next(iter(found.runtimes)) == REFERENCE
    own, reference = found.runtimes[found.shipped], found.runtimes[REFERENCE]
    assert (reference.same_answer, reference.same_decision, reference.largest_logit_difference) == (1, 1, 0)
    assert own.same_answer >= 0.9 and own.largest_logit_difference < 0.2
    assert reference.forced_em is not None and own.forced_f1 is not None
    exact = found.runtimes["openvino f32"]
    assert exact.same_answer == 1 and 0 < exact.largest_logit_difference < 1e-3
    assert (exact.em, exact.f1) == (reference.em, reference.f1)


def test_what_differs_is_counted_and_shown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = ExactOnTies.logits

    def moved(model: ExactOnTies, windows: Sequence[Window]) -> list[Logits]:
        found = []
        for number, (window, own) in enumerate(zip(windows, shipped(model, windows), strict=True)):
            start, end = (np.array(each) for each in own)
            if number == 3:
                at = window.passage_start + 1
                start[at], end[at] = start[at] + 99, end[at] + 99
            found.append((start, end))
        return found

    monkeypatch.setattr(ExactOnTies, "logits", moved)
    found = _compare(folder, _gold()[:10])
    own = found.runtimes[found.shipped]
    assert own.same_answer <= 0.9 and own.largest_logit_difference > 90 and not found.holds
    (entry, *_) = [each for each in found.differing if each.question == "q3"]
    assert entry.other == "harbour" and entry.other_margin > entry.reference_margin and entry.lead >= 0


def test_questions_without_a_paragraph_are_refused(folder: Path) -> None:
    gold: list[Any] = [GoldQuestion(id="q", question="When?", answers=())]
    with pytest.raises(InputError, match="no question has a paragraph"):
        _compare(folder, gold)
