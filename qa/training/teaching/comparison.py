"""Passages of one question normalised together, so that spans of different passages compete (Clark and Gardner 2018,
arXiv:1710.10723, section 3.3)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from qa.training.data import Row
from qa.training.features import Features

# Windows of one question in one batch, at most: what is beyond forms a group of its own.
GROUP_WINDOWS = 6


def question_groups(rows: Sequence[Row], features: Features) -> NDArray[np.int64]:
    """The group of every window (windows,): windows of the same question about the same title share one.

    A group has at most GROUP_WINDOWS windows, those with an answer first.
    """
    asked: dict[tuple[str, str], int] = {}
    of_row = np.array(
        [asked.setdefault((row.title, row.original or row.question), len(asked)) for row in rows], np.int64
    )
    question = of_row[features.row]
    order = np.lexsort((np.arange(len(features)), features.start == 0, question))
    groups = np.zeros(len(features), np.int64)
    number, held = -1, 0
    for place, window in enumerate(order):
        if place == 0 or question[window] != question[order[place - 1]] or held == GROUP_WINDOWS:
            number, held = number + 1, 0
        groups[window] = number
        held += 1
    return groups


def shared_loss(
    logits: tuple[torch.Tensor, torch.Tensor], borders: tuple[torch.Tensor, torch.Tensor], groups: torch.Tensor
) -> torch.Tensor:
    """The mean over groups of the cross-entropy of start and end, normalised over all windows of a group and one null.

    Start and end logits (windows, tokens) with padding at a large negative number, start and end positions (windows,),
    0 where the window holds no answer, groups (windows,). Logits count from their own window's null, as the margins by
    which spans are compared in use; for a group of one window this is that window's own cross-entropy. Where several
    windows hold the answer, their probabilities add up.
    """
    _, groups = torch.unique(groups, return_inverse=True)
    return torch.stack(
        [_one_border(of_border, at, groups) for of_border, at in zip(logits, borders, strict=True)]
    ).mean()


def _one_border(logits: torch.Tensor, at: torch.Tensor, groups: torch.Tensor) -> torch.Tensor:
    count = int(groups.max()) + 1
    over_null = logits - logits[:, :1]
    everything = _grouped_log_sum(over_null[:, 1:].logsumexp(dim=1), groups, count, null=True)
    holds = at > 0
    right = over_null.gather(1, at[:, None])[:, 0].masked_fill(~holds, -torch.inf)
    answered = torch.zeros(count, dtype=torch.bool, device=at.device).index_fill(0, groups[holds], True)
    # A group without answer is right where it says null, whose margin over itself is 0.
    target = logits.new_zeros(count)
    target[answered] = _grouped_log_sum(right[holds], groups[holds], count, null=False)[answered]
    return (everything - target).mean()


def _grouped_log_sum(values: torch.Tensor, groups: torch.Tensor, count: int, *, null: bool) -> torch.Tensor:
    """log(sum(exp(values))) by group (count,), with one more value of 0 in each where `null`."""
    floor = values.new_full((count,), 0.0 if null else -1e4)
    peak = floor.scatter_reduce(0, groups, values.detach(), "amax", include_self=True)
    total = torch.exp(floor - peak) if null else torch.zeros_like(peak)
    total = total.scatter_add(0, groups, torch.exp(values - peak[groups]))
    return peak + torch.log(total.clamp_min(1e-30))
