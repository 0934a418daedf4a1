"""Learning from a teacher's distributions beside the labels (Hinton, Vinyals and Dean 2015, arXiv:1503.02531)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from qa.training.data import Row
from qa.training.features import Features
from qa.training.teaching.labels import TeacherLabels


@dataclass(frozen=True, slots=True)
class SoftTargets:
    """For each window of a mixture the number of its teacher's label, -1 without, and the label's share of the loss."""

    features: Features
    labels: TeacherLabels
    window: NDArray[np.int64]
    share: NDArray[np.float32]

    @classmethod
    def of(cls, rows: Sequence[Row], features: Features, labels: TeacherLabels) -> SoftTargets:
        """Join rows with labels. A row that fills more than one window has none where its question is a variant, or a
        heading stands before the passage: its windows are cut elsewhere than those that the teacher read."""
        counts = np.bincount(features.row, minlength=len(rows))
        first = np.full(len(rows), -1, np.int64)
        share = np.zeros(len(rows), np.float32)
        for number, row in enumerate(rows):
            windows = labels.windows(row) if row.teacher > 0 else None
            cut_elsewhere = row.original is not None or bool(row.heading)
            if windows is None or len(windows) != counts[number] or (cut_elsewhere and len(windows) > 1):
                continue
            first[number], share[number] = windows.start, row.teacher
        taught = first[features.row] >= 0
        window = np.where(taught, first[features.row] + features.part, -1)
        return cls(features, labels, window, share[features.row])

    @property
    def taught(self) -> int:
        """How many windows have a teacher's label."""
        return int((self.window >= 0).sum())

    def batch(
        self, windows: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]:
        """Of a batch: shares (batch,), then token positions in the window and log-probabilities (batch, TOP) of the
        start and of the end. Windows without label have share 0 and meaningless rows."""
        label = self.window[windows]
        head = self.features.passage_start[windows].astype(np.int64)[:, None]

        def positions(at: NDArray[np.int16]) -> NDArray[np.int64]:
            kept = at[label].astype(np.int64)
            return np.where(kept < 0, 0, kept + head)

        return (
            np.where(label >= 0, self.share[windows], 0).astype(np.float32),
            np.where(label[:, None] >= 0, positions(self.labels.start_at), 0),
            self.labels.start_log[label].astype(np.float32),
            np.where(label[:, None] >= 0, positions(self.labels.end_at), 0),
            self.labels.end_log[label].astype(np.float32),
        )


def span_loss(
    logits: tuple[torch.Tensor, torch.Tensor],
    borders: tuple[torch.Tensor, torch.Tensor],
    taught: Sequence[torch.Tensor] | None,
    temperature: float,
    doubt: float = 0.0,
) -> torch.Tensor:
    """The mean over windows of the labels' cross-entropy and, by its share, the teacher's.

    Start and end logits (batch, tokens), start and end positions (batch,), `taught` as from `SoftTargets.batch`. The
    teacher's and the student's distributions are softened by `temperature`; its square keeps the gradients of one size.
    `doubt` weighs a term of the teacher's that asks for the null alone, against all of the passage together: softened
    distributions drown it in the many tokens that nobody believes in (the target-class part of Zhao et al. 2022,
    arXiv:2203.08679).
    """
    hard = torch.stack(
        [torch.nn.functional.cross_entropy(*pair, reduction="none") for pair in zip(logits, borders, strict=True)]
    ).mean(dim=0)
    if taught is None:
        return hard.mean()
    share, start_at, start_log, end_at, end_log = taught
    targets = ((start_at, start_log), (end_at, end_log))
    soft = torch.stack(
        [_soft_cross_entropy(hard, *target, temperature) for hard, target in zip(logits, targets, strict=True)]
    ).mean(dim=0)
    if doubt:
        nulls = [_null_cross_entropy(hard, log, temperature) for hard, (_, log) in zip(logits, targets, strict=True)]
        soft = soft + doubt * torch.stack(nulls).mean(dim=0)
    return ((1 - share) * hard + share * soft).mean()


def _soft_cross_entropy(logits: torch.Tensor, at: torch.Tensor, log: torch.Tensor, temperature: float) -> torch.Tensor:
    target = torch.softmax(log / temperature, dim=1)
    predicted = torch.log_softmax(logits / temperature, dim=1).gather(1, at)
    return -(target * predicted).sum(dim=1) * temperature**2


def _null_cross_entropy(logits: torch.Tensor, log: torch.Tensor, temperature: float) -> torch.Tensor:
    """Binary cross-entropy of null or not, of log-odds divided by the temperature; `log` holds the null first."""
    target = (log[:, 0] - torch.logsumexp(log[:, 1:], dim=1)) / temperature
    logit = (logits[:, 0] - torch.logsumexp(logits[:, 1:], dim=1)) / temperature
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logit, torch.sigmoid(target), reduction="none")
    return loss * temperature**2
