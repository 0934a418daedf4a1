"""Rows as arrays: every window of every row, flat in memory, without a Python object a token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qa.reading.windows import Window, WindowMaker
from qa.training.data import Row

# A call with many rows keeps every core of the tokeniser busy.
ENCODE_BATCH = 1024


@dataclass(frozen=True, slots=True)
class Features:
    """Windows of a mixture. `ids` (tokens,) int32 with `bounds` (windows + 1,) int64 between windows;
    `passage_start`, `start`, `end` (windows,) int32 token positions within the window, 0 (the null) where
    the window holds no answer; `row` (windows,) the row of each, `part` (windows,) which of its windows it is."""

    ids: NDArray[np.int32]
    bounds: NDArray[np.int64]
    passage_start: NDArray[np.int32]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    row: NDArray[np.int32]
    part: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.passage_start)

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.diff(self.bounds)


def build_features(rows: list[Row], maker: WindowMaker) -> Features:
    """Cut rows into labelled windows; a window that lacks the whole answer is labelled null."""
    ids: list[NDArray[np.int32]] = []
    heads, starts, ends, owners, parts = [], [], [], [], []
    for place, (row, windows) in enumerate(cut_rows(rows, maker)):
        for number, window in enumerate(windows):
            ids.append(window.ids)
            owners.append(place)
            parts.append(number)
            heads.append(window.passage_start)
            start, end = 0, 0
            if row.start is not None and row.end is not None:
                # The first token that reaches past the span's start, and the last that begins before its end.
                first = int(np.searchsorted(window.ends, row.start, side="right"))
                last = int(np.searchsorted(window.starts, row.end, side="left")) - 1
                # Behind the last token of the last window only marks can stand that the tokeniser strips.
                whole = number == len(windows) - 1 or row.end <= window.ends[-1]
                inside = window.starts[0] <= row.start and whole
                if inside and first <= last:
                    start, end = window.passage_start + first, window.passage_start + last
            starts.append(start)
            ends.append(end)
    lengths = np.array([len(window) for window in ids], dtype=np.int64)
    return Features(
        ids=np.concatenate(ids) if ids else np.zeros(0, np.int32),
        bounds=np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]),
        passage_start=np.array(heads, dtype=np.int32),
        start=np.array(starts, dtype=np.int32),
        end=np.array(ends, dtype=np.int32),
        row=np.array(owners, dtype=np.int32),
        part=np.array(parts, dtype=np.int32),
    )


def cut_rows(rows: Sequence[Row], maker: WindowMaker) -> Iterator[tuple[Row, list[Window]]]:
    """Each row with its windows, in order."""
    for first in range(0, len(rows), ENCODE_BATCH):
        chunk = rows[first : first + ENCODE_BATCH]
        questions, passages = [row.question for row in chunk], [row.context for row in chunk]
        cut = maker.paired(questions, passages, [row.heading for row in chunk])
        yield from zip(chunk, cut, strict=True)


def batches(
    features: Features, batch_tokens: int, seed: int, groups: NDArray[np.int64] | None = None
) -> Iterator[NDArray[np.int64]]:
    """Window numbers by batch: shuffled, then grouped by length so that little is padding.

    Windows are shuffled into pools, sorted by length within a pool and cut into batches of at most `batch_tokens`
    padded tokens; the batches of the whole epoch are then shuffled. The same seed gives the same order. Windows of the
    same number in `groups` (windows,) come in the same batch, which a large group may overfill.
    """
    rng = np.random.default_rng(seed)
    # By default every window is a group of its own.
    groups = np.arange(len(features)) if groups is None else groups
    members = np.argsort(groups, kind="stable")
    begins = np.flatnonzero(np.diff(groups[members], prepend=-1))
    sizes = np.diff(begins, append=len(members))
    longest = np.maximum.reduceat(features.lengths[members], begins) if len(begins) else np.zeros(0, np.int64)
    order = rng.permutation(len(begins))
    made: list[NDArray[np.int64]] = []
    pool = 4096
    for first in range(0, len(order), pool):
        chunk = order[first : first + pool]
        chunk = chunk[np.argsort(longest[chunk], kind="stable")]
        batch: list[NDArray[np.int64]] = []
        held = 0
        for group in chunk:
            if batch and (held + int(sizes[group])) * int(longest[group]) > batch_tokens:
                made.append(np.concatenate(batch))
                batch, held = [], 0
            batch.append(members[begins[group] : begins[group] + sizes[group]])
            held += int(sizes[group])
        if batch:
            made.append(np.concatenate(batch))
    for number in rng.permutation(len(made)):
        yield made[number]


def collate(
    features: Features, windows: NDArray[np.int64], pad_id: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Pad a batch: ids, attention mask, token types (each (batch, longest)), start and end positions (batch,)."""
    longest = int(features.lengths[windows].max())
    ids = np.full((len(windows), longest), pad_id, dtype=np.int64)
    mask = np.zeros_like(ids)
    types = np.zeros_like(ids)
    for place, window in enumerate(windows):
        piece = features.ids[features.bounds[window] : features.bounds[window + 1]]
        ids[place, : len(piece)] = piece
        mask[place, : len(piece)] = 1
        types[place, features.passage_start[window] : len(piece)] = 1
    return ids, mask, types, features.start[windows].astype(np.int64), features.end[windows].astype(np.int64)
