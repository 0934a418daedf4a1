"""From a window's start and end logits to its best spans, with the null score of the same window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qa.windows import Window

MAX_ANSWER_TOKENS = 30
SPANS_PER_WINDOW = 5
# Starts and ends that are paired: the best spans of a window are made of its best borders.
BORDERS = 20


@dataclass(frozen=True, slots=True)
class Span:
    """A span `[start, end)` of a passage in code points. `margin` is its score above the null of its own window:
    start logit + end logit - null score (Devlin et al. 2019, section 4.3), so that spans of different passages compare.
    """

    start: int
    end: int
    margin: float


def window_spans(
    window: Window,
    start_logits: NDArray[np.float32],
    end_logits: NDArray[np.float32],
    *,
    max_tokens: int = MAX_ANSWER_TOKENS,
    count: int = SPANS_PER_WINDOW,
) -> list[Span]:
    """The best spans of a window, best first; the null is position 0, `[CLS]`.

    Logits are (n,) for the window's own n tokens. Only passage tokens can be borders: question and special tokens are
    masked out. Tokens without characters are no border either.
    """
    null = float(start_logits[0] + end_logits[0])
    first = window.passage_start
    tokens = len(window.starts)
    if tokens == 0:
        return []
    start_scores = start_logits[first : first + tokens].astype(np.float64)
    end_scores = end_logits[first : first + tokens].astype(np.float64)
    wide = window.ends > window.starts
    start_scores = np.where(wide, start_scores, -np.inf)
    end_scores = np.where(wide, end_scores, -np.inf)
    starts = _best(start_scores, BORDERS)
    ends = _best(end_scores, BORDERS)
    length = ends[None, :] - starts[:, None]
    scores = start_scores[starts][:, None] + end_scores[ends][None, :]
    scores = np.where((length >= 0) & (length < max_tokens), scores, -np.inf).ravel()
    spans = []
    for number in _best(scores, count):
        if not np.isfinite(scores[number]):
            break
        start, end = starts[number // len(ends)], ends[number % len(ends)]
        spans.append(Span(int(window.starts[start]), int(window.ends[end]), float(scores[number]) - null))
    return spans


def _best(scores: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Positions of the `count` highest scores, best first, ties by position."""
    return np.argsort(-scores, kind="stable")[:count].astype(np.int64)
