"""Passages of one question are normalised together, and stay together in a batch."""

from __future__ import annotations

import math

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from index.models.embedder import bundled_model
from qa.reading.windows import WindowMaker
from qa.training.data import Row
from qa.training.features import batches, build_features
from qa.training.teaching.comparison import GROUP_WINDOWS, question_groups, shared_loss


def row(question: str, context: str, answer: str | None, title: str = "t") -> Row:
    start = context.index(answer) if answer else None
    end = start + len(answer) if answer and start is not None else None
    return Row("1", title, question, context, start, end, (answer,) if answer else ())


def one_border(logits: list[list[float]], at: list[int], groups: list[int]) -> float:
    """The same loss for a single border, computed group by group from its definition."""
    losses = []
    for group in sorted(set(groups)):
        own = [number for number, of in enumerate(groups) if of == group]
        total = 1.0 + sum(math.exp(value - logits[n][0]) for n in own for value in logits[n][1:])
        right = sum(math.exp(logits[n][at[n]] - logits[n][0]) for n in own if at[n] > 0)
        losses.append(-math.log((right or 1.0) / total))
    return sum(losses) / len(losses)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_loss_is_the_cross_entropy_over_all_windows_of_a_group(data: st.DataObject) -> None:
    windows, tokens = data.draw(st.integers(1, 6)), data.draw(st.integers(2, 5))
    number = st.floats(-8, 8, allow_nan=False)
    logits = [data.draw(st.lists(number, min_size=tokens, max_size=tokens)) for _ in range(windows)]
    at = [data.draw(st.integers(0, tokens - 1)) for _ in range(windows)]
    groups = [data.draw(st.integers(0, 2)) for _ in range(windows)]
    tensor, borders = torch.tensor(logits, dtype=torch.float64), torch.tensor(at)
    loss = shared_loss((tensor, tensor), (borders, borders), torch.tensor(groups))
    assert math.isclose(float(loss), one_border(logits, at, groups), rel_tol=1e-5, abs_tol=1e-5)


def test_alone_a_window_has_its_own_cross_entropy() -> None:
    logits = torch.randn(4, 7, generator=torch.Generator().manual_seed(1))
    at = torch.tensor([0, 3, 6, 1])
    loss = shared_loss((logits, logits), (at, at), torch.arange(4))
    torch.testing.assert_close(loss, torch.nn.functional.cross_entropy(logits, at))


def test_a_strong_span_of_a_wrong_passage_is_pushed_down() -> None:
    logits = torch.tensor([[0.0, 4.0, 0.0], [0.0, 5.0, 0.0]], requires_grad=True)
    at = torch.tensor([1, 0])
    shared_loss((logits, logits), (at, at), torch.tensor([0, 0])).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert logits.grad[0, 1] < 0 < logits.grad[1, 1]


def test_windows_of_one_question_stay_together() -> None:
    maker = WindowMaker.from_folder(bundled_model(), max_length=48, stride=8)
    rows = [
        row(
            f"who wrote number {n}?",
            f"Nobody knows. Ada wrote number {n}. " + "And so on it went. " * (7 * (n % 3)),
            "Ada",
        )
        for n in range(40)
    ]
    rows += [row(f"who wrote number {n}?", "Another passage altogether.", None) for n in range(0, 40, 2)]
    rows += [row("who wrote number 0?", "Of another article.", None, title="other")]
    features = build_features(rows, maker)
    groups = question_groups(rows, features)
    assert np.bincount(groups).max() <= GROUP_WINDOWS
    for group in range(int(groups.max()) + 1):
        own = {rows[number].question for number in features.row[groups == group]}
        assert len(own) == 1
    made = list(batches(features, 512, seed=1, groups=groups))
    assert sorted(np.concatenate(made).tolist()) == list(range(len(features)))
    batch_of = {window: place for place, batch in enumerate(made) for window in batch.tolist()}
    for group in range(int(groups.max()) + 1):
        assert len({batch_of[window] for window in np.flatnonzero(groups == group).tolist()}) == 1
    titles = {rows[number].title for number in features.row[groups == groups[features.row == len(rows) - 1][0]]}
    assert titles == {"other"}
    # An answer is never cut off from the question's other passages by the limit of a group.
    answered = np.flatnonzero(features.start > 0)
    first = {rows[features.row[w]].question: groups[w] for w in answered[::-1]}
    negatives = [w for w in range(len(features)) if 40 <= features.row[w] < 60]
    together = [groups[w] == first[rows[features.row[w]].question] for w in negatives]
    assert sum(together) > len(together) / 2
