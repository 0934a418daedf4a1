"""From a window's start and end logits to its best spans, with the null score of the same window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qa.reading.windows import Window

# Whole sentences answer how and why: of those that people marked 99 % are no longer than this.
MAX_ANSWER_TOKENS = 64
SPANS_PER_WINDOW = 5
# A span further than this behind the "no answer here" of its window, in logits, is no answer, not even as a candidate.
# Wide, because readers balance that null some logits off 0, and candidates reach below the balance.
BEHIND = 6.0


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
    masked out. Tokens without characters are no border either, and no span goes over the end of a paragraph.
    """
    null = float(start_logits[0]) + float(end_logits[0])
    first = window.passage_start
    tokens = len(window.starts)
    if tokens == 0 or not np.isfinite(null):
        return []
    wide = window.ends > window.starts
    start_scores = _borders(start_logits[first : first + tokens], wide)
    end_scores = _borders(end_logits[first : first + tokens], wide)
    padded = np.concatenate([end_scores, np.full(max_tokens - 1, -np.inf)])
    # (tokens, max_tokens): the span from token i to token i + j.
    scores = start_scores[:, None] + np.lib.stride_tricks.sliding_window_view(padded, max_tokens)
    paragraph_ends = np.concatenate([window.paragraphs, np.full(max_tokens - 1, -1, np.int32)])
    last_paragraph = np.lib.stride_tricks.sliding_window_view(paragraph_ends, max_tokens)
    scores = np.where(last_paragraph == window.paragraphs[:, None], scores, -np.inf).ravel()
    spans = []
    for number in _best(scores, count):
        if not np.isfinite(scores[number]):
            break
        start, more = divmod(int(number), max_tokens)
        spans.append(Span(int(window.starts[start]), int(window.ends[start + more]), float(scores[number]) - null))
    return spans


def _borders(logits: NDArray[np.float32], allowed: NDArray[np.bool_]) -> NDArray[np.float64]:
    scores = logits.astype(np.float64)
    masked: NDArray[np.float64] = np.where(allowed & np.isfinite(scores), scores, -np.inf)
    return masked


def _best(scores: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Positions of the `count` highest scores, best first, ties by position."""
    cut = max(0, len(scores) - count)
    lowest = np.partition(scores, cut)[cut]
    among = np.flatnonzero(scores >= lowest)
    return among[np.argsort(-scores[among], kind="stable")][:count]
